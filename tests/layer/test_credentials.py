"""The secret's every shape: what is taken, what is refused, and that no refusal tells a value."""

import copy
import json
import pickle
from base64 import b64decode, b64encode
from urllib.parse import quote

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
    assert (credentials.client_id, credentials.client_secret) == ("id1", Hidden("sec1"))


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


def test_a_text_of_an_editor_is_taken() -> None:
    text = json.dumps(BASIC | {"note": "made by|hand"}, indent=2).replace("|", "\n")
    assert accepted(f"\ufeff{text}\r\n").username == "orders-export"


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
    values = list(secret.values()) if isinstance(secret, dict) else [secret]
    assert not [value for value in values if isinstance(value, str) and len(value) > 3 and value in str(problem)]


# One of each kind: which rule was broken is told with what to do about it.
REMEDIES: list[tuple[object, str]] = [
    ("e0a02b039773", "is not JSON; write one JSON object in double quotes, as README.md shows"),
    ("[1]", "is JSON but not an object; write the fields between { and }"),
    ({}, "holds no account; it needs username and api_token (Basic), or access_token (token)"),
    (BASIC | {"access_token": "t"}, "stands beside username; keep the fields of one account, Basic or token"),
    ({"username": "u", "api_token": "t"}, "is missing; copy it from the API account in the store's control panel"),
    (BASIC | {"username": None}, "is not a text; put it in double quotes"),
    (BASIC | {"api_token": " "}, "is empty; copy it from the API account in the store's control panel"),
    (BASIC | {"username": "or\nders"}, "holds a control character; copy it again, without line breaks"),
    (BASIC | {"username": "or:ders"}, "holds a colon, which Basic cannot carry; rename the account"),
    (BASIC | {"api_token": "e0a0 2b03"}, "holds whitespace inside; copy it again in one piece"),
    (
        BASIC | {"api_token": "e0a0ö"},
        "holds a character that no header can carry; copy it again from the control panel",
    ),
]
REMEDIES += [
    (BASIC | {"api_path": path}, remedy)
    for path, remedy in (
        ("https://[::1/api/v2/", "is not an address; copy the API path from the control panel"),
        ("http://a.mybigcommerce.com/v2", "does not begin with https://; the store is called over TLS alone"),
        ("https://u@a.mybigcommerce.com/v2", "holds user information before the host; leave the host alone there"),
        ("https://a.mybigcommerce.com/v2?a=1", "holds a query or fragment; it ends in /v2/ or /v3/"),
        ("https:///api/v2/", "holds no plain host name; copy the API path from the control panel"),
        ("https://störe.mybigcommerce.com/v2", "holds no plain host name; copy the API path from the control panel"),
        (
            "https://evil.example/api/v2/",
            "names a host outside AllowedHosts; correct it, or add the store's own domain to that parameter",
        ),
        (
            "https://a.mybigcommerce.com/v1",
            "does not end in /v2/ or /v3/ after plain path segments; copy it from the control panel",
        ),
    )
]


@pytest.mark.parametrize(("secret", "remedy"), REMEDIES)
def test_a_refusal_tells_the_remedy(secret: object, remedy: str) -> None:
    problem = parse(secret)
    assert isinstance(problem, Problem), "taken"
    assert problem.reason == remedy


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
    assert repr(hidden) == "<hidden>" == pickle.loads(pickle.dumps(hidden)).reveal()
    assert "planted" not in f"{hidden} {hidden!r} {pickle.dumps(hidden)!r} {copy.copy(hidden)!r} {[hidden]}"


def test_no_repr_and_no_masked_text_shows_a_secret() -> None:
    credentials = accepted(TOKEN | {"client_id": "id1", "client_secret": "s/ecret+1"})
    assert "tok123" not in repr(credentials)
    assert "s/ecret+1" not in repr(credentials)
    assert credentials.mask("a tok123 b s%2Fecret%2B1 c dG9rMTIz") == "a *** b *** c ***"


@pytest.mark.parametrize("token", ["s/ecret", "s/ecret+", "s/ecret+1"])  # base64 fills up by two, one, none
def test_every_form_of_a_secret_value_is_masked(token: str) -> None:
    credentials = accepted(BASIC | {"api_token": token})
    basic = credentials.headers()["Authorization"].removeprefix("Basic ")
    encoded = b64encode(token.encode()).decode().rstrip("=")
    for form in (token, quote(token, safe=""), encoded, basic, basic.rstrip("="), quote(basic, safe="")):
        assert credentials.mask(f"x{form}y") == "x***y"
