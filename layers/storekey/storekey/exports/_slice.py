"""One invocation's share of a run: reads pages, writes parts, notes how far it has come, and finishes the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from storekey._errors import BadAnswer, RequestRejected, StoreError, Unreachable

from ._dates import iso_milliseconds, seconds_of
from ._files import Files, PartFile
from ._lines import INCLUDE, Line, as_json, at_hand, fetched, inlined
from ._proof import part_key
from ._routes import Position, after, route_of
from ._rows import Page, Row
from ._run import LAG_SECONDS, Run
from ._source import Source
from ._state import Lease, State

PART_BYTES = 16 * 1024 * 1024
RENEW_SECONDS = 10.0
DOUBT_SECONDS = 1.0
_NONE = 1 << 63


class Slice:
    """Goes on with an open run until it is finished or the time is up."""

    def __init__(
        self,
        source: Source,
        state: State,
        files: Files,
        lease: Lease,
        run: Run,
        *,
        store_name: str,
        out_of_time: Callable[[], bool],
        clock: Callable[[], float],
        asked_before: int,
    ) -> None:
        self._source, self._state, self._files, self._lease = source, state, files, lease
        self._run = run
        self._store_name = store_name
        self._out_of_time = out_of_time
        self._clock = clock
        self._route = route_of(lease.resource, run.api)
        self._part = PartFile()
        self._asked_before = asked_before - run.requests
        self._rows_before = run.rows
        self._renewed = time.monotonic()

    def work(self) -> bool:
        """Return whether all rows are there. What was read is kept, whatever kind of StoreError is raised."""
        run = self._run
        if run.finished:
            return True
        try:
            ended = self._read()
        except StoreError as error:
            self._save()
            if isinstance(error, Unreachable) and self._out_of_time() and run.rows > self._rows_before:
                return False
            raise
        while ended and run.writing > run.part:
            self._save()
        if ended:
            run.finished = int(self._clock())
        self._save()
        return ended

    def _read(self) -> bool:
        """Write the rows of all pages that are left; return whether the list has ended."""
        with _ahead(self._timed) as ask:
            coming = ask(self._run.position)
            doubted = False
            while True:
                page, at = self._arrived(coming)
                rows = self._new_rows(page)
                # What is behind the range is another's.
                past = self._run.stop is not None and any(row.id >= self._run.stop for row in page.rows)
                if not rows:
                    if past or doubted or not self._is_doubtful(page):
                        return True
                    doubted, coming = True, ask(self._run.position)
                    continue
                doubted = False
                self._note_lines(rows)
                stop = self._out_of_time()
                # A list by cursors has ended where none follows: without one its first page would come again.
                last = past or (self._route.by_cursor and not page.cursor)
                # The store answers while these rows are written; not while it is asked for their lines, or two requests
                # at once would take one more than the quota's reserve leaves.
                lines = [at_hand(row.facts) if self._run.with_lines else [] for row in rows]
                ahead = not stop and not last and None not in lines
                if ahead:
                    coming = ask(after(page, rows))
                if not self._write(rows, lines, at):
                    return False
                self._run.cursor = (page.cursor or "") if self._route.by_cursor else ""
                if last:
                    self._count_again()
                    return True
                if stop:
                    return False
                if not ahead:
                    coming = ask(self._run.position)
                if self._part.size >= PART_BYTES:
                    self._save()

    def _is_doubtful(self, page: Page) -> bool:
        """Tell whether the end of the list is to be asked for once more.

        A body without rows may be a proxy's or a broken answer's; an envelope is none, nor is the last row repeated.
        A run over everything counts first: what is created until it ends must not make up for what was removed.
        """
        self._count_again()
        empty = not page.rows and page.total != 0
        if empty:
            time.sleep(DOUBT_SECONDS)  # what is wrong may pass
        return self._run.counted_again or empty

    def _count_again(self) -> None:
        if self._run.counted_again:
            self._run.count_after = self._source.count(self._route, self._route.filters(self._run.window))

    def _arrived(self, coming: Future[tuple[Page, float]]) -> tuple[Page, float]:
        """Wait for a page, and keep the lease meanwhile."""
        while True:
            try:
                return coming.result(RENEW_SECONDS)
            except TimeoutError:
                if coming.done():
                    return coming.result()
                self._renew()

    def _timed(self, position: Position) -> tuple[Page, float]:
        """Return a page and when it was read."""
        page = self._fetch(position)
        return page, self._clock()

    def _fetch(self, position: Position) -> Page:
        query = self._route.query(self._run.window, position)
        if not self._run.with_lines or self._run.lines == "products":
            return self._source.page(self._route, query)
        try:
            return self._source.page(self._route, query | INCLUDE)
        except RequestRejected:
            if self._run.lines:
                raise
            self._run.lines = "products"
            return self._source.page(self._route, query)

    def _new_rows(self, page: Page) -> list[Row]:
        try:
            return self._route.new_rows(page, self._run.position, self._run.stop)
        except ValueError as error:
            facts = {"method": "GET", "path": self._route.path, "status": 200, "attempts": 1}
            raise BadAnswer(str(error), **facts) from None  # type: ignore[arg-type] # the facts' types differ

    def _note_lines(self, rows: list[Row]) -> None:
        """Remember from the first page on whether the store inlines lines."""
        if self._run.with_lines and not self._run.lines:
            found = any(inlined(row.facts) is not None for row in rows)
            self._run.lines = "include" if found else "products"

    def _write(self, rows: list[Row], lines: list[list[Line] | None], at: float) -> bool:
        """Add rows that were read ``at`` a time to the part; return False where it was up before the last of them.

        ``lines`` are those that came with each row, None where they have to be asked for.
        """
        run, first_created = self._run, self._first_created(rows)
        suffix = f'"_run":"{run.id}","_exported_at":"{iso_milliseconds(at)}","_api":"{run.api}"'.encode()
        for row, own in zip(rows, lines, strict=True):
            known = self._fetched(row) if own is None else own
            more = b'"_lines":%b,%b' % (as_json(known), suffix) if run.with_lines else suffix
            self._part.add(row.id, row.extended(more))
            run.rows += 1
            run.last_id = row.id
            run.incomplete += row.facts.status_id == 0
            run.archived += row.facts.is_deleted is True
            run.created += row.id >= first_created
            self._renew_if_due()
            if own is None and row is not rows[-1] and self._out_of_time():
                return False
        return True

    def _fetched(self, order: Row) -> list[Line]:
        """Return the lines of an order from its own route; one that is gone by now keeps what came with it."""
        lines = fetched(order.facts, lambda page: self._source.lines(order.id, page))
        self._run.fetched_lines += 1
        return lines or inlined(order.facts) or []

    def _first_created(self, rows: list[Row]) -> int:
        """Return the id from which on rows are younger than the run; ids ascend with creation, few are looked at."""
        opened, first = self._run.end + LAG_SECONDS, _NONE
        for row in reversed(rows if self._run.everything else []):
            if (seconds_of(row.facts.date_created) or 0) <= opened:
                break
            first = row.id
        return first

    def _save(self) -> None:
        """Write the part, if it holds rows or may take the place of one that was left there, and note it."""
        run = self._run
        if self._part.rows or run.writing >= run.part:
            body, part = self._part.close()
            self._part = PartFile()
            key = part_key(self._store_name, self._lease.resource, run, run.part)
            self._files.put_part(key, body, part, lambda: self._renew(writing=max(run.writing, run.part)))
            run.parts.append(part)
            run.part += 1
        run.requests = self._source.requests - self._asked_before
        self._state.save(self._lease, run)
        self._renewed = time.monotonic()

    def _renew_if_due(self) -> None:
        if time.monotonic() - self._renewed > RENEW_SECONDS:
            self._renew()

    def _renew(self, writing: int | None = None) -> None:
        left = self._source.quota_left
        progress = {
            "run": self._run.id,
            "rows": self._run.rows,
            "requests": self._source.requests - self._asked_before,
            "at": int(self._clock()),
            **({} if left is None else {"quota_left": int(left)}),
        }
        self._state.renew(self._lease, progress, writing)
        self._renewed = time.monotonic()


@contextmanager
def _ahead(
    fetch: Callable[[Position], tuple[Page, float]],
) -> Iterator[Callable[[Position], Future[tuple[Page, float]]]]:
    """Give a function that asks for a page in a thread of its own, within the invocation that this code runs in."""
    with ThreadPoolExecutor(1, thread_name_prefix="page") as thread:

        def ask(position: Position) -> Future[Any]:
            return thread.submit(copy_context().run, fetch, position)

        yield ask
