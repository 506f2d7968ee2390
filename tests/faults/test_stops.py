"""A whole installation of `followthrough up`, as its user sees it: what it prints, and what it leaves when it stops."""

from __future__ import annotations

import shlex
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.faults.site import ROOT, Site

END_OF_THE_START = "Ctrl-C stops everything"


@contextmanager
def brought_up(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """`followthrough up` without the sample in a folder that is not the default, and what it had printed then."""
    site = Site(folder)
    environment = {n: v for n, v in site.environment.items() if n != "FOLLOWTHROUGH_TEMPORAL_ADDRESS"}
    site.http.close()
    command = [sys.executable, "-m", "cli", "up"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        printed: list[str] = []
        try:
            while not (printed and printed[-1].startswith(END_OF_THE_START)):
                line = up.stdout.readline()
                assert line, f"it ended: {printed}"
                printed.append(line.strip())
            yield up, printed
        finally:
            up.kill()


def test_what_it_prints_works_and_what_it_leaves_is_whole(tmp_path: Path) -> None:
    with brought_up(tmp_path) as (up, printed):
        start = next(n for n, line in enumerate(printed) if line.startswith("export "))
        for command in printed[start + 1 : start + 4]:
            # Another terminal: none of our environment, only what the line above the commands exports.
            script = f"cd {shlex.quote(str(ROOT))} && {printed[start]} && {command}"
            done = subprocess.run(
                ["/bin/sh", "-c", script], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
            if command.endswith(" outbox"):
                assert str(tmp_path) in done.stdout
        up.send_signal(signal.SIGTERM)
        assert up.stdout is not None
        last_words = up.stdout.read().split("\n")
        assert up.wait() == 0
    assert [line for line in last_words if line][1:] == ["Stopped."]
    for name in ("followthrough.db", "temporal.db"):
        assert [path.name for path in tmp_path.glob(f"{name}*")] == [name]
        with closing(sqlite3.connect(tmp_path / name)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
