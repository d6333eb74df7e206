"""AllowedHosts: which entries cover which hosts."""

import pytest

from storekey._hosts import AllowedHosts


@pytest.mark.parametrize(
    ("entries", "host", "port", "allowed"),
    [
        ("api.bigcommerce.com", "api.bigcommerce.com", 443, True),
        ("api.bigcommerce.com", "api.bigcommerce.com", 8443, False),
        ("api.bigcommerce.com", "x.api.bigcommerce.com", 443, False),
        ("api.bigcommerce.com:443", "api.bigcommerce.com", 443, True),
        ("*.mybigcommerce.com", "store-a.mybigcommerce.com", 443, True),
        ("*.mybigcommerce.com", "a.b.mybigcommerce.com", 443, True),
        ("*.mybigcommerce.com", "mybigcommerce.com", 443, False),
        ("*.mybigcommerce.com", ".mybigcommerce.com", 443, False),
        ("*.mybigcommerce.com", "evilmybigcommerce.com", 443, False),
        ("*.mybigcommerce.com", "mybigcommerce.com.evil.example", 443, False),
        ("*.mybigcommerce.com", "a.mybigcommerce.com", 443, True),
        ("localhost:1", "localhost", 1, True),
        ("localhost:65535", "localhost", 65535, True),
        ("localhost:8443", "localhost", 8443, True),
        ("localhost:8443", "localhost", 443, False),
        (" A.Example , b.example,", "a.example", 443, True),
        (" A.Example , b.example,", "b.example", 443, True),
    ],
)
def test_an_entry_covers(entries: str, host: str, port: int, allowed: bool) -> None:
    assert AllowedHosts.parse(entries).allow(host, port) is allowed


@pytest.mark.parametrize(
    "entries",
    [
        "",
        " , ",
        "*",
        "*.",
        "https://a.example",
        "a.example/api",
        "a.example:0",
        "a.example:65536",
        "a.example:99999",
        "a b",
        "a.*.example",
    ],
)
def test_an_entry_of_another_form_is_named(entries: str) -> None:
    with pytest.raises(ValueError, match=r"names no host|is none of"):
        AllowedHosts.parse(entries)


def test_a_list_is_shown_as_it_is_written() -> None:
    assert str(AllowedHosts.parse("*.a.example,b.example:8443")) == "*.a.example, b.example:8443"
