"""From an event to the reaction to it, with 10,000 enrollments waiting for it.

Everybody stands in a wait for the same event, which happens to one after the other. The clock runs from the request
``POST /events`` until the visit of the step behind the wait can be read in the database.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.clients import let_in, named
from benchmarks.figures import keep_times
from tests.faults.site import Site
from tests.runs.definitions import by_hand, task

COUNT = int(os.environ.get("WAITING", "10000"))
EVENTS = int(os.environ.get("EVENTS", "500"))
EVENT = "custom.webinar_joined"
PATIENCE_S = 30.0
LOOK_EVERY_S = 0.001

MINE = "SELECT id, record_id FROM enrollments ORDER BY id"
REACTED = "SELECT 1 FROM visits WHERE enrollment_id = ? AND step = 'call' AND outcome IS NOT NULL"


def joining() -> dict[str, Any]:
    """A wait for the event with a task behind it."""
    ways = {"matched": [task("call", "Call")], "timed_out": [task("late", "Late")]}
    wait = {"id": "joined", "kind": "wait", "for_event": {"event": EVENT}, "timeout": {"days": 2}, **ways}
    return by_hand("joining", [wait])


def everybody_waits(site: Site) -> bool:
    """Whether all stand in the wait."""
    steps = site.call("GET", "/workflows/joining/report")["steps"]
    return any(step["step"] == "joined" and step["waiting"] == COUNT for step in steps)


def reactions(site: Site) -> Sequence[float]:
    """Seconds from each event to the reaction, one at a time, of enrollments drawn by chance."""
    took: list[float] = []
    with closing(sqlite3.connect(f"file:{site.folder / 'followthrough.db'}?mode=ro", uri=True)) as database:
        everybody = database.execute(MINE).fetchall()
        for enrollment_id, record_id in Random(7).sample(everybody, min(EVENTS, COUNT)):
            body = {"event": EVENT, "record": {"object": "contact", "id": record_id}}
            began = time.perf_counter()
            site.call("POST", "/events", body)
            while not database.execute(REACTED, (enrollment_id,)).fetchall():
                assert time.perf_counter() - began < PATIENCE_S, f"{enrollment_id} does not react"
                time.sleep(LOOK_EVERY_S)
            took.append(time.perf_counter() - began)
    return took


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place, Site(Path(place)) as site:
        site.publish(joining())
        asyncio.run(let_in(site, "joining", named("w", COUNT)))
        site.until(lambda: everybody_waits(site), "everybody waits", within_s=1200)
        time.sleep(5)
        took = reactions(site)
    sys.stdout.write(f"\n{COUNT} enrollments waiting for an event, idle but for it, SQLite\n")
    keep_times(f"event to reaction, {COUNT} waiting", took)


if __name__ == "__main__":
    run()
