"""How the store behaves, and what it says of a request that is about to be answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Arriving:
    """A request that is about to be answered: its number from 1 on, since the requests were last forgotten.

    ``path`` is the whole path, as in ``Seen``: ``/api/v2/orders`` or ``/stores/abc123/v3/customers``.
    """

    number: int
    method: str
    path: str
    query: dict[str, str]


@dataclass(eq=False)
class Settings:
    """How the store behaves; may be changed while it runs.

    ``clock_skew`` and ``latency`` are seconds. ``inclusive``: whether a row on a ``min_`` or ``max_`` bound of v2 is
    listed. ``include_lines``: whether ``include`` is honoured. ``list_archived``: whether archived orders are listed.

    ``clock`` is the store's clock, before ``clock_skew``. ``page_cap``: no page of a list is longer, whatever ``limit``
    says; ``include_page_cap``: the same, only where ``include`` asks for consignments and is honoured;
    ``include_line_cap``: so many lines of an order are inlined at most. ``count_filters``: whether v2 counts honour the
    filters of their lists. ``count_incomplete``: whether the count of orders includes those with status 0.

    ``sign_deliveries``: whether those of webhooks bear a signature; ``delivery_scale``: what the times between their
    tries, and those for which a host is watched and blocked, are multiplied with; ``duplicates``: the share of them
    that is sent twice at once, the same ones for the same order of events.

    ``before_request`` is called once before each request is answered, in the store's thread (in the caller's for
    ``get``), and may change everything. An error in it answers this and all later requests 500, and is raised by
    ``close()`` or ``clear_requests()``.
    """

    clock_skew: float = 0.0
    latency: float = 0.0
    inclusive: bool = True
    include_lines: bool = True
    list_archived: bool = True
    clock: Callable[[], float] = time.time
    page_cap: int | None = None
    include_page_cap: int | None = None
    include_line_cap: int | None = None
    count_filters: bool = False
    count_incomplete: bool = True
    sign_deliveries: bool = True
    delivery_scale: float = 1.0
    duplicates: float = 0.0
    before_request: Callable[[Arriving], object] | None = None
