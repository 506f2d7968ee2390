"""Tryton's marketing automation beside ours: installed by name outside the repository, spoken to over HTTP alone.

Nothing of it is imported here and nothing of it is kept here. Its server, its queue workers and its database are
processes of their own, driven by its JSON-RPC as its client does.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from httpx2 import Client, HTTPError

from benchmarks.places import Missing, tree_cpu_seconds
from benchmarks.postgres import Cluster
from benchmarks.sink import Sink
from tests.faults.site import free_ports

PINS = ("trytond==8.2.1", "trytond_marketing_automation==8.2.0", "psycopg[binary,pool]==3.3.9")
INSTALL_WITHIN_S = 300
READY_WITHIN_S = 60
DRAIN_WITHIN_S = 900
MODULE = "marketing_automation"
CREATED_AT_ONCE = 200

TITLE = "Hello ${record.rec_name}"
TEMPLATE = """<html xmlns:py="http://genshi.edgewall.org/"><body><p>Hello, ${record.rec_name}!</p>
<p>Here is a <a href="http://example.com/action">nice link</a>.</p>
<p><a href="unsubscribe|http://example.com/unsubscribe">Unsubscribe</a></p></body></html>"""


def installed() -> Path:
    """The programs of an environment that has Tryton, made on the first call in the user's cache.

    Raises:
        Missing: it could not be installed; the end of what pip said is in the message.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "followthrough-benchmarks" / "tryton"
    ready = place / "ready"
    wanted = "\n".join(PINS)
    if not (ready.exists() and ready.read_text() == wanted):
        shutil.rmtree(place, ignore_errors=True)
        sys.stderr.write(f"Installing Tryton into {place}\n")
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input"]
        _installing([sys.executable, "-m", "venv", str(place)])
        _installing([*pip, *PINS])
        ready.write_text(wanted)
    return place / "bin"


def _came(sink: Sink, messages: int) -> bool:
    return sink.look() >= messages


def _installing(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_WITHIN_S)
    except subprocess.TimeoutExpired:
        raise Missing(f"Tryton: installing it took more than {INSTALL_WITHIN_S} s") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if not line.startswith("WARNING")]
        raise Missing("Tryton: it could not be installed\n    " + "\n    ".join(said[-3:]))


class Tryton:
    """One installation with its queue worker on; ``workers`` says how many processes work the queue."""

    def __init__(self, folder: Path, cluster: Cluster, sink: Sink) -> None:
        self._folder = folder
        self._cluster = cluster
        self._programs = installed()
        (port,) = free_ports(1)
        self._password = secrets.token_urlsafe(16)
        (folder / "password").write_text(self._password)
        (folder / "tryton.conf").write_text(
            f"[database]\nuri = postgresql://\n[queue]\nworker = True\n[web]\nlisten = 127.0.0.1:{port}\n"
            f"[email]\nuri = smtp://127.0.0.1:{sink.port}\nfrom = kim@example.com\n"
        )
        self._environment = {
            **os.environ, **cluster.environment, "TRYTONPASSFILE": str(folder / "password"),
        }  # fmt: skip
        self._http = Client(base_url=f"http://127.0.0.1:{port}", timeout=DRAIN_WITHIN_S, trust_env=False)
        self._server: subprocess.Popen[bytes] | None = None
        self._worker: subprocess.Popen[bytes] | None = None

    def call(self, method: str, *arguments: Any) -> Any:
        """One call of its JSON-RPC."""
        body = {"id": 1, "method": method, "params": list(arguments)}
        answer = self._http.post(f"/{self._cluster.name}/rpc/", json=body).raise_for_status().json()
        assert "result" in answer, (method, answer)
        return answer["result"]

    def create(self, people: Sequence[str]) -> None:
        """Parties with an email address; each is named as it."""
        for first in range(0, len(people), CREATED_AT_ONCE):
            parties = [
                {"name": one, "contact_mechanisms": [["create", [{"type": "email", "value": one}]]]}
                for one in people[first : first + CREATED_AT_ONCE]
            ]
            self.call("model.party.party.create", parties, {})

    def scenario(self, prefix: str) -> None:
        """Run a scenario for whose name begins so: an email, and after it another."""
        model = "marketing.automation"
        values = {"name": prefix, "model": "party.party", "domain": f'[["name", "like", "{prefix}%"]]'}
        (scenario,) = self.call(f"model.{model}.scenario.create", [values], {})
        parent = f"{model}.scenario,{scenario}"
        for name in ("First", "Second"):
            values = {"name": name, "parent": parent, "action": "send_email", "email_title": TITLE,
                      "email_template": TEMPLATE}  # fmt: skip
            (activity,) = self.call(f"model.{model}.activity.create", [values], {})
            parent = f"{model}.activity,{activity}"
        self.call(f"model.{model}.scenario.run", [scenario], {})

    def cron(self, method: str) -> None:
        """Do at once what its cron does from time to time."""
        found = self.call("model.ir.cron.search", [["method", "=", method]], 0, None, None, {})
        self.call("model.ir.cron.run_once", found, {})

    def travel(self, sink: Sink, people: int) -> float:
        """Let everybody in and send both emails to all of them; the seconds until everybody was in."""
        began = time.time()
        self.cron("marketing.automation.scenario|trigger")
        entered = time.time() - began
        for part in (1, 2):
            # Only when nobody of the part before is queued any more: it would queue them once more.
            self.cron("marketing.automation.record.activity|process")
            self.until(partial(_came, sink, part * people), f"part {part} arrives")
        return entered

    def settled(self) -> bool:
        """Whether its queue is worked off."""
        return self._cluster.number("SELECT count(*) FROM ir_queue WHERE finished_at IS NULL") == 0

    def workers(self, count: int) -> None:
        """Work the queue with so many processes from now on."""
        self._end(self._worker)
        self._worker = self._start("trytond-worker", "-n", str(count))

    def cpu_seconds(self) -> float:
        """User and system time of its server and its workers."""
        assert self._server is not None
        assert self._worker is not None
        return tree_cpu_seconds(self._server.pid) + tree_cpu_seconds(self._worker.pid)

    def until(self, claim: Callable[[], bool], what: str, within_s: float = DRAIN_WITHIN_S) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + within_s
        while not claim():
            assert time.monotonic() < deadline, f"in vain: {what}; see {self._folder}"
            time.sleep(0.02)

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{program}.log").open("ab") as log:
            return subprocess.Popen(
                self._command(program, *arguments), cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _command(self, program: str, *arguments: str) -> list[str | Path]:
        configuration = self._folder / "tryton.conf"
        return [self._programs / program, "-c", configuration, "-d", self._cluster.name, *arguments]

    def _answers(self) -> bool:
        try:
            self._http.get("/")
        except HTTPError:
            return False
        return True

    def __enter__(self) -> Self:
        for arguments in (("-u", "ir", "res", "--email", "kim@example.com", "-p", "-m"),
                          ("-u", MODULE, "--activate-dependencies")):  # fmt: skip
            done = subprocess.run(self._command("trytond-admin", *arguments), cwd=self._folder, env=self._environment,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # fmt: skip
            assert done.returncode == 0, done.stderr
        self._server = self._start("trytond")
        self.until(self._answers, "Tryton answers", READY_WITHIN_S)
        user, session, *_ = self.call("common.db.login", "admin", {"password": self._password}, "en")
        token = base64.b64encode(f"admin:{user}:{session}".encode()).decode()
        self._http.headers["Authorization"] = f"Session {token}"
        return self

    def __exit__(self, *_: object) -> None:
        self._end(self._worker)
        self._end(self._server)
        self._http.close()

    def _end(self, process: subprocess.Popen[bytes] | None) -> None:
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
