"""Email steps per second through a real mail server, one and two workers, beside Tryton's marketing automation.

Both sides take the same people through the same two emails, on PostgreSQL, into the same sink, one after the other in
the same run. Tryton is a separate program that is installed outside the repository on first use.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks.email_sides import PATIENCE_S, STEPS, Ours, Side, Theirs, ours, theirs
from benchmarks.figures import keep
from benchmarks.places import Missing, cpu_seconds, machine_cpu_seconds
from benchmarks.sink import Sink

PEOPLE = int(os.environ.get("PEOPLE", "1000"))
"""Who gets both emails, in one round."""
WARM = 20
"""People who go first, so that nobody measured waits for connections, caches and compiled templates."""
WORKERS = (1, 2)


@dataclass(frozen=True)
class Round:
    """What one round cost; ``others``: the part of the machine that somebody else kept busy meanwhile."""

    side: str
    workers: int
    seconds: float
    entering_s: float
    own_cpu_s: float
    server_cpu_s: float
    database_cpu_s: float
    database_bytes: int
    server_bytes: int
    others: float

    @property
    def emails(self) -> int:
        """Email steps done."""
        return PEOPLE * STEPS

    @property
    def per_second(self) -> float:
        """Email steps per second, from the first entry to the last arrival."""
        return self.emails / self.seconds

    @property
    def all_cpu_s(self) -> float:
        """CPU seconds of everything that belongs to this side, its servers included."""
        return self.own_cpu_s + self.server_cpu_s + self.database_cpu_s


def until_settled(side: Side) -> None:
    """Wait until nothing is left to do."""
    deadline = time.monotonic() + PATIENCE_S
    while not side.settled():
        assert time.monotonic() < deadline, "it never ends"
        time.sleep(0.2)


def measure(side: Side, sink: Sink, workers: int, label: str) -> Round:
    """One round: a few who warm up, then everybody."""
    side.workers(workers)
    for name, many in ((f"{label}warm", WARM), (f"{label}all", PEOPLE)):
        people = [f"{name}-{n}@example.com" for n in range(many)]
        side.create(people)
        until_settled(side)
        sink.clear()
        own, (server, server_size) = side.cpu_seconds(), side.server()
        database, size = side.cluster.cpu_seconds(), side.cluster.bytes()
        machine, known = machine_cpu_seconds(), time.process_time() + cpu_seconds(sink.pid)
        began, clock = time.time(), time.perf_counter()
        entering = side.travel(people)
        took = max(sink.times) - began
        until_settled(side)
        whole = time.perf_counter() - clock
        own, server, database = (
            side.cpu_seconds() - own, side.server()[0] - server, side.cluster.cpu_seconds() - database,
        )  # fmt: skip
        known = time.process_time() + cpu_seconds(sink.pid) - known + own + server + database
        busy = machine_cpu_seconds() - machine
    sink.look()
    wrong = {person: times for person, times in sink.recipients.items() if times != STEPS}
    assert not wrong, f"not {STEPS} emails: {wrong}"
    assert len(sink.recipients) == PEOPLE, f"{len(sink.recipients)} of {PEOPLE} got emails"
    return Round(
        side.name, workers, took, entering, own, server, database, side.cluster.bytes() - size,
        side.server()[1] - server_size, max(0.0, busy - known) / whole / (os.cpu_count() or 1),
    )  # fmt: skip


def told(rounds: Sequence[Round], load: float) -> None:
    """Print the table and the ratios of what was measured."""
    sys.stdout.write(
        f"\nEmail steps through SMTP: {PEOPLE} people, {STEPS} emails each; {os.cpu_count()} cores,"
        f" load {load:.1f} before\n"
        "                workers   steps/s  entry s   CPU ms per email:            bytes per email:      others'\n"
        "                                              own  Temporal  database   database  Temporal      CPU\n"
    )
    for each in rounds:
        row(each)
        if each.side == Ours.name:
            other = next((o.per_second for o in rounds if (o.side, o.workers) == (Theirs.name, each.workers)), None)
            against = (Theirs.name, other) if other is not None else ("", None)
            keep(f"email steps, {each.workers} worker(s)", each.per_second, "/s", *against)
    for workers in WORKERS:
        found = {each.side: each for each in rounds if each.workers == workers}
        if found.keys() == {Ours.name, Theirs.name}:
            sys.stdout.write(f"  ours/Tryton with {workers}: {compared(found[Ours.name], found[Theirs.name])}\n")


def compared(one: Round, other: Round) -> str:
    """The ratios of two rounds: more steps are better, less of the rest is."""
    ratios = {
        "steps/s": (one.per_second, other.per_second),
        "own CPU": (one.own_cpu_s, other.own_cpu_s),
        "all CPU": (one.all_cpu_s, other.all_cpu_s),
        "database bytes": (one.database_bytes, other.database_bytes),
        "all bytes": (one.database_bytes + one.server_bytes, other.database_bytes + other.server_bytes),
    }
    # A few people need no new page of a database.
    return ", ".join(
        f"{name} {first / second:.2f}" if second else f"{name} -" for name, (first, second) in ratios.items()
    )


def row(each: Round) -> None:
    """Print a round."""
    cpu = [1000 * seconds / each.emails for seconds in (each.own_cpu_s, each.server_cpu_s, each.database_cpu_s)]
    size = [n / each.emails for n in (each.database_bytes, each.server_bytes)]
    sys.stdout.write(
        f"  {each.side:<14}{each.workers:>7}{each.per_second:>10.1f}{each.entering_s:>9.1f}{cpu[0]:>9.1f}"
        f"{cpu[1]:>10.1f}{cpu[2]:>10.1f}{size[0]:>11.0f}{size[1]:>10.0f}{100 * each.others:>8.0f} %\n"
    )


def run() -> None:
    """Measure and print.

    Raises:
        Missing: something could not be measured; what could was printed.
    """
    load = os.getloadavg()[0]
    missing: list[str] = []
    rounds: list[Round] = []
    numbers = count()
    with tempfile.TemporaryDirectory() as place, Sink(Path(place)) as sink:
        for open_side in (ours, theirs):
            try:
                with open_side(sink) as side:
                    rounds += [measure(side, sink, workers, f"r{next(numbers)}") for workers in WORKERS]
            except Missing as error:
                missing.append(str(error))
    if rounds:
        told(rounds, load)
    if missing:
        raise Missing("; ".join(dict.fromkeys(missing)))


if __name__ == "__main__":
    try:
        run()
    except Missing as error:
        sys.exit(f"Not measured. {error}")
