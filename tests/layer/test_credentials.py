"""The secret's every shape: what is taken, what is refused, and that no refusal tells a value."""

import copy
import json
import pickle
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekey._credentials import Credentials, Problem, parse_secret
from storekey._hidden import Hidden
from storekey._hosts import AllowedHosts

HOSTS = AllowedHosts.parse("*.mybigcommerce.com,api.bigcommerce.com,shop.example:8443")
BASIC = {
    "api_path": "https://store-abc.mybigcommerce.com/api/v2/",
    "username": "orders-export",
    "api_token": "e0a02b039773",
}
TOKEN = {"api_path": "https://api.bigcommerce.com/stores/abc123/v3/", "access_token": "tok123"}


def parse(secret: object) -> Credentials | Problem:
    return parse_secret(Hidden(secret if isinstance(secret, str) else json.dumps(secret)), HOSTS)


def accepted(secret: object) -> Credentials:
    credentials = parse(secret)
    assert isinstance(credentials, Credentials), credentials
    return credentials


def test_basic_becomes_the_header_of_the_seed() -> None:
    credentials = accepted(BASIC | {"username": "admin", "api_token": "e0a02b0397735b873edd95a5fd5cb9bb"})
    header = credentials.headers()["Authorization"].removeprefix("Basic ")
    assert b64decode(header) == b"admin:e0a02b0397735b873edd95a5fd5cb9bb"
    assert credentials.root("v2") == "https://store-abc.mybigcommerce.com/api/v2/"


def test_token_becomes_its_header_and_reaches_both_versions() -> None:
    credentials = accepted(TOKEN | {"client_id": "id1", "client_secret": "sec1"})
    assert credentials.headers() == {"X-Auth-Token": "tok123"}
    assert credentials.root("v2") == "https://api.bigcommerce.com/stores/abc123/v2/"
    assert credentials.root("v3") == "https://api.bigcommerce.com/stores/abc123/v3/"
    assert credentials.client_secret == Hidden("sec1")


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"api_path": BASIC["api_path"].rstrip("/")}, "base", "https://store-abc.mybigcommerce.com/api"),
        ({"api_path": f" \n{BASIC['api_path']}\t"}, "base", "https://store-abc.mybigcommerce.com/api"),
        (
            {"api_path": "HTTPS://Store-ABC.mybigcommerce.com/api/v2"},
            "base",
            "https://store-abc.mybigcommerce.com/api",
        ),
        ({"api_path": "https://shop.example:8443/api/v2/"}, "base", "https://shop.example:8443/api"),
        ({"username": " Zoë's orders, daily "}, "username", "Zoë's orders, daily"),
        ({"api_token": "\u00a0abc\r\n"}, "token", Hidden("abc")),
        ({"note": "made by\nhand", "scopes": [1, None]}, "username", "orders-export"),
    ],
)
def test_what_a_paste_brings_along_is_taken(change: dict[str, object], field: str, value: object) -> None:
    assert getattr(accepted(BASIC | change), field) == value


def test_a_user_name_is_sent_as_utf8() -> None:
    header = accepted(BASIC | {"username": "Zoë", "api_token": "t"}).headers()["Authorization"]
    assert b64decode(header.split()[1]).decode("utf-8") == "Zoë:t"


REFUSED: list[tuple[object, str]] = [
    ("", "secret"),
    ("e0a02b039773", "secret"),
    ("[" * 100_000, "secret"),
    ("[1]", "secret"),
    ('"text"', "secret"),
    ("null", "secret"),
    ({}, "secret"),
    ({"api_path": BASIC["api_path"]}, "secret"),
    ({"username": "u", "api_token": "t"}, "api_path"),
    ({"api_path": BASIC["api_path"], "username": "u"}, "api_token"),
    ({"api_path": BASIC["api_path"], "api_token": "t"}, "username"),
    ({"api_path": TOKEN["api_path"], "client_id": "c"}, "access_token"),
    (BASIC | {"access_token": "t"}, "access_token"),
    (BASIC | {"client_id": "c"}, "client_id"),
    (BASIC | {"api_token": ""}, "api_token"),
    (BASIC | {"api_token": "  \n"}, "api_token"),
    (BASIC | {"username": ""}, "username"),
    (BASIC | {"api_path": ""}, "api_path"),
    (BASIC | {"api_token": None}, "api_token"),
    (BASIC | {"api_token": 12345678}, "api_token"),
    (BASIC | {"username": ["u"]}, "username"),
    (BASIC | {"username": "or:ders"}, "username"),
    (BASIC | {"username": "or\x00ders"}, "username"),
    (BASIC | {"username": "or\nders"}, "username"),
    (BASIC | {"username": "or\x7fders"}, "username"),
    ('{"api_path": "https://a.mybigcommerce.com/v2", "username": "\\ud800", "api_token": "t"}', "username"),
    (BASIC | {"api_token": "e0a0 2b03"}, "api_token"),
    (BASIC | {"api_token": "e0a0\u00a02b03"}, "api_token"),
    (BASIC | {"api_token": "e0a0\n2b03"}, "api_token"),
    (BASIC | {"api_token": "e0a0\u200b2b03"}, "api_token"),
    (BASIC | {"api_token": "e0a0\x1f"}, "api_token"),
    (TOKEN | {"access_token": "tök"}, "access_token"),
    (TOKEN | {"access_token": "a\tb"}, "access_token"),
    (TOKEN | {"client_secret": ""}, "client_secret"),
    (TOKEN | {"client_id": 7}, "client_id"),
]
REFUSED += [
    (BASIC | {"api_path": path}, "api_path")
    for path in (
        "http://store-abc.mybigcommerce.com/api/v2/",
        "store-abc.mybigcommerce.com/api/v2/",
        "ftp://store-abc.mybigcommerce.com/api/v2/",
        "https://",
        "https:///api/v2/",
        "https://user@store-abc.mybigcommerce.com/api/v2/",
        "https://user:pass@store-abc.mybigcommerce.com/api/v2/",
        "https://@store-abc.mybigcommerce.com/api/v2/",
        "https://evil.example/api/v2/",
        "https://mybigcommerce.com/api/v2/",
        "https://.mybigcommerce.com/api/v2/",
        "https://notmybigcommerce.com/api/v2/",
        "https://store.mybigcommerce.com.evil.example/api/v2/",
        "https://store.mybigcommerce.com\\@evil.example/api/v2/",
        "https://evil.example#.mybigcommerce.com/api/v2/",
        "https://evil.example?.mybigcommerce.com/api/v2/",
        "https://store.mybigcommerce.com./api/v2/",
        "https://störe.mybigcommerce.com/api/v2/",
        "https://store..mybigcommerce.com/api/v2/",
        f"https://{'a' * 64}.mybigcommerce.com/api/v2/",
        "https://store.mybigcommerce.com:8443/api/v2/",
        "https://store.mybigcommerce.com:0/api/v2/",
        "https://store.mybigcommerce.com:port/api/v2/",
        "https://shop.example/api/v2/",
        "https://[::1]/api/v2/",
        "https://127.0.0.1/api/v2/",
        "https://169.254.169.254/api/v2/",
        "https://10.0.0.1/api/v2/",
        "https://localhost/api/v2/",
        "https://[::1/api/v2/",
        "https://store.mybigcommerce.com/api/v2/?a=1",
        "https://store.mybigcommerce.com/api/v2/?",
        "https://store.mybigcommerce.com/api/v2/#",
        "https://store.mybigcommerce.com/api/v1/",
        "https://store.mybigcommerce.com/api/v2/orders",
        "https://store.mybigcommerce.com/api/",
        "https://store.mybigcommerce.com",
        "https://store.mybigcommerce.com/api/../v2/",
        "https://store.mybigcommerce.com//v2/",
        "https://store.mybigcommerce.com/api/v2//",
        "https://store.mybigcommerce.com/api%2f/v2/",
        "https://store.mybigcommerce.com/a pi/v2/",
        "https://store.mybigcommerce.com/api/\nv2/",
    )
]


@pytest.mark.parametrize(("secret", "field"), REFUSED)
def test_a_broken_secret_is_refused_by_field_and_never_by_value(secret: object, field: str) -> None:
    problem = parse(secret)
    assert isinstance(problem, Problem), "taken"
    assert problem.field == field
    assert str(problem).startswith(f"{field}: ")
    assert len(problem.reason) > 20, "no remedy"
    values = list(secret.values()) if isinstance(secret, dict) else [secret]
    assert not [value for value in values if isinstance(value, str) and len(value) > 3 and value in str(problem)]


@given(st.text() | st.dictionaries(st.sampled_from([*BASIC, *TOKEN, "client_id", "x"]), st.text()).map(json.dumps))
def test_any_text_is_credentials_or_a_problem(text: str) -> None:
    assert isinstance(parse(text), Credentials | Problem)


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1), st.text(min_size=1))
def test_whatever_is_taken_makes_one_sound_header_to_an_allowed_host(name: str, token: str) -> None:
    credentials = parse(BASIC | {"username": name, "api_token": token})
    if isinstance(credentials, Credentials):
        (value,) = credentials.headers().values()
        assert value.isascii()
        assert value.isprintable()
        assert credentials.host == "store-abc.mybigcommerce.com"


def test_hidden_text_stays_hidden() -> None:
    hidden = Hidden("planted")
    assert hidden == Hidden("planted") != Hidden("other")
    assert len({hidden, Hidden("planted")}) == 1
    assert "planted" not in f"{hidden} {hidden!r} {pickle.dumps(hidden)!r} {copy.copy(hidden)!r} {[hidden]}"


def test_no_repr_and_no_masked_text_shows_a_secret() -> None:
    credentials = accepted(TOKEN | {"client_id": "id1", "client_secret": "s/ecret+1"})
    assert "tok123" not in repr(credentials)
    assert "s/ecret+1" not in repr(credentials)
    assert credentials.mask("a tok123 b s%2Fecret%2B1 c dG9rMTIz") == "a *** b *** c ***"
    basic = accepted(BASIC)
    encoded = basic.headers()["Authorization"].split()[1]
    assert basic.mask(f"x{encoded}y") == "x***y"
