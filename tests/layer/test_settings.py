"""Settings: read once, and every wrong variable named at once."""

from pathlib import Path

import pytest

from storekey import Settings, SettingsError

GOOD = {"CREDENTIALS_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:111122223333:secret:s-AbCdEf"}


def test_defaults_are_those_of_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORE_NAME", "ALLOWED_HOSTS", "STORE_CA_BUNDLE", "CREDENTIALS_MAX_AGE", "QUOTA_RESERVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment()
    assert settings.secret_id == GOOD["CREDENTIALS_SECRET_ARN"]
    assert settings.store_name == "store"
    assert settings.credentials_max_age == 300
    assert settings.quota_reserve == 20
    assert settings.ca_bundle == ""
    assert settings.allowed_hosts.allow("api.bigcommerce.com", 443)


def test_every_variable_is_read(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    settings = Settings.from_environment(
        GOOD
        | {"STORE_NAME": "wholesale", "ALLOWED_HOSTS": "a.example:8443", "STORE_CA_BUNDLE": str(bundle)}
        | {"CREDENTIALS_MAX_AGE": "0", "QUOTA_RESERVE": "50"}
    )
    assert settings.store_name == "wholesale"
    assert settings.allowed_hosts.allow("a.example", 8443)
    assert settings.ca_bundle == str(bundle)
    assert (settings.credentials_max_age, settings.quota_reserve) == (0, 50)


@pytest.mark.parametrize("reserve", ["0", "90"])
def test_a_reserve_may_be_nothing_and_nearly_all(reserve: str) -> None:
    assert Settings.from_environment(GOOD | {"QUOTA_RESERVE": reserve}).quota_reserve == int(reserve)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("CREDENTIALS_SECRET_ARN", "", "is not set, though the template sets it"),
        ("STORE_NAME", "a b", "may hold letters, digits, dot, underscore and hyphen, 63 at most"),
        ("STORE_NAME", "x\r\nX-Evil: 1", "may hold letters, digits, dot, underscore and hyphen, 63 at most"),
        ("ALLOWED_HOSTS", "https://a.example", "'https://a.example' is none of host, *.host, host:port"),
        ("ALLOWED_HOSTS", ",", "names no host, unlike *.mybigcommerce.com,api.bigcommerce.com"),
        ("STORE_CA_BUNDLE", "nowhere.pem", "is neither PEM text nor the path of a file"),
        ("CREDENTIALS_MAX_AGE", "301", "is not a number from 0 to 300"),
        ("CREDENTIALS_MAX_AGE", "nan", "is not a number from 0 to 300"),
        ("CREDENTIALS_MAX_AGE", "-1", "is not a number from 0 to 300"),
        ("CREDENTIALS_MAX_AGE", "soon", "is not a number from 0 to 300"),
        ("QUOTA_RESERVE", "90.5", "is not a number from 0 to 90"),
    ],
)
def test_a_wrong_variable_is_named_with_its_remedy(name: str, value: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(GOOD | {name: value})
    assert str(caught.value) == f"{name} {remedy}"


def test_all_wrong_variables_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"ALLOWED_HOSTS": "*", "QUOTA_RESERVE": "x"})
    assert [part.split()[0] for part in str(caught.value).split("; ")] == [
        "ALLOWED_HOSTS",
        "CREDENTIALS_SECRET_ARN",
        "QUOTA_RESERVE",
    ]
