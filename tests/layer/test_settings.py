"""Settings: read once, and every wrong variable named at once."""

from pathlib import Path

import pytest

from storekey import Settings, SettingsError

GOOD = {"CREDENTIALS_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:111122223333:secret:s-AbCdEf"}


def test_defaults_are_those_of_the_template() -> None:
    settings = Settings.from_environment(GOOD)
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CREDENTIALS_SECRET_ARN", ""),
        ("STORE_NAME", "a b"),
        ("STORE_NAME", "x\r\nX-Evil: 1"),
        ("ALLOWED_HOSTS", "https://a.example"),
        ("STORE_CA_BUNDLE", "nowhere.pem"),
        ("CREDENTIALS_MAX_AGE", "301"),
        ("CREDENTIALS_MAX_AGE", "nan"),
        ("CREDENTIALS_MAX_AGE", "-1"),
        ("CREDENTIALS_MAX_AGE", "soon"),
        ("QUOTA_RESERVE", "95"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} "):
        Settings.from_environment(GOOD | {name: value})


def test_all_wrong_variables_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"ALLOWED_HOSTS": "*", "QUOTA_RESERVE": "x"})
    assert [part.split()[0] for part in str(caught.value).split("; ")] == [
        "ALLOWED_HOSTS",
        "CREDENTIALS_SECRET_ARN",
        "QUOTA_RESERVE",
    ]
