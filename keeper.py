"""Keeping child processes alive: which to start again, after which pause, when to give up and when to stop."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from processes import Child, LockFile, Program, end_leftovers

Say = Callable[[str], None]
"""Shows one line to the person at the screen."""


HURRY_AFTER_S = 1.0
"""A request to stop that comes sooner than this after the first is the first once more: `make` hands on what the whole
process group was sent, and so does a closing terminal."""


class CannotStart(Exception):
    """The installation cannot start; the message says what to do."""


class PartKeepsDying(Exception):
    """A child died so often that starting it again has no point."""

    def __init__(self, child: Child) -> None:
        first = f"{child.program.name} died five times within a minute. Its last lines ({child.log}):"
        super().__init__("\n".join([first, *child.last_lines()]))


class Deaths:
    """How often one child died of late, and what follows from it."""

    def __init__(self, *, limit: int = 5, within_s: float = 60.0, first_pause_s: float = 0.5) -> None:
        self._limit = limit
        self._within_s = within_s
        self._first_pause_s = first_pause_s
        self._at: deque[float] = deque()

    def another(self, at: float) -> float | None:
        """Note a death at the monotonic time ``at``: seconds to wait before the next start, None to give up."""
        self._at.append(at)
        while self._at[0] <= at - self._within_s:
            self._at.popleft()
        if len(self._at) >= self._limit:
            return None
        return float(self._first_pause_s * 2 ** (len(self._at) - 1))


class Supervisor:
    """Keeps children alive: starts them in order, starts one that died again, stops them in the opposite order."""

    def __init__(self, folder: Path, say: Say, *, first_pause_s: float = 0.5) -> None:
        self._lock = LockFile(folder / "followthrough.lock")
        self._logs = folder / "logs"
        self._say = say
        self._first_pause_s = first_pause_s
        self._children: list[Child] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._beyond_help: asyncio.Future[PartKeepsDying] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Supervisor:
        """Take the folder and end what a former supervisor left in it.

        Raises:
            AlreadyRunning: when a supervisor lives in this folder.
        """
        leftovers = self._lock.acquire()
        if leftovers:
            self._say(f"Ending {len(leftovers)} process(es) that an earlier start left behind.")
            await end_leftovers(leftovers)
        self._lock.write(())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop every child and give the folder back."""
        await self.stop()
        self._lock.release()

    async def stop(self) -> None:
        """Stop every child, last started first; on return none lives, and the folder is still taken."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for child in reversed(self._children):
            await self._stop(child)

    async def start(self, program: Program) -> Child:
        """Start a child and keep it alive from now on."""
        child = Child(program, self._logs / f"{program.name}.log")
        self._children.append(child)
        await self._start(child)
        self._keepers.append(asyncio.create_task(self._keep_alive(child)))
        return child

    async def once(self, program: Program) -> None:
        """Run a program to its end.

        Raises:
            CannotStart: with its last lines, when it fails.
        """
        child = Child(program, self._logs / f"{program.name}.log")
        self._children.append(child)
        try:
            await child.start()
            code = await child.ended()
        finally:
            await self._stop(child)
            self._children.remove(child)
        if code != 0:
            raise CannotStart("\n".join([f"{program.name} failed. Its last lines ({child.log}):", *child.last_lines()]))

    async def until_beyond_help(self) -> None:
        """Wait; returns only by the error.

        Raises:
            PartKeepsDying: when a child died five times within a minute.
        """
        raise await self._beyond_help

    def kill_all(self) -> None:
        """End every child at once, for somebody who asks a second time; the screen says which."""
        living = [child for child in self._children if child.birth is not None]
        if living:
            self._say(f"Killing what still runs: {', '.join(child.program.name for child in living)}.")
        for child in living:
            child.kill()

    async def _keep_alive(self, child: Child) -> None:
        deaths = Deaths(first_pause_s=self._first_pause_s)
        while True:
            code = await child.ended()
            pause_s = deaths.another(asyncio.get_running_loop().time())
            if pause_s is None:
                if not self._beyond_help.done():
                    self._beyond_help.set_result(PartKeepsDying(child))
                return
            self._say(f"{child.program.name} ended ({_in_words(code)}); starting it again in {pause_s:g} s.")
            await asyncio.sleep(pause_s)
            try:
                await self._start(child)
            except (OSError, subprocess.SubprocessError) as error:
                # Its end is still the last one's, so the next round counts this as another death.
                self._say(f"{child.program.name} cannot be started: {error}")

    async def _stop(self, child: Child) -> None:
        if not await child.stop():
            self._say(f"{child.program.name} did not end in time and was killed.")

    async def _start(self, child: Child) -> None:
        await child.start()
        self._lock.write([birth for each in self._children if (birth := each.birth) is not None])


def obey_signals(
    stop: asyncio.Event, hurry: Callable[[], None], say: Say, *, now: Callable[[], float] = time.monotonic
) -> None:
    """The first SIGINT, SIGTERM or SIGHUP sets ``stop``; a SIGINT or SIGTERM at least a second later calls ``hurry``.

    A SIGHUP that whoever started us had ignored (`nohup`) stays ignored. ``now`` tells monotonic seconds.
    """
    asked_at: float | None = None

    def heard(number: signal.Signals) -> None:
        nonlocal asked_at
        if asked_at is None:
            asked_at = now()
            say(f"Stopping ({number.name}) … Asking again, a second from now or later, kills what still runs.")
            stop.set()
        elif number is not signal.SIGHUP and now() - asked_at >= HURRY_AFTER_S:
            say(f"{number.name} again.")
            hurry()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, heard, number)


def _in_words(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
