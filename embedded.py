"""The Temporal server inside `followthrough up`: where its program is, how it is started, when it is ready."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from domain import names
from processes import Program
from settings import Settings

SEARCH_ATTRIBUTES = {
    names.ATTRIBUTE_WORKFLOW: "Keyword",
    names.ATTRIBUTE_RECORD: "Keyword",
    names.ATTRIBUTE_OBJECT: "Keyword",
    names.ATTRIBUTE_OPPORTUNITY: "Keyword",
    names.ATTRIBUTE_VERSION: "Int",
}

SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
"""2.4 times the throughput of the server's defaults; a crash of the machine may cost the last instants."""


class TemporalNotReady(Exception):
    """The Temporal server does not answer, or refuses what the installation needs."""


def find_temporal() -> Path:
    """The `temporal` program: the one installed beside this interpreter, else the one on the path.

    Raises:
        TemporalNotReady: when there is none.
    """
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.is_file() else shutil.which("temporal")
    if found is None:
        raise TemporalNotReady(
            "The program `temporal` was not found. It comes with the pinned requirements: run `make up` again,"
            " or set FOLLOWTHROUGH_TEMPORAL_ADDRESS to a server that runs already."
        )
    return Path(found)


def database_file(settings: Settings) -> Path:
    """Where the embedded server keeps everything."""
    return settings.data_dir / "temporal.db"


def server(settings: Settings, temporal: Path) -> Program:
    """The embedded server with its UI, keeping everything in one file of the data folder."""
    command = [
        str(temporal), "server", "start-dev",
        "--ip", "127.0.0.1",
        "--port", str(settings.temporal_port),
        "--ui-port", str(settings.temporal_ui_port),
        "--ui-disable-news-fetch",
        "--namespace", settings.temporal_namespace,
        "--db-filename", str(database_file(settings)),
        "--log-level", "warn",
    ]  # fmt: skip
    for pragma in SQLITE_PRAGMAS:
        command += ["--sqlite-pragma", pragma]
    for name, kind in SEARCH_ATTRIBUTES.items():
        command += ["--search-attribute", f"{name}={kind}"]
    return Program("temporal", tuple(command), stop_within_s=10.0)


class TemporalOperator:
    """The operator commands the installation needs, given to a server at one address."""

    def __init__(self, temporal: Path, address: str) -> None:
        self._temporal = temporal
        self._address = address

    async def wait_until_serving(self, within_s: float) -> None:
        """Return as soon as the server answers.

        Raises:
            TemporalNotReady: when it has not after ``within_s`` seconds.
        """
        try:
            async with asyncio.timeout(within_s):
                while (await self._run("operator", "cluster", "health"))[0] != 0:
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise TemporalNotReady(f"Temporal at {self._address} did not answer within {within_s:.0f} s.") from None

    async def keep_history_for(self, days: int, *, namespace: str, within_s: float) -> None:
        """Set the retention of the namespace; done at every start, since a server may have been set up by hand.

        Raises:
            TemporalNotReady: when the namespace does not accept it within ``within_s`` seconds.
        """
        said = ""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    # A namespace created a moment ago is not known to every part of the server yet.
                    code, said = await self._run(
                        "operator", "namespace", "update", "--namespace", namespace, "--retention", f"{days}d"
                    )
                    if code == 0:
                        return
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise TemporalNotReady(f"Namespace {namespace} did not take its retention: {said.strip()}") from None

    async def _run(self, *arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            str(self._temporal),
            *arguments,
            *("--address", self._address, "--command-timeout", "5s", "--disable-config-env", "--disable-config-file"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        return process.returncode or 0, said.decode(errors="replace")
