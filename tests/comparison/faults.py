"""One request of a first sync goes wrong, once; the second sync meets no fault. Nothing changes in the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.store import Answer, Arriving, SandboxStore

from .drivers import Driver
from .measure import Tally, tally
from .play import Reader, is_list, stocked

ORDERS = 600
_SEED = 1
# The tenth order by date of modification: in the first page of every system that reads by date.
_PLACE = 9
_HEADERS = {
    429: {
        "X-Rate-Limit-Requests-Left": "0",
        "X-Rate-Limit-Requests-Quota": "150",
        "X-Rate-Limit-Time-Reset-Ms": "1000",
        "X-Rate-Limit-Time-Window-Ms": "30000",
    }
}


@dataclass(frozen=True)
class Case:
    """A status that answers the second page of orders, or one order's ``products``, instead of them."""

    status: Literal[429, 502]
    where: Literal["page", "lines"]

    @property
    def name(self) -> str:
        """What a reader of the table sees."""
        return f"{self.status} for {'the second page' if self.where == 'page' else 'the lines of one order'}"


CASES = (Case(502, "page"), Case(429, "page"), Case(502, "lines"), Case(429, "lines"))


@dataclass(frozen=True)
class Outcome:
    """What a case did to a driver. ``met``: whether the driver made such a request at all."""

    system: str
    case: str
    met: bool
    error: str
    first: Tally
    both: Tally


def play_case(driver: Driver, case: Case) -> Outcome:
    """Sync twice, the first time with the fault."""
    with stocked(ORDERS, _SEED) as store:
        # Where include is honoured, nobody who uses it needs the products route.
        store.include_lines = case.where == "page"
        reader = Reader(store, driver)
        _plan(store, case)
        now = store.clock()
        reader.sync(now)
        met = any(request.status == case.status for request in store.requests)
        store.heal()
        final = store.snapshot("orders").values()
        first = tally(reader.syncs, final)
        reader.sync(now + 3600)
        return Outcome(driver.name, case.name, met, reader.errors[0], first, tally(reader.syncs, final))


def _plan(store: SandboxStore, case: Case) -> None:
    fault = Answer(case.status, b"", _HEADERS.get(case.status, {}))
    if case.where == "lines":
        by_date = sorted(store.orders.rows(), key=lambda row: (row.modified, row.id))
        store.fault(fault, path=f"/orders/{by_date[_PLACE].id}/products")
    else:
        store.before_request = _SecondPage(store, fault)


@dataclass
class _SecondPage:
    store: SandboxStore
    fault: Answer
    pages: int = 0

    def __call__(self, arriving: Arriving) -> None:
        if is_list(arriving):
            self.pages += 1
            if self.pages == 2:
                self.store.fault(self.fault, path="/orders")
