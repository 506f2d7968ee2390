"""How an installation stops: signals to a real supervisor with one child that ends when the test lets it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

import pytest

ROOT = Path(__file__).parent.parent

CHILD = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
(folder / 'ready').touch()
while not (asked and (folder / 'may end').exists()):
    time.sleep(0.01)
(folder / 'ended well').touch()
"""

# `followthrough up` as it is, but for what it brings up and for the clock that tells one request from the next.
UP = f"""
import functools, pathlib, sys
import supervisor
from processes import Program
from settings import Settings
folder = pathlib.Path(sys.argv[1])
async def bring_up(keeper, settings, say):
    await keeper.start(Program('worker', (sys.executable, '-S', '-c', {CHILD!r}, str(folder)), stop_within_s=60))
    say('up')
supervisor.bring_up = bring_up
clock = lambda: float((folder / 'clock').read_text())
supervisor.obey_signals = functools.partial(supervisor.obey_signals, now=clock)
sys.exit(supervisor.up(Settings(data_dir=folder / 'data')))
"""


class Up:
    """A supervisor in a process of its own, its screen and its clock."""

    def __init__(self, folder: Path, *before: str) -> None:
        self.folder = folder
        self.clock(0)
        # Whoever runs the tests may ignore a closed terminal, and children inherit that; these are started from one.
        ignored = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        try:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-c", UP, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
        finally:
            signal.signal(signal.SIGHUP, ignored)

    @property
    def screen(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def clock(self, seconds: float) -> None:
        aside = self.folder / "next"
        aside.write_text(str(seconds))
        aside.replace(self.folder / "clock")

    def hears(self, number: signal.Signals, *, says: str) -> None:
        """Send a signal and wait for the line it brings."""
        self.process.send_signal(number)
        assert self.screen.readline().startswith(says)

    def let_the_child_end(self) -> None:
        (self.folder / "may end").touch()

    @property
    def child_ended_well(self) -> bool:
        return (self.folder / "ended well").exists()

    def __enter__(self) -> Self:
        assert self.screen.readline() == "up\n"
        deadline = time.monotonic() + 20
        while not (self.folder / "ready").exists():
            assert time.monotonic() < deadline, "the child did not start"
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.screen.close()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    with Up(tmp_path) as running:
        yield running


def test_a_signal_that_comes_twice_at_once_asks_once(up: Up) -> None:
    up.hears(signal.SIGTERM, says="Stopping (SIGTERM)")
    up.clock(0.9)
    for number in (signal.SIGTERM, signal.SIGINT):
        up.process.send_signal(number)
    up.let_the_child_end()
    assert up.screen.read() == "Stopped.\n"
    assert up.process.wait() == 0
    assert up.child_ended_well


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_who_asks_again_later_is_told_what_is_killed(up: Up, number: signal.Signals) -> None:
    up.hears(signal.SIGTERM, says="Stopping (SIGTERM)")
    up.clock(1)
    up.hears(number, says=f"{number.name} again.")
    assert up.screen.read() == "Killing what still runs: worker.\nStopped.\n"
    assert up.process.wait() == 0
    assert not up.child_ended_well


def test_a_terminal_that_hangs_up_late_kills_nothing(up: Up) -> None:
    up.hears(signal.SIGINT, says="Stopping (SIGINT)")
    up.clock(60)
    up.process.send_signal(signal.SIGHUP)
    up.let_the_child_end()
    assert up.screen.read() == "Stopped.\n"
    assert up.child_ended_well


def test_a_closed_terminal_stops_it_though_nobody_can_read_that(up: Up) -> None:
    up.screen.close()
    up.process.send_signal(signal.SIGHUP)
    up.let_the_child_end()
    assert up.process.wait() == 0
    assert up.child_ended_well


def test_under_nohup_a_closed_terminal_stops_nothing(tmp_path: Path) -> None:
    with Up(tmp_path, "/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh") as up:
        os.kill(up.process.pid, signal.SIGHUP)
        up.hears(signal.SIGTERM, says="Stopping (SIGTERM)")
        up.let_the_child_end()
        assert up.process.wait() == 0
