"""The account that deliveries are recognised by, and why some credentials have none."""

from __future__ import annotations

import pytest

from storekey import Hidden
from storekey._credentials import Credentials, Problem
from storekey.webhooks._account import Account, account_of

from .deliveries import credentials, secret

API_PATH = "https://api.bigcommerce.com/v3/"


def test_a_token_account_is_known_by_its_store_and_its_secret() -> None:
    found = account_of(credentials(secret("A")))
    # Another value in another version of the code would have all hooks changed.
    key = "a1ae7f3c8376b718f1acf23e5f43d8599f4d986168af5a872b220cd62cfa7025"
    assert found == Account("stores/abc123", Hidden("secret-of-A"), Hidden(key))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {"api_path": "https://a.mybigcommerce.com/v2", "username": "u", "api_token": "t"},
            Problem("secret", "holds a Basic account, and webhooks need a token account"),
        ),
        (
            {name: value for name, value in secret("A").items() if name != "client_id"},
            Problem("client_id", "is missing, and webhooks need it; copy it from the API account's text file"),
        ),
        (
            {name: value for name, value in secret("A").items() if name != "client_secret"},
            Problem("client_secret", "is missing, and webhooks need it; copy it from the API account's text file"),
        ),
        (
            secret("A") | {"api_path": API_PATH},
            Problem("api_path", "holds no /stores/<store hash>/, by which deliveries name their store"),
        ),
    ],
)
def test_credentials_that_can_have_no_hooks_tell_the_remedy(fields: dict[str, str], problem: Problem) -> None:
    assert account_of(credentials(fields)) == problem


def test_a_secret_that_cannot_be_used_has_no_account_for_that_reason() -> None:
    problem = Problem("api_path", "is missing")
    assert account_of(problem) is problem
    behind_a_proxy = Credentials(
        "token", "https://proxy.example/bc/stores/x1", Hidden("t"), client_id="id", client_secret=Hidden("s")
    )
    found = account_of(behind_a_proxy)
    assert isinstance(found, Account) and found.producer == "stores/x1"
