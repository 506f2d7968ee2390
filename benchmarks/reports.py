"""What the report of a workflow costs that a million visits went through, on SQLite and on PostgreSQL.

The rows are written straight into the tables: ten steps, of which two sent an email each. What is asked is what the API
asks; each question is asked a few times on a connection that is warm, and the median counts. Beside them, in the same
run, stands one plain ``count(*) … GROUP BY`` over the same visits, so that a number means something on another machine.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import func, select

from assemble import assembled
from benchmarks.figures import keep
from benchmarks.postgres import postgres
from benchmarks.visited import SLUG, STEPS, fill
from commands.installation import run_fast
from services.installation import Installation
from services.telling.over_time import make_over_time
from services.telling.report import Number, list_behind, make_report
from services.telling.totals import list_behind_total
from settings import Settings
from store.database import Read, Row
from store.tables import visits
from store.totals import Total
from store.workflows import find_workflow
from tests.fixtures.databases import prepare

VISITS = int(os.environ.get("VISITS", "1000000"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
"""How often each question is asked; the first time only warms up."""

Question: TypeAlias = Callable[[Read], Awaitable[object]]


def questions(inst: Installation, workflow: Row) -> dict[str, Question]:
    """What is asked, by what it is called."""
    by_step = select(visits.c.step, visits.c.outcome, func.count()).where(visits.c.workflow_id == workflow["id"])
    first, last = date(2026, 1, 1), date(2026, 3, 31)
    done, sent = Number(step=STEPS[4], figure="done"), Number(step=STEPS[1], figure="sent")
    skipped = Number(step=STEPS[4], figure="skipped", reason="unsubscribed")
    return {
        "plain count": lambda read: read.all(by_step.group_by(visits.c.step, visits.c.outcome)),
        "report": lambda read: make_report(read, workflow),
        "over 90 days": lambda read: make_over_time(read, inst, workflow, "day", first=first, last=last),
        "visits done, first page": lambda read: list_behind(read, workflow, done, after=(), limit=51),
        "skipped for a reason, first page": lambda read: list_behind(read, workflow, skipped, after=(), limit=51),
        "sent, first page": lambda read: list_behind(read, workflow, sent, after=(), limit=51),
        "converted, first page": lambda read: list_behind_total(
            read, workflow, Total(figure="converted"), after=None, limit=51
        ),
    }


async def measure(url: str, folder: Path, tidy: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Milliseconds of each question, the median."""
    prepare(url)
    found: dict[str, list[float]] = {}
    async with assembled(Settings(data_dir=folder, database_url=url), "bench") as (inst, _):
        await fill(inst, VISITS)
        tidy()
        async with inst.db.read() as read:
            workflow = await find_workflow(read, SLUG)
        assert workflow is not None
        for n in range(ROUNDS + 1):
            for name, ask in questions(inst, workflow).items():
                began = time.perf_counter()
                async with inst.db.read() as read:
                    await ask(read)
                if n > 0:
                    found.setdefault(name, []).append(1000 * (time.perf_counter() - began))
    return {name: statistics.median(times) for name, times in found.items()}


def show(where: str, times: dict[str, float]) -> None:
    """Print the numbers of one database."""
    sys.stdout.write(f"\nReport of a workflow with {VISITS} visits on {where}, warm, median of {ROUNDS}\n")
    for name, took in times.items():
        sys.stdout.write(f"  {name:<34} {took:8.1f} ms   ratio {took / times['plain count']:5.2f}\n")
        if name != "plain count":
            keep(f"{name}, {VISITS:,} visits on {where}", took, "ms", "plain count", times["plain count"])


def run() -> None:
    """Measure and print."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        show("SQLite", run_fast(measure(f"sqlite+aiosqlite:///{folder / 'followthrough.db'}", folder)))
    with postgres() as server, tempfile.TemporaryDirectory() as place:
        show("PostgreSQL", run_fast(measure(server.url, Path(place), server.tidy)))
    sys.stdout.write(f"  load before {load:.1f}, after {os.getloadavg()[0]:.1f}\n")


if __name__ == "__main__":
    run()
