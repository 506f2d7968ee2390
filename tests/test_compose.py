"""docker-compose.yml as Docker Compose itself reads it: what must be said is asked for, the rest has a value.

`config` needs the program and no engine: `docker-compose` (Debian's package) or `docker compose`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
WANTED = {
    "POSTGRES_PASSWORD": "choose one",
    "TEMPORAL_POSTGRES_PASSWORD": "choose one",
    "MAIL_URL": "say where email goes, smtp://mail-catcher:1025 with --profile catch-mail to only look at it",
    "FOLLOWTHROUGH_BOOTSTRAP_KEY": "choose one that starts with ft_ and has at least 20 characters",
}
SAID = {
    "POSTGRES_PASSWORD": "first",
    "TEMPORAL_POSTGRES_PASSWORD": "second",
    "MAIL_URL": "smtp://mail.example.com:587",
    "FOLLOWTHROUGH_BOOTSTRAP_KEY": "ft_0123456789abcdefghij",
}


@pytest.fixture(scope="module")
def compose() -> list[str]:
    """How Docker Compose is called here."""
    for command in (["docker-compose"], ["docker", "compose"]):
        if shutil.which(command[0]) and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            return command
    pytest.skip("Docker Compose is not installed (Debian: docker-compose; no engine is needed)")


def config(
    compose: list[str], said: Mapping[str, str], *options: str, profiles: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """What `docker-compose config` answers where only ``said`` is set."""
    chosen = [part for profile in profiles for part in ("--profile", profile)]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [*compose, "--file", "docker-compose.yml", *chosen, "config", *options],
        cwd=ROOT, env={**environment, **said}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip


def test_it_is_accepted_with_what_its_head_asks_for_and_every_profile(compose: list[str]) -> None:
    done = config(compose, SAID, "-q", profiles=("inbound", "catch-mail"))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", WANTED)
def test_what_is_missing_is_asked_for_in_the_words_of_the_file(compose: list[str], name: str) -> None:
    done = config(compose, {key: value for key, value in SAID.items() if key != name}, "-q")
    assert done.returncode != 0
    assert name in done.stderr
    assert WANTED[name] in done.stderr


def test_nothing_else_has_to_be_said() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert set(re.findall(r"\$\{([A-Z_]+):\?", text)) == set(WANTED)
    shown = text[: text.index("x-followthrough:")]
    assert all(f"{name}=" in shown for name in WANTED), "the commands at its head set them"


def test_every_service_starts_only_behind_what_it_needs(compose: list[str]) -> None:
    """Followed from the end, the conditions lead from the databases over schema and namespace to API and workers."""
    done = config(compose, SAID, profiles=("inbound", "catch-mail"))
    services = parsed(done.stdout)
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{name} waits for the health of {other}, which has no check"
            else:
                assert how["condition"] == "service_completed_successfully", f"{name} does not wait for {other}"
                assert services[other]["restart"].startswith("on-failure"), f"{other} would never be done"
    ours = {name for name, service in services.items() if service["image"].startswith("followthrough:")} - {"migrate"}
    for name in ours:
        needed = behind(services, name)
        assert {"postgresql", "migrate", "temporal", "temporal-schema", "temporal-namespace"} <= needed, name


def parsed(text: str) -> dict[str, dict[str, Any]]:
    """The services of what `config` printed."""
    found: dict[str, dict[str, Any]] = YAML(typ="safe", pure=True).load(text)["services"]
    return found


def behind(services: Mapping[str, dict[str, Any]], name: str) -> set[str]:
    """Everything that has to be there before a service starts."""
    direct = set(services[name].get("depends_on", {}))
    return direct.union(*(behind(services, each) for each in direct))
