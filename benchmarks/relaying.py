"""Changes relayed per second with 1, 100 and 1,000 published workflows, of which one mentions what changed.

Each number of workflows has an installation of its own, on SQLite and without Temporal; rounds are interleaved, the
median counts. A round is a backlog of changes of one property; the clock runs while one relay works it off. The one
workflow that mentions the property is examined for every change, and nobody enters.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from assemble import assembled
from benchmarks.figures import keep
from commands.installation import run_fast
from settings import Settings
from tests.fixtures.databases import prepare
from tests.runs.definitions import by_hand, engaging, gap
from tests.services.desk import Desk

WORKFLOWS = tuple(int(n) for n in os.environ.get("WORKFLOWS", "1,100,1000").split(","))
COUNT = int(os.environ.get("CHANGES", "1000"))
"""Changes of one round."""
ROUNDS = int(os.environ.get("ROUNDS", "5"))
CONTACTS = 100

OTHERS: tuple[dict[str, Any], ...] = (
    {"id": "t1", "on": "filter", "where": {"property": "lifecycle_stage", "op": "is", "value": "customer"}},
    {"id": "t1", "on": "changed", "property": "job_title"},
    {"id": "t1", "on": "event", "event": "order.paid"},
    {"id": "t1", "on": "created", "object": "company"},
    engaging(),
)
"""Triggers that do not mention the city of a contact."""


def entered_by(slug: str, trigger: dict[str, Any]) -> dict[str, Any]:
    return by_hand(slug, [gap(days=9)], entry={"triggers": [trigger]})


async def set_up(desk: Desk, workflows: int) -> list[str]:
    """Publish everything; the contacts that will change."""
    where = {"property": "city", "op": "is", "value": "Oslo"}
    await desk.publish(entered_by("moved", {"id": "t1", "on": "filter", "where": where}))
    for n in range(1, workflows):
        await desk.publish(entered_by(f"other-{n}", OTHERS[n % len(OTHERS)]))
    contacts = [await desk.create("contact", email=f"c{n}@example.com") for n in range(CONTACTS)]
    await desk.work_off()
    return contacts


async def one_round(desk: Desk, contacts: list[str], label: str) -> float:
    """Changes a second."""
    for n in range(COUNT):
        await desk.patch(contacts[n % len(contacts)], city=f"City {label}-{n}")
    began = time.perf_counter()
    await desk.work_off()
    return COUNT / (time.perf_counter() - began)


async def measure(place: Path) -> dict[int, list[float]]:
    """All rounds of every number of workflows, interleaved."""
    rates: dict[int, list[float]] = {workflows: [] for workflows in WORKFLOWS}
    async with AsyncExitStack() as stack:
        desks: dict[int, tuple[Desk, list[str]]] = {}
        for workflows in WORKFLOWS:
            folder = place / str(workflows)
            folder.mkdir()
            settings = Settings(data_dir=folder)
            prepare(settings.database_url)
            inst, _ = await stack.enter_async_context(assembled(settings, "bench"))
            desk = Desk(inst)
            desks[workflows] = desk, await set_up(desk, workflows)
        for n in range(ROUNDS + 1):
            # There and back, so that none is always the first after the pause of another.
            order = list(desks.items())[:: 1 if n % 2 else -1]
            for workflows, (desk, contacts) in order:
                rate = await one_round(desk, contacts, str(n))
                if n > 0:  # The first round warms up.
                    rates[workflows].append(rate)
    return rates


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place:
        rates = run_fast(measure(Path(place)))
    sys.stdout.write(f"\nChanges relayed, {COUNT} a round, {ROUNDS} rounds, median\n")
    first = statistics.median(rates[WORKFLOWS[0]])
    for workflows, found in rates.items():
        rate = statistics.median(found)
        sys.stdout.write(f"  {workflows:>5} workflows {rate:8.1f}/s   ratio {rate / first:.2f}\n")
        against = (f"with {WORKFLOWS[0]}", first) if workflows != WORKFLOWS[0] else ("", None)
        keep(f"changes relayed, {workflows} workflows", rate, "/s", *against)


if __name__ == "__main__":
    run()
