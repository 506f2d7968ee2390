"""A mail server in a process of its own: takes every message and writes down when it came and for whom."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path
from time import time
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session


class Arrivals:
    """Writes a line for each message: the time in seconds and its recipient."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", buffering=1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self._file.write(f"{time()} {envelope.rcpt_tos[0]}\n")
        return "250 2.0.0 taken"


class Sink:
    """The server as a child process, and what came in since ``clear``."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "arrivals"
        self._process: subprocess.Popen[str] | None = None
        self._read_to = 0
        self.port = 0
        self.times: list[float] = []
        self.recipients: Counter[str] = Counter()

    @property
    def pid(self) -> int:
        """The process of the server."""
        assert self._process is not None
        return self._process.pid

    def clear(self) -> None:
        """Begin to count anew."""
        self.look()
        self.times.clear()
        self.recipients.clear()

    def look(self) -> int:
        """Read what came since the last look; how many messages there are."""
        with self._file.open() as lines:
            lines.seek(self._read_to)
            text = lines.read()
        whole = text[: text.rfind("\n") + 1]
        self._read_to += len(whole)
        for line in whole.splitlines():
            at, recipient = line.split(" ", 1)
            self.times.append(float(at))
            self.recipients[recipient] += 1
        return len(self.times)

    def __enter__(self) -> Self:
        self._file.touch()
        command = [sys.executable, "-m", "benchmarks.sink", str(self._file)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()


async def serve(file: Path) -> None:
    """Print the port, take messages until the parent is gone."""
    loop = asyncio.get_running_loop()
    arrivals = Arrivals(file)
    server = await loop.create_server(lambda: SMTP(arrivals, hostname="sink.example.com"), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    # Its end of the pipe is closed when the parent ends, however that ends.
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
