"""Child processes of one data folder: starting, ending and recognising them; nothing here knows what they do.

Each child leads a session of its own, so Ctrl-C reaches only the supervisor, and is told to stop when its parent dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
"""Linux: deliver a signal to this process when its parent ends. Source: prctl(2)."""

LOG_SIZE_BYTES = 10 * 1024 * 1024
"""A log larger than this is put aside when its process starts, so the folder holds at most two per process."""


class AlreadyRunning(Exception):
    """Another supervisor lives in this data folder."""


@dataclass(frozen=True)
class Program:
    """What to run. ``stop_within_s`` is how long it may take to end after SIGTERM before it is killed."""

    name: str
    command: tuple[str, ...]
    stop_within_s: float = 5.0
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Birth:
    """A process beyond doubt: a pid may be given to a stranger later, a pid with its start time is not."""

    pid: int
    started: str


def birth_of(pid: int) -> Birth | None:
    """The identity of a living process; None when there is none or it has ended and waits to be collected."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None if Path("/proc/self").exists() else _birth_by_ps(pid)
    # The text after the name begins with field 3 (state); field 22 is the start time in ticks since the boot.
    return None if fields[0] in "ZX" else Birth(pid=pid, started=f"{boot}/{fields[19]}")


def _birth_by_ps(pid: int) -> Birth | None:
    """The same where there is no /proc (macOS)."""
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = answer.stdout.strip().partition(" ")
    return Birth(pid=pid, started=started.strip()) if started and not state.startswith("Z") else None


class Child:
    """One child process and its log file. May be started again after it ended."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def birth(self) -> Birth | None:
        """The identity of the living process; None before the first start and after the end."""
        return birth_of(self._process.pid) if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the program; its output is added to the log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_SIZE_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=None if self.program.environment is None else dict(self.program.environment),
                start_new_session=True,
                preexec_fn=_end_with_parent(os.getpid()),
            )

    async def ended(self) -> int:
        """Wait for the end; the exit code, negative when a signal ended it."""
        if self._process is None:
            raise RuntimeError(f"{self.program.name} was never started")
        return await self._process.wait()

    async def stop(self, within_s: float | None = None) -> bool:
        """Ask the process to end and wait; true when it did so by itself, false when it had to be killed."""
        if self._process is None or self._process.returncode is not None:
            return True
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(
                self._process.wait(), timeout=self.program.stop_within_s if within_s is None else within_s
            )
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._process.wait()
            return False
        return True

    def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)

    def last_lines(self, count: int = 10) -> list[str]:
        """The end of the log."""
        if not self.log.exists():
            return []
        with self.log.open(errors="replace") as lines:
            return [line.rstrip("\n") for line in deque(lines, maxlen=count)]

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    """What a new child does before it runs the program; None where the system cannot tell it of its parent's end."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def before_exec() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before the line above
            os.kill(os.getpid(), signal.SIGTERM)

    return before_exec


class LockFile:
    """The claim of one supervisor on a data folder, and the list of its children for the next one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def acquire(self) -> tuple[Birth, ...]:
        """Take the folder; returns the children a former supervisor left behind, still living, in start order.

        Raises:
            AlreadyRunning: when a supervisor lives in this folder.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise AlreadyRunning(
                f"Followthrough is running in {self.path.parent} already. Stop it first,"
                " or choose another folder with FOLLOWTHROUGH_DATA_DIR."
            ) from None
        self._file = file
        file.seek(0)
        return tuple(birth for birth in _births(file.read()) if birth_of(birth.pid) == birth)

    def write(self, children: Sequence[Birth]) -> None:
        """Note the living children."""
        if self._file is None:
            raise RuntimeError("the folder was not acquired")
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps([{"pid": child.pid, "started": child.started} for child in children]))
        self._file.flush()

    def release(self) -> None:
        """Give the folder back."""
        if self._file is not None:
            self.write(())
            self._file.close()
            self._file = None


def _births(text: str) -> list[Birth]:
    """The list in a lock file; one that a crash cut short says nothing."""
    try:
        return [Birth(pid=int(item["pid"]), started=str(item["started"])) for item in json.loads(text)]
    except (ValueError, KeyError, TypeError):
        return []


async def end_leftovers(leftovers: Sequence[Birth], *, within_s: float = 10.0) -> None:
    """End processes of a supervisor that is gone, last started first; a pid that became a stranger's is left alone."""
    for birth in reversed(leftovers):
        for number, patience_s in ((signal.SIGTERM, within_s), (signal.SIGKILL, within_s)):
            if birth_of(birth.pid) != birth:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(birth.pid, number)
            await _gone(birth, patience_s)


async def _gone(birth: Birth, within_s: float) -> None:
    """Wait until the process has ended or the patience has."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while birth_of(birth.pid) == birth:
                await asyncio.sleep(0.05)
