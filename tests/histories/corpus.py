"""The corpus: seeded histories of what changes in a store before, between and during syncs, as pure data.

A history is the same for the same seed. Its changes happen always in the same order, whoever syncs the store meanwhile,
so the ids in it are certain; only the seconds of the store's clock at which they happen depend on how many requests a
sync makes. The last run of each history is quiet: hours later, and nothing changes in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Literal

from sandbox.store import SandboxStore

FIRST_ORDER = 100
MINUTE, HOUR = 60, 3600
LAST_REQUEST = 12
_SKEWS = (0, 0, 0, -600, -45, -2, 3, 90, 600)
_PACES = (0.25, 0.5, 1.0, 2.0)
_BULK_SIZES = (5, 60, 260, 700, 1200)

Kind = Literal["edit", "insert", "archive", "remove"]
_KINDS: tuple[Kind | Literal["bulk", "nothing"], ...] = ("edit", "insert", "archive", "remove", "bulk", "nothing")


@dataclass(frozen=True)
class Behaviour:
    """The store: how many orders it begins with, and the settings of ``SandboxStore`` that a client has to bear.

    ``clock_skew`` is seconds that the store's clock is ahead of ours.
    """

    orders: int
    clock_skew: int
    inclusive: bool
    include_lines: bool
    list_archived: bool
    page_cap: int | None
    include_page_cap: int | None
    include_line_cap: int | None
    count_filters: bool
    count_incomplete: bool


@dataclass(frozen=True)
class Change:
    """Something that happens to orders, to all of ``ids`` in the same second of the store's clock.

    An ``edit`` writes ``note`` into their ``staff_notes``. ``insert`` adds one order, which gets the only id in
    ``ids``. ``archive`` is what DELETE does; ``remove`` takes them away altogether.
    """

    kind: Kind
    ids: tuple[int, ...]
    note: str


@dataclass(frozen=True)
class Step:
    """A change ``wait`` seconds after whatever was before, and before the run's request number ``request``.

    Request 0: before the run. Without a change only the time passes.
    """

    request: int
    wait: int
    change: Change | None


@dataclass(frozen=True)
class Run:
    """One sync: ``pause`` seconds after the last one, and each of its requests takes ``pace`` seconds of store time."""

    pause: int
    pace: float
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class History:
    """A store, the syncs of it, and what changes meanwhile."""

    seed: int
    behaviour: Behaviour
    runs: tuple[Run, ...]

    def changes(self) -> Iterator[Change]:
        """All changes, in their order."""
        return (step.change for run in self.runs for step in run.steps if step.change)


def history(seed: int, orders: int | None = None) -> History:
    """The history of a seed; ``orders`` begins it with another number of them."""
    random = Random(seed)
    behaviour = _behaviour(random)
    behaviour = behaviour if orders is None else replace(behaviour, orders=orders)
    writer = _Writer(random, list(range(FIRST_ORDER, FIRST_ORDER + behaviour.orders)))
    runs = [writer.run() for _ in range(random.randint(2, 5))]
    return History(seed, behaviour, (*runs, Run(pause=random.randint(2, 12) * HOUR, pace=1.0)))


def apply(store: SandboxStore, change: Change) -> None:
    """Let a change happen in a store, now."""
    match change.kind:
        case "edit":
            store.change_orders(change.ids, staff_notes=change.note)
        case "insert":
            added = store.add_order(staff_notes=change.note)
            assert (added["id"],) == change.ids, "changes are applied in the order of the history"
        case "archive":
            for order_id in change.ids:
                store.archive_order(order_id)
        case "remove":
            for order_id in change.ids:
                store.remove_order(order_id)


def configure(store: SandboxStore, behaviour: Behaviour) -> None:
    """Let a store behave so; how many orders it has was said when it was made."""
    for name, value in asdict(behaviour).items():
        if name != "orders":
            setattr(store, name, value)


def _behaviour(random: Random) -> Behaviour:
    small = random.random() < 0.4
    return Behaviour(
        orders=random.randint(30, 400) if small else random.randint(400, 1600),
        clock_skew=random.choice(_SKEWS),
        inclusive=random.random() < 0.7,
        include_lines=random.random() < 0.7,
        list_archived=random.random() < 0.6,
        # A list without include has always given at least 50 rows where they were asked for.
        page_cap=random.choice((None, None, None, 100, 50)),
        include_page_cap=random.choice((None, None, 50, 10)),
        include_line_cap=random.choice((None, None, None, 10)),
        count_filters=random.random() < 0.5,
        count_incomplete=random.random() < 0.5,
    )


@dataclass
class _Writer:
    """Writes the runs of a history, and knows which orders there are at each point of it."""

    random: Random
    live: list[int]
    notes: int = 0

    def __post_init__(self) -> None:
        self.next_id = self.live[-1] + 1

    def run(self) -> Run:
        random = self.random
        between = [(0, random.choice((0, 0, 1, 30, random.randint(1, HOUR)))) for _ in range(random.randint(0, 6))]
        # Most in the first requests: a client with large pages makes no more than a few.
        pairs = [
            (random.randint(1, LAST_REQUEST), random.randint(1, LAST_REQUEST)) for _ in range(random.randint(0, 12))
        ]
        during = [(number, random.choice((0, 0, 0, 1, 2))) for number in sorted(map(min, pairs))]
        steps = tuple(Step(request, wait, self._change(request)) for request, wait in [*between, *during])
        return Run(random.randint(5 * MINUTE, 6 * HOUR), random.choice(_PACES), steps)

    def _change(self, request: int) -> Change | None:
        # Bulk edits are the nightly jobs of a store, rarely just while somebody reads it.
        weights = (45, 15, 8, 8, 4 if request else 16, 10)
        kind = self.random.choices(_KINDS, weights)[0]
        match kind:
            case "nothing":
                return None
            case "insert":
                return self._insert()
            case "bulk":
                return self._edit(self._sample(self.random.choice(_BULK_SIZES)))
            case "edit":
                return self._edit(self._sample(self.random.randint(1, 3)))
            case "archive" | "remove":
                return self._leave(kind, self._sample(self.random.choice((1, 1, 1, 4))))

    def _sample(self, size: int) -> tuple[int, ...]:
        # Four of five changes meet the newest quarter, as in a shop.
        hot = self.live[-max(1, len(self.live) // 4) :] if size < 5 and self.random.random() < 0.8 else self.live
        return tuple(sorted(self.random.sample(hot, min(size, len(hot)))))

    def _note(self) -> str:
        self.notes += 1
        return f"change {self.notes}"

    def _edit(self, ids: tuple[int, ...]) -> Change:
        return Change("edit", ids, self._note())

    def _insert(self) -> Change:
        order_id, self.next_id = self.next_id, self.next_id + 1
        self.live.append(order_id)
        return Change("insert", (order_id,), self._note())

    def _leave(self, kind: Literal["archive", "remove"], ids: tuple[int, ...]) -> Change | None:
        if len(self.live) - len(ids) < 10:
            return None
        self.live = [order_id for order_id in self.live if order_id not in ids]
        return Change(kind, ids, "")
