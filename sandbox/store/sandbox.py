"""The pretend store itself: what tests and the demo hold in their hands."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import Any, Self

from .accounts import SCOPES, Account, BasicAccount, TokenAccount
from .app import App, Seen
from .faults import Fault
from .quota import Quota, meter
from .rows import Json, Table
from .server import Server
from .shop import Settings, Shop


class SandboxStore(Settings):
    """A BigCommerce store over TLS on this machine. Its data depend only on the counts and the seed.

    Use it as a context manager, or start() and close() it. The settings (``clock_skew``, ``latency``, ``inclusive``,
    ``include_lines``, ``list_archived``, ``quota``) may be changed at any time, from any thread.
    """

    def __init__(self, orders: int = 250, customers: int = 100, products: int = 50, seed: int = 0) -> None:
        super().__init__()
        self._shop = Shop(self, orders, customers, products, seed)
        self._app = App(self._shop)
        self._server = Server(self._app.application)
        self._quota: Quota = None
        self.ca_pem = self._server.ca_pem
        self.orders: Table = self._shop.orders
        self.customers: Table = self._shop.customers
        self.products: Table = self._shop.products

    def start(self) -> None:
        """Listen on a free port, or on the same one as before."""
        self._server.start()

    def close(self) -> None:
        """Stop listening; the data, accounts and requests stay."""
        self._server.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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
        """The requests seen so far, in the order of their answers."""
        return self._app.seen()

    def clear_requests(self) -> None:
        """Forget the requests seen so far."""
        self._app.forget()

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
        """Delete an account: its next request is answered 401."""
        self._app.accounts.delete(account)

    def fault(self, fault: Fault, times: int | None = 1, path: str | None = None) -> None:
        """Let the next ``times`` requests whose path contains ``path`` meet a fault; None: all, until heal()."""
        self._app.faults.plan(fault, times, path)

    def heal(self) -> None:
        """Forget the faults that are still to come."""
        self._app.faults.heal()

    def lines(self, order_id: int) -> list[Json]:
        """All lines of an order, as its ``products`` route gives them page by page."""
        return self._shop.lines(order_id)

    def add_order(self, **fields: Any) -> Json:
        """Add an order with the next id, created now; ``products`` become its lines."""
        return self._shop.add_order(fields)

    def change_order(self, order_id: int, **fields: Any) -> Json:
        """Change fields of an order; it is modified now, unless ``date_modified`` is among the fields."""
        return self._shop.change_order(order_id, fields)

    def archive_order(self, order_id: int) -> None:
        """Archive an order, as DELETE does."""
        self._shop.archive_order(order_id)

    def remove_order(self, order_id: int) -> None:
        """Remove an order altogether: its next read is answered 404."""
        self._shop.remove_order(order_id)
