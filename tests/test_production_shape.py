"""docker-compose.yml, Dockerfile and what runs on one machine agree with the code they start."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from ruamel.yaml import YAML

from embedded import SEARCH_ATTRIBUTES
from gateways import temporal
from settings import PREFIX, Settings
from worker import Role

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    document = YAML(typ="safe", pure=True).load((ROOT / "docker-compose.yml").read_text())
    found: dict[str, dict[str, Any]] = document["services"]
    return found


def test_every_service_of_the_production_shape_is_named(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {
        "postgresql", "temporal-postgresql", "temporal-schema", "temporal", "temporal-namespace", "temporal-ui",
        "migrate", "api", "worker-runs", "worker-relay", "worker-email", "worker-sms", "worker-webhook",
        "worker-bulk", "worker-inbound", "mail-catcher",
    }  # fmt: skip


def test_every_variable_given_to_a_service_is_a_setting_with_an_acceptable_value(
    services: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(f"{PREFIX}DATA_DIR", str(tmp_path))
    for name, value in services["api"]["environment"].items():
        if name == f"{PREFIX}MAIL_URL":
            value = "smtp://mail-catcher:1025"
        written = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", value)
        monkeypatch.setenv(name, re.sub(r"\$\{[A-Z_]+:\?[^}]*\}", "ft_0123456789abcdefghij", written))
    settings = Settings.read()
    assert settings.database_url.startswith("postgresql+asyncpg://")
    assert not settings.embeds_temporal


def test_no_variable_has_a_default_that_only_a_profile_starts(services: dict[str, dict[str, Any]]) -> None:
    optional = {name for name, service in services.items() if "profiles" in service}
    defaults = re.findall(r"\$\{[A-Z_]+:-([^}]*)\}", (ROOT / "docker-compose.yml").read_text())
    assert [default for default in defaults if any(name in default for name in optional)] == []


def test_workers_run_in_roles_that_exist(services: dict[str, dict[str, Any]]) -> None:
    roles = {command["command"][2] for name, command in services.items() if name.startswith("worker-")}
    assert roles <= set(get_args(Role))
    assert {"runs", "relay", "email", "sms", "webhook", "bulk", "inbound"} <= roles


def test_every_image_is_pinned(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert re.search(r":v?\d+\.\d+", service["image"]), f"{name}: {service['image']}"


def test_every_way_to_set_temporal_up_knows_all_search_attributes() -> None:
    names = {key.name for key in temporal.SEARCH_ATTRIBUTES}
    assert set(SEARCH_ATTRIBUTES) == names
    script = (ROOT / "deploy" / "temporal" / "namespace.sh").read_text()
    assert set(re.findall(r"--name (\w+)", script)) == names
