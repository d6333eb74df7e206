"""The pretend store itself: what tests and the demo hold in their hands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any, Literal, Self

from .accounts import SCOPES, Account, BasicAccount, TokenAccount
from .app import App, Seen
from .changes import Changes
from .deliveries import Deliveries, Delivery
from .faults import Fault
from .hooks import Hooks
from .quota import Quota, meter
from .rows import Json, Table
from .server import Server
from .settings import Settings
from .shop import Shop


class SandboxStore(Changes, Settings):
    """A BigCommerce store over TLS on this machine. Its data depend only on the counts and the seed.

    Use it as a context manager, or start() and close() it; get() needs neither. The settings (see ``Settings``; and
    ``quota``) may be changed at any time, from any thread.
    """

    def __init__(self, orders: int = 250, customers: int = 100, products: int = 50, seed: int = 0) -> None:
        super().__init__()
        self._shop = Shop(self, orders, customers, products, seed)
        self._app = App(self._shop)
        self._server = Server(self._app.application)
        self._deliveries = Deliveries(self._app.hooks)
        self._app.hooks.on_change = self._hooks_changed
        self._quota: Quota = None
        self.orders: Table = self._shop.orders
        self.customers: Table = self._shop.customers
        self.products: Table = self._shop.products

    def start(self) -> None:
        """Listen on a free port, or on the same one as before."""
        self._server.start()
        self._deliveries.open()

    def close(self) -> None:
        """Stop listening and delivering; all else stays. Raises what ``before_request`` raised.

        What waits to be delivered is dropped, and so is what happens until the next start. Where a receiver does not
        answer, this takes up to ten seconds.
        """
        self._deliveries.close()
        self._server.close()
        self._surface()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deliveries.close()
        self._server.close()
        if error is None:
            self._surface()
        elif (failure := self._app.failure()) is not None:
            error.add_note(f"before_request failed: {failure!r}")

    @property
    def ca_pem(self) -> str:
        """The certificate of the CA that signed the store's own."""
        return self._server.ca_pem

    @property
    def host(self) -> str:
        """``localhost:PORT``; raises RuntimeError before the first start."""
        return f"localhost:{self._server.port}"

    @property
    def origin(self) -> str:
        """``https://localhost:PORT``; raises RuntimeError before the first start."""
        return f"https://{self.host}"

    @property
    def quota(self) -> Quota:
        """The request quota in force; setting it begins to count anew."""
        return self._quota

    @quota.setter
    def quota(self, quota: Quota) -> None:
        self._quota = quota
        self._app.meter = meter(quota)

    @property
    def requests(self) -> list[Seen]:
        """The requests seen so far, in the order of their answers; those of get() without headers."""
        return self._app.seen()

    def clear_requests(self) -> None:
        """Forget the requests seen so far, and number the next ones from 1. Raises what ``before_request`` raised."""
        self._app.forget()
        self._surface()

    def get(self, path: str, query: Mapping[str, object] | None = None) -> tuple[int, bytes]:
        """The status and body with which the store answers a GET, asked without network, account, quota or fault.

        ``path`` is below the store's root: ``v2/orders``, ``v3/customers``. ``before_request`` is called in this
        thread, and what it raises is raised here.
        """
        answer = self._app.get(path, query or {})
        return answer.status, answer.body

    def snapshot(self, kind: Literal["orders", "customers", "products"]) -> dict[int, Json]:
        """A copy of the rows of a kind that the store would list now, by id, in the shape of v2."""
        with self._shop.lock:
            listed = self._shop.listed if kind == "orders" else None
            rows = {"orders": self.orders, "customers": self.customers, "products": self.products}[kind].rows()
            return {row.id: row.copy() for row in rows if listed is None or listed(row)}

    def create_account(self, username: str) -> BasicAccount:
        """Create a Basic (legacy) API account; the store must have been started once."""
        return self._app.accounts.create_basic(self.origin, username)

    def create_token_account(self, name: str, scopes: Collection[str] = SCOPES) -> TokenAccount:
        """Create a store-level API account; the store must have been started once."""
        return self._app.accounts.create_token(self.origin, name, scopes)

    def regenerate(self, account: BasicAccount) -> BasicAccount:
        """Give a Basic account a new token. The old one dies at that moment."""
        return self._app.accounts.regenerate(account)

    def delete(self, account: Account) -> None:
        """Delete an account, and its webhooks: its next request is answered 401."""
        self._app.accounts.delete(account)
        if isinstance(account, TokenAccount):
            self._app.hooks.forget_account(account.client_id)

    @property
    def hooks(self) -> Hooks:
        """The webhooks of all accounts."""
        return self._app.hooks

    @property
    def deliveries(self) -> list[Delivery]:
        """What was sent to webhooks so far, or is on its way, in the order of the events."""
        return list(self._deliveries.records)

    def trust(self, ca_pem: str) -> None:
        """Deliver to receivers whose certificate this CA signed, beside those that everybody trusts."""
        self._deliveries.trust(ca_pem)

    def emit(self, scope: str, data: Json, **fields: Any) -> Json:
        """Send an event of any kind to the webhooks that hear it; return its payload."""
        return self._deliveries.emit(scope, data, **fields)

    def settle(self, timeout: float = 10.0) -> bool:
        """Wait until every delivery has ended; tell whether that came about."""
        return self._deliveries.settle(timeout)

    def switch_off_hooks(self) -> None:
        """Make all webhooks inactive, as the store does after two days of failures or 90 without an event."""
        self._app.hooks.switch_off()

    def fault(self, fault: Fault, times: int | None = 1, path: str | None = None) -> None:
        """Let the next ``times`` requests whose path contains ``path`` meet a fault; None: all, until heal()."""
        self._app.faults.plan(fault, times, path)

    def heal(self) -> None:
        """Forget the faults that are still to come."""
        self._app.faults.heal()

    def _hooks_changed(self) -> None:
        with self._shop.lock:
            self._shop.listener = self._deliveries.emit if self._app.hooks else None
        self._deliveries.prune()

    def _surface(self) -> None:
        failure = self._app.failure()
        if failure is not None:
            raise failure
