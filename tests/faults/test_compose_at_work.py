"""What docker-compose.yml starts, started without Docker: commands, environment, order and health checks as they
are written.

The databases and Temporal are those of the test; what the namespace job does is done by its own script.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any, Self

import pytest
from httpx2 import Client
from ruamel.yaml import YAML

from embedded import find_temporal
from tests.faults.site import free_ports
from tests.faults.test_kills import sink_on_a_thread
from tests.fixtures.databases import PostgresCluster
from tests.runs.definitions import by_hand, email, gap

ROOT = Path(__file__).parents[2]
KEY = "ft_0123456789abcdefghij"
GIVEN = frozenset({"postgresql", "temporal-postgresql", "temporal-schema", "temporal"})
"""What the test brings itself."""

PATIENCE_S = 120.0


class Compose:
    """The services of the file as processes. ``replaced``: what stands for addresses inside of Docker."""

    def __init__(self, folder: Path, replaced: Mapping[str, str], said: Mapping[str, str]) -> None:
        self.folder = folder
        self.services: dict[str, dict[str, Any]] = YAML(typ="safe", pure=True).load(
            (ROOT / "docker-compose.yml").read_text()
        )["services"]
        self._replaced = replaced
        self._said = said
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def ours(self) -> list[str]:
        """What is started without a profile, each behind what it depends on."""
        wanted = [name for name, each in self.services.items() if "profiles" not in each and name != "temporal-ui"]
        ordered: list[str] = []
        while wanted:
            ready = [name for name in wanted if set(self.services[name].get("depends_on", {})) <= {*ordered, *GIVEN}]
            assert ready, f"nothing of these can start: {wanted}"
            ordered += ready
            wanted = [name for name in wanted if name not in ready]
        return [name for name in ordered if name not in GIVEN]

    def environment(self, service: str) -> dict[str, str]:
        """The variables of a service, with defaults filled in as Compose does."""
        written = {name: str(value) for name, value in self.services[service].get("environment", {}).items()}
        found = {name: self._replaced.get(name) or self._filled(value) for name, value in written.items()}
        # Each container has these ports for itself; here all are on one machine.
        found.update({name: f"127.0.0.1:{free_ports(1)[0]}" for name in found if name.endswith("METRICS_ADDRESS")})
        return found

    def command(self, service: str) -> list[str]:
        """The program of the image with the arguments of the service."""
        if service == "temporal-namespace":
            shell, script = self.services[service]["entrypoint"]
            return [shell, script.replace("/deploy", str(ROOT / "deploy" / "temporal"))]
        return [sys.executable, "-m", "cli", *self.services[service]["command"]]

    def start(self, service: str, *, as_: str = "") -> None:
        """Start it; what is done once is waited for, and what has a health check until that is content."""
        name = as_ or service
        folder = self.folder / name
        folder.mkdir()
        environment = {
            "PATH": f"{find_temporal().parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "FOLLOWTHROUGH_DATA_DIR": str(folder),
            **{name: value for name, value in self._replaced.items() if name == "FOLLOWTHROUGH_API_PORT"},
            **self.environment(service),
        }
        with (folder / "log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                self.command(service), cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if self.services[service]["restart"].startswith("on-failure"):
            assert self._running.pop(name).wait(PATIENCE_S) == 0, self.log(name)
        elif "healthcheck" in self.services[service]:
            self.until(lambda: self.is_healthy(service), f"{service} is healthy")

    def is_healthy(self, service: str) -> bool:
        """Ask the health check as it is written."""
        kind, *test = self.services[service]["healthcheck"]["test"]
        assert (kind, test[0]) == ("CMD", "python")
        port = self._replaced["FOLLOWTHROUGH_API_PORT"]
        asked = [sys.executable, *(part.replace(":8080/", f":{port}/") for part in test[1:])]
        return subprocess.run(asked, capture_output=True).returncode == 0

    def stop(self, name: str) -> int:
        """Ask for the end as Docker does; the exit code, within the patience the service has."""
        process = self._running.pop(name)
        process.terminate()
        patience = self.services.get(name, self.services["worker-runs"]).get("stop_grace_period", "10s")
        return process.wait(int(patience.removesuffix("s")))

    def until(self, claim: Callable[[], bool], what: str) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + PATIENCE_S
        while not claim():
            dead = [name for name, each in self._running.items() if each.poll() is not None]
            assert not dead, "\n".join(self.log(name) for name in dead)
            assert time.monotonic() < deadline, f"in vain: {what}\n" + "\n".join(map(self.log, self._running))
            time.sleep(0.1)

    def log(self, name: str) -> str:
        """The end of what a service said."""
        return f"--- {name}\n{(self.folder / name / 'log').read_text()[-3000:]}"

    def _filled(self, value: str) -> str:
        def fill(found: re.Match[str]) -> str:
            name, default = found["name"], found["default"]
            assert name in self._said or default is not None, f"{name} has to be said"
            return self._said.get(name, default or "")

        return re.sub(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}", fill, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


@contextmanager
def bare_temporal(folder: Path) -> Iterator[str]:
    """A server that knows neither our namespace nor our search attributes; its address."""
    port, ui = free_ports(2)
    command = [str(find_temporal()), "server", "start-dev", "--port", str(port), "--ui-port", str(ui), "--headless"]
    with (folder / "temporal.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(400)
def test_its_services_carry_a_contact_through_on_postgresql(tmp_path: Path, postgres_cluster: PostgresCluster) -> None:
    name = postgres_cluster.create()
    with sink_on_a_thread() as sink, bare_temporal(tmp_path) as address:
        port = str(free_ports(1)[0])
        replaced = {
            "FOLLOWTHROUGH_DATABASE_URL": postgres_cluster.url(name),
            "FOLLOWTHROUGH_TEMPORAL_ADDRESS": address,
            "TEMPORAL_ADDRESS": address,
            "FOLLOWTHROUGH_API_PORT": port,
        }
        said = {"FOLLOWTHROUGH_BOOTSTRAP_KEY": KEY, "MAIL_URL": sink.url}
        with Compose(tmp_path, replaced, said) as compose:
            order = compose.ours()
            assert {"temporal-namespace", "migrate", "api", "worker-runs", "worker-relay", "worker-email"} <= {*order}
            for service in order:
                compose.start(service)
            compose.start("worker-runs", as_="worker-runs-2")
            http = Client(
                base_url=f"http://127.0.0.1:{port}/api/v1",
                headers={"Authorization": f"Bearer {KEY}"}, timeout=30, trust_env=False,
            )  # fmt: skip
            with http:
                carry_through(compose, http, 6)
            arrived = sorted(str(message_from_bytes(each.content)["To"]) for each in sink.received)
            assert arrived == [f"c{n}@example.com" for n in range(6)]
            # Docker asks once, and kills who is not gone in time.
            assert {each: compose.stop(each) for each in ("worker-runs-2", "worker-email", "api")} == dict.fromkeys(
                ("worker-runs-2", "worker-email", "api"), 0
            )
    postgres_cluster.drop(name)


def carry_through(compose: Compose, http: Client, count: int) -> None:
    """Enroll so many contacts by the API and wait until they are through a delay and an email."""

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    call("POST", "/workflows", by_hand("journey", [gap(seconds=1), email("hello", "Hello")]))
    call("POST", "/workflows/journey/publish", {})
    for n in range(count):
        contact = call("POST", "/records/contact", {"properties": {"email": f"c{n}@example.com"}})
        call("POST", "/workflows/journey/enrollments", {"record": {"object": "contact", "id": contact["id"]}})

    def are_through() -> bool:
        totals = call("GET", "/workflows/journey/report")["totals"]
        return bool(totals["by_reason"] == {"completed": count})

    compose.until(are_through, "everybody is through")


@pytest.mark.parametrize("script", ["schema.sh", "namespace.sh"])
def test_the_scripts_of_the_set_up_jobs_can_be_read_by_their_shell(script: str) -> None:
    done = subprocess.run(["sh", "-n", ROOT / "deploy" / "temporal" / script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_namespace_job_may_run_again_and_keeps_to_what_it_is_told(tmp_path: Path) -> None:
    """As at every upgrade; the namespace then has the retention and the search attributes."""
    with bare_temporal(tmp_path) as address:
        job = {"PATH": f"{find_temporal().parent}:{os.environ['PATH']}", "HOME": str(tmp_path),
               "TEMPORAL_ADDRESS": address, "NAMESPACE": "followthrough"}  # fmt: skip
        script = ROOT / "deploy" / "temporal" / "namespace.sh"
        for retention in ("30d", "40d"):
            done = subprocess.run(["sh", script], env={**job, "RETENTION": retention}, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
        described = [find_temporal(), "operator", "namespace", "describe", "--namespace", "followthrough"]
        assert "960h" in subprocess.run(described, env=job, capture_output=True, text=True).stdout
