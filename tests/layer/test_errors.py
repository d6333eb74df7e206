"""The errors of calls: what they tell, and that they stay what they are when they are copied."""

import copy
import pickle
from typing import Any

import pytest

from storekey import BadCredentials, RateLimited, RequestRejected, StoreError, Unauthorized

FACTS: dict[str, Any] = {"method": "GET", "path": "orders", "status": 418, "attempts": 1}


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "it failed"),
        ({"status": 503}, "it failed (status 503)"),
        ({"method": "GET", "path": "orders", "attempts": 4}, "GET orders: it failed (4 attempts)"),
        (FACTS, "GET orders: it failed (status 418, 1 attempt)"),
    ],
)
def test_an_error_tells_its_facts(facts: dict[str, Any], text: str) -> None:
    error = StoreError("it failed", **facts)
    assert (str(error), repr(error)) == (text, "StoreError('it failed')")
    assert vars(error) == {"reason": "it failed", "method": "", "path": "", "status": None, "attempts": 0} | facts


@pytest.mark.parametrize(
    ("kind", "name", "value", "default"),
    [
        (Unauthorized, "status", 401, None),
        (BadCredentials, "field", "api_path", ""),
        (RateLimited, "retry_after", 2.5, 0.0),
        (RequestRejected, "body", "what the store said", ""),
    ],
)
def test_an_error_survives_a_copy(kind: type[StoreError], name: str, value: Any, default: Any) -> None:
    def told(error: Any) -> Any:
        return error.explain() if name == "body" else getattr(error, name)

    error = kind("it failed", **FACTS | {name: value})
    assert (told(error), told(kind("it failed"))) == (value, default)
    assert str(error).startswith("GET orders: it failed (status 4")
    assert told(copy.copy(error)) == value
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(other) is kind
        assert (str(other), repr(other)) == (str(error), f"{kind.__name__}('it failed')")
        assert vars(other).keys() == vars(error).keys()
