"""The hooks of an account: all pages of them, and hosts however an address is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from storekey import BadAnswer
from storekey.webhooks._hooks import all_hooks, host_of


class Pages:
    """A store whose list of hooks answers by a page's number, and which keeps what it was asked for."""

    def __init__(self, answer: Callable[[int], Any]) -> None:
        self.v3 = self
        self.asked: list[Any] = []
        self._answer = answer

    def get(self, path: str, params: dict[str, int]) -> Any:
        self.asked.append((path, params))
        return self._answer(params["page"])


def rows(count: int, page: int = 0) -> list[Any]:
    row = {"scope": "store/order/*", "destination": "https://x.example/"}
    return [{**row, "id": 1000 * page + number} for number in range(count)]


def pages_of(*counts: int, **more: Any) -> Callable[[int], Any]:
    """Pages with so many rows each, and none behind the last of them."""
    return lambda page: {"data": rows(counts[page - 1] if page <= len(counts) else 0, page), **more}


def told(pages: Any) -> dict[str, Any]:
    return {"meta": {"pagination": {"total_pages": pages}}}


@pytest.mark.parametrize(
    ("answer", "pages", "found"),
    [
        (pages_of(5, 3, **told(2)), 2, 8),
        (pages_of(250, 3, **told(1)), 1, 250),
        (pages_of(250, 3), 2, 253),
        (pages_of(249, 3), 1, 249),
        (pages_of(250, 250), 3, 500),
        (pages_of(0, 3, **told(2)), 1, 0),
        (pages_of(3, 3, **told("2")), 1, 3),
        (pages_of(3, 3, meta={"pagination": None}), 1, 3),
        (pages_of(3, 3, meta=[]), 1, 3),
        (lambda _: rows(3), 1, 3),
        (lambda page: {"data": rows(250, page)}, 20, 5_000),
        (lambda _: {"data": rows(250)}, 20, 250),
    ],
)
def test_pages_are_read_until_the_store_or_a_short_one_says_it_is_the_last(
    answer: Callable[[int], Any], pages: int, found: int
) -> None:
    store: Any = Pages(answer)
    assert len(all_hooks(store)) == found
    assert store.asked == [("hooks", {"limit": 250, "page": page}) for page in range(1, pages + 1)]


def test_a_hook_that_moves_to_the_next_page_meanwhile_is_one() -> None:
    store: Any = Pages(lambda page: {"data": rows(5)[3 * page - 3 - (page > 1) :][:3], **told(2)})
    assert [hook.id for hook in all_hooks(store)] == [0, 1, 2, 3, 4]


ODD: list[dict[str, Any]] = [{"headers": [1]}, {"id": []}, {"id": "x"}, {"id": float("inf")}]


@pytest.mark.parametrize("data", [[1], [{"id": 1}], *([{**rows(1)[0], **odd}] for odd in ODD), 7])
def test_a_list_that_is_none_is_a_bad_answer(data: Any) -> None:
    store: Any = Pages(lambda _: {"data": data})
    with pytest.raises(BadAnswer) as caught:
        all_hooks(store)
    assert str(caught.value) == "GET hooks: the answer is no list of hooks (status 200)"


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://X.example:8443/hook", "x.example"),
        ("x.example/hook", "x.example"),
        ("x.example:8443", "x.example"),
        ("/hook", ""),
        ("https://[x/", ""),
        ("", ""),
    ],
)
def test_the_host_of_an_address(address: str, host: str) -> None:
    assert host_of(address) == host
