"""What the environment may say, and how a mistake in it is reported."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from settings import Settings, SettingsError
from worker import limits


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("FOLLOWTHROUGH_")]:
        monkeypatch.delenv(name)


def test_an_empty_environment_gives_a_complete_local_installation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.read()
    assert settings.data_dir == tmp_path / "data"
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path / 'data' / 'followthrough.db'}"
    assert settings.temporal_address == "127.0.0.1:7233"
    assert settings.temporal_ui_url == "http://127.0.0.1:8233"
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.load_sample


def test_the_temporal_address_follows_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_TEMPORAL_PORT", "7333")
    assert Settings.read().temporal_address == "127.0.0.1:7333"


def test_every_mistake_is_reported_at_once_by_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "API_PORT": "eighty",
        "HISTORY_DAYS": "0",
        "MAIL_URL": "ftp://mail.example.com",
        "SMS_URL": "carrier-pigeon",
        "SAMPLE": "maybe",
        "DATABASE_URL": "mysql://db/crm",
        "TEMPORAL_ADDRESS": "temporal",
        "BOOTSTRAP_KEY": "short",
        "PUBLIC_URL": "crm.example.com",
        "APIPORT": "8081",
        "MAIL_PER_SECOND": "0",
        "SMS_PER_SECOND": "-1",
        "WEBHOOK_PER_SECOND": "inf",
        "LOG_LEVEL": "debug",
        "TRACES_URL": "collector:4318",
        "REFUSED_PER_MINUTE": "-1",
        "TRUSTED_PROXIES": "10.0.0.1, *",
        "METRICS_ADDRESS": "9464",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(f"FOLLOWTHROUGH_{name}", value)
    with pytest.raises(SettingsError) as refused:
        Settings.read()
    assert {problem.split(":")[0] for problem in refused.value.problems} == {f"FOLLOWTHROUGH_{name}" for name in wrong}


def test_a_wrong_secret_is_not_repeated_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_MAIL_URL", "ftp://someone:hunter2@mail.example.com")
    with pytest.raises(SettingsError) as refused:
        Settings.read()
    assert "hunter2" not in str(refused.value)


def test_two_settings_that_need_the_same_port_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_API_PORT", "7233")
    with pytest.raises(SettingsError, match=r"FOLLOWTHROUGH_API_PORT=7233.*must differ"):
        Settings.read()


def test_the_variables_of_the_command_line_client_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_URL", "http://127.0.0.1:8080")
    monkeypatch.setenv("FOLLOWTHROUGH_API_KEY", "ft_x")
    Settings.read()


def test_sample_mail_domains_are_a_comma_separated_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_SAMPLE_MAIL_DOMAINS", "Example.com, example.org ,")
    assert Settings.read().sample_mail_domains == ("example.com", "example.org")


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.read().api_port = 1


@pytest.mark.parametrize("missing", ["DOMAIN", "SELECTOR", "KEY_FILE"])
def test_signing_needs_all_its_settings(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in {"DOMAIN": "example.com", "SELECTOR": "mail", "KEY_FILE": "/key.pem"}.items():
        if name != missing:
            monkeypatch.setenv(f"FOLLOWTHROUGH_DKIM_{name}", value)
    with pytest.raises(SettingsError, match="signing needs all three"):
        Settings.read()


def test_keys_for_links_are_listed_and_not_guessable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_LINK_KEYS", f"{'a' * 20}, {'b' * 30}")
    assert Settings.read().keys_for_links == ("a" * 20, "b" * 30)
    monkeypatch.setenv("FOLLOWTHROUGH_LINK_KEYS", f"{'a' * 20},short")
    with pytest.raises(SettingsError, match="LINK_KEYS"):
        Settings.read()


def test_encryption_keys_are_listed_with_names(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = base64.b64encode(b"1" * 32).decode(), base64.b64encode(b"2" * 32).decode()
    monkeypatch.setenv("FOLLOWTHROUGH_ENCRYPTION_KEYS", f"2026:{one}, 2025:{two}")
    assert Settings.read().payload_keys == (("2026", b"1" * 32), ("2025", b"2" * 32))
    assert one not in repr(Settings.read())


@pytest.mark.parametrize("keys", ["2026", "2026:abc", "a b:" + "QUFB" * 11, f"a:{'QUFB' * 10}QUE=,a:{'QUFB' * 10}QUE="])
def test_encryption_keys_that_could_not_be_used_are_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_ENCRYPTION_KEYS", keys)
    with pytest.raises(SettingsError, match="FOLLOWTHROUGH_ENCRYPTION_KEYS: ") as refused:
        Settings.read()
    assert "QUFB" not in str(refused.value)


def test_how_many_leave_a_second_is_a_number_above_zero_or_unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_MAIL_PER_SECOND", "0.5")
    monkeypatch.setenv("FOLLOWTHROUGH_SMS_PER_SECOND", "")
    assert limits(Settings.read()) == {"ft-email": 0.5}
    monkeypatch.setenv("FOLLOWTHROUGH_MAIL_PER_SECOND", "-3")
    with pytest.raises(SettingsError, match="FOLLOWTHROUGH_MAIL_PER_SECOND: must be more than 0, such as"):
        Settings.read()


@pytest.mark.parametrize(
    ("value", "read"),
    [("0.0.0.0:2525", "smtp://0.0.0.0:2525"), ("lmtp://127.0.0.1:24", "lmtp://127.0.0.1:24")],
)
def test_where_mail_is_listened_for_is_an_address_with_a_scheme(
    monkeypatch: pytest.MonkeyPatch, value: str, read: str
) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_INBOUND_SMTP", value)
    with pytest.raises(SettingsError, match="INBOUND_SMTP: set FOLLOWTHROUGH_REPLY_ADDRESS"):
        Settings.read()
    monkeypatch.setenv("FOLLOWTHROUGH_REPLY_ADDRESS", "reply@in.example.com")
    assert Settings.read().inbound_smtp == read


def test_bounces_go_to_an_address_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_BOUNCES_TO", "reply_address")
    with pytest.raises(SettingsError, match="BOUNCES_TO: set FOLLOWTHROUGH_REPLY_ADDRESS"):
        Settings.read()


@pytest.mark.parametrize("value", ["here", "smtp://h", "imap://h:1", "h:99999", "smtp://h:25/x", "h:0"])
def test_where_nobody_can_listen_for_mail_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_INBOUND_SMTP", value)
    monkeypatch.setenv("FOLLOWTHROUGH_REPLY_ADDRESS", "reply@in.example.com")
    with pytest.raises(SettingsError, match="FOLLOWTHROUGH_INBOUND_SMTP: "):
        Settings.read()
