"""A whole installation of real processes on free ports, each of which a test may kill with -9 and start again."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from httpx2 import Client, HTTPError
from sqlalchemy import Select

from embedded import find_temporal, server
from settings import Settings
from store.database import Database

Part: TypeAlias = Literal["temporal", "api", "api-2", "worker", "worker-2", "twin", "twin-2"]

KEY = "ft_test_key_for_faults_only"
PATIENCE_S = 120.0
ROOT = Path(__file__).parents[2]


class Site:
    """Temporal, API and workers as child processes; everything they keep lies in one folder."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        api, second, temporal, ui = free_ports(4)
        self._second = str(second)
        self.environment = {
            **os.environ,
            "FOLLOWTHROUGH_DATA_DIR": str(folder),
            "FOLLOWTHROUGH_API_PORT": str(api),
            "FOLLOWTHROUGH_TEMPORAL_PORT": str(temporal),
            "FOLLOWTHROUGH_TEMPORAL_UI_PORT": str(ui),
            "FOLLOWTHROUGH_TEMPORAL_ADDRESS": f"127.0.0.1:{temporal}",
            "FOLLOWTHROUGH_BOOTSTRAP_KEY": KEY,
            "FOLLOWTHROUGH_SAMPLE": "off",
            **{f"FOLLOWTHROUGH_{name.upper()}": value for name, value in settings.items()},
        }
        self.http = Client(
            base_url=f"http://127.0.0.1:{api}", headers={"Authorization": f"Bearer {KEY}"}, timeout=30, trust_env=False
        )
        self._parts: dict[Part, subprocess.Popen[bytes]] = {}

    def settings(self) -> Settings:
        """What its processes read from their environment."""
        prefix = "FOLLOWTHROUGH_"
        values = {n.removeprefix(prefix).lower(): v for n, v in self.environment.items() if n.startswith(prefix)}
        return Settings(**values)  # type: ignore[arg-type]

    def command(self, part: Part) -> list[str]:
        """How a part is started in production: Temporal by its program, ours by the command line."""
        if part == "temporal":
            return list(server(self.settings(), find_temporal()).command)
        if part.startswith("twin"):
            return [sys.executable, "-m", "benchmarks.twin_worker"]
        return [sys.executable, "-m", "cli", part.removesuffix("-2")]

    def address(self, part: Part) -> str:
        """Where an API answers."""
        return f"http://127.0.0.1:{self._of(part)['FOLLOWTHROUGH_API_PORT']}"

    def _of(self, part: Part) -> dict[str, str]:
        """The environment of a part: two APIs share all but their port."""
        return {**self.environment, "FOLLOWTHROUGH_API_PORT": self._second} if part == "api-2" else self.environment

    def start(self, part: Part) -> None:
        """Start a part; what it says goes to a log file beside the data."""
        with (self.folder / f"{part}.log").open("ab") as log:
            self._parts[part] = subprocess.Popen(
                self.command(part), cwd=ROOT, env=self._of(part), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def pid(self, part: Part) -> int:
        """The process of a part."""
        return self._parts[part].pid

    def kill(self, part: Part) -> None:
        """Kill -9, no goodbye."""
        self._parts[part].kill()
        self._parts[part].wait()

    def run(self, *arguments: str) -> str:
        """One command of the command line, to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One API call that must succeed; the decoded answer."""
        answer = self.http.request(method, f"/api/v1{path}", json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def call_until_answered(self, method: str, path: str, body: Any, key: str) -> Any:
        """The same through an API that may be killed meanwhile: asked again under one idempotency key."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                answer = self.http.request(method, f"/api/v1{path}", json=body, headers={"Idempotency-Key": key})
            except HTTPError:
                time.sleep(0.1)
                continue
            if answer.status_code not in (409, 503):
                assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
                return answer.json()
            time.sleep(0.1)
        raise AssertionError(f"in vain: {method} {path}")

    def until(self, claim: Callable[[], object], what: str, *, within_s: float = PATIENCE_S) -> None:
        """Wait for a condition; an API that is away meanwhile is waited for."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                if claim():
                    return
            except HTTPError:
                pass
            time.sleep(0.1)
        logs = {p: (self.folder / f"{p}.log").read_text()[-2000:] for p in self._parts}
        raise AssertionError(f"in vain: {what}\n" + "\n".join(f"--- {p}\n{text}" for p, text in logs.items()))

    def rows(self, *statements: Select[Any]) -> list[list[Mapping[str, Any]]]:
        """What the database answers to each."""

        async def look() -> list[list[Mapping[str, Any]]]:
            db = Database.open(
                self.environment.get("FOLLOWTHROUGH_DATABASE_URL", f"sqlite:///{self.folder}/followthrough.db")
            )
            try:
                async with db.read() as read:
                    return [[dict(row) for row in await read.all(each)] for each in statements]
            finally:
                await db.close()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(look())).result()

    def ready(self) -> bool:
        """Whether the API answers and reaches database and Temporal."""
        return bool(self.http.get("/readyz").is_success)

    def answers(self, part: Part) -> bool:
        """Whether an API answers at its own address."""
        return bool(self.http.get(f"{self.address(part)}/readyz").is_success)

    def publish(self, definition: dict[str, Any]) -> None:
        """Save and publish a new definition."""
        self.call("POST", "/workflows", definition)
        self.call("POST", f"/workflows/{definition['slug']}/publish", {})

    def __enter__(self) -> Self:
        self.run("migrate")
        for part in ("temporal", "api", "worker"):
            self.start(part)  # type: ignore[arg-type]
        self.until(self.ready, "the installation is ready")
        return self

    def __exit__(self, *_: object) -> None:
        for part in ("twin", "twin-2", "worker", "worker-2", "api", "api-2", "temporal"):
            if (process := self._parts.get(part)) is not None:  # type: ignore[call-overload]
                process.kill()
                process.wait()
        self.http.close()


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
