"""Many instants that come at once, and many that move at once.

Everybody sleeps until an instant of their own: how late each run goes on. Everybody holds a message back until a window
opens, all in the same second or spread: how late each leaves is the time its file was written minus the instant it was
planned for. And everybody waits for the date of one opportunity, which is moved: the time from the PATCH until the last
enrollment is planned anew.
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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.clients import at_once, connected, create, enroll, let_in, named
from benchmarks.figures import keep, keep_times
from tests.faults.site import Site
from tests.runs.definitions import by_hand, email, task

TIMERS = int(os.environ.get("TIMERS", "5000"))
RETIMED = int(os.environ.get("RETIMED", "2000"))
SPREAD_MINUTES = int(os.environ.get("SPREAD_MINUTES", "5"))
LEAD = timedelta(seconds=120 + TIMERS / 12)
"""How far ahead the first instant lies, so that everybody is inside before."""
PATIENCE_S = 1800.0
LOOK_EVERY_S = 0.02

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HELD = "SELECT count(*) FROM visits WHERE step = 'hello' AND turn = 0 AND outcome IS NULL AND held_until IS NOT NULL"
PLANNED = "SELECT enrollment_id, held_until FROM visits WHERE step = 'hello' AND turn = 0"
ASLEEP = "SELECT count(*) FROM visits WHERE step = 'due' AND turn = 0 AND wakes_at IS NOT NULL"
WOKEN = "SELECT count(*) FROM visits WHERE step = 'due' AND turn = 0 AND left_at IS NOT NULL"
# Who has left sleeps no more: until when they did is what they were answered first.
WOKEN_AT = "SELECT json_extract(answer, '$.wake_at'), left_at FROM visits WHERE step = 'due' AND turn = 0"
DATED = "SELECT count(*) FROM enrollments WHERE wakes_at LIKE ?"


def window(at: datetime) -> dict[str, Any]:
    """Hours that begin at a minute of every day and end with it."""
    return {"days": DAYS, "from": f"{at:%H:%M}", "to": "00:00"}


def instant(text: str) -> datetime:
    """One that the database keeps, in a column (without its zone) or in a document (with it)."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def until(site: Site, sql: str, *values: Any, count: int) -> None:
    """Wait until a query counts everybody."""
    with closing(sqlite3.connect(f"file:{site.folder / 'followthrough.db'}?mode=ro", uri=True)) as database:
        began = time.perf_counter()
        while database.execute(sql, values).fetchone()[0] < count:
            assert time.perf_counter() - began < PATIENCE_S, sql
            time.sleep(LOOK_EVERY_S)


def lateness(site: Site) -> Sequence[float]:
    """Seconds between the planned instant of each message and its file in the outbox."""
    with closing(sqlite3.connect(f"file:{site.folder / 'followthrough.db'}?mode=ro", uri=True)) as database:
        planned = {row[0]: instant(row[1]) for row in database.execute(PLANNED)}
    late = []
    for file in written(site):
        enrollment_id = file.name.replace("%3A", ":").split(":")[0]
        late.append(file.stat().st_mtime - planned[enrollment_id].timestamp())
    return late


def written(site: Site) -> list[Path]:
    """The messages that left, each a file."""
    folder = site.folder / "outbox" / "email"
    return [file for file in folder.iterdir() if not file.name.startswith(".")] if folder.exists() else []


def held(minutes: int) -> None:
    """Messages that are held back together and let go together."""
    with tempfile.TemporaryDirectory() as place, Site(Path(place)) as site:
        opens = (datetime.now(UTC) + LEAD + timedelta(minutes=1)).replace(second=0, microsecond=0)
        settings = {"timezone": "UTC", "window": window(opens), "spread_minutes": minutes}
        site.publish(by_hand("held", [email("hello", "Hi")], settings=settings))
        asyncio.run(let_in(site, "held", named("t", TIMERS)))
        until(site, HELD, count=TIMERS)
        assert datetime.now(UTC) < opens, "the window opened before everybody was inside"
        site.until(lambda: len(written(site)) >= TIMERS, "every message leaves", within_s=PATIENCE_S)
        late = lateness(site)
    spread = f"spread over {minutes} min" if minutes else "in the same second"
    sys.stdout.write(f"\n{TIMERS} held messages, let go {spread}\n")
    keep_times(f"lateness, {TIMERS} messages {spread}", late)


def spread() -> None:
    """Delays until an instant that each contact has of its own, spread evenly: how late each run went on."""
    step = {"id": "due", "kind": "delay", "until": {"property": "last_touched_at"}}
    with tempfile.TemporaryDirectory() as place, Site(Path(place)) as site:
        site.publish(by_hand("sleeping", [step]))
        first = datetime.now(UTC) + LEAD
        apart = timedelta(minutes=SPREAD_MINUTES) / TIMERS
        due = [{"last_touched_at": (first + n * apart).isoformat()} for n in range(TIMERS)]
        asyncio.run(let_in(site, "sleeping", [{**who, **at} for who, at in zip(named("t", TIMERS), due, strict=True)]))
        until(site, ASLEEP, count=TIMERS)
        assert datetime.now(UTC) < first, "the first instant came before everybody was inside"
        until(site, WOKEN, count=TIMERS)
        with closing(sqlite3.connect(f"file:{site.folder / 'followthrough.db'}?mode=ro", uri=True)) as database:
            found = [[instant(text) for text in row] for row in database.execute(WOKEN_AT)]
    sys.stdout.write(f"\n{TIMERS} delays that end spread over {SPREAD_MINUTES} min\n")
    keep_times(f"wake lateness, {TIMERS} spread timers", [(left - wakes).total_seconds() for wakes, left in found])


def moved() -> None:
    """A date that everybody waits for is moved."""
    steps = [
        {"id": "day", "kind": "delay",
         "until": {"property": "close_date", "of": {"object": "opportunity"}, "time": "09:00"}},
        task("after", "After"),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as place, Site(Path(place)) as site:
        site.publish(by_hand("dated", steps, settings={"timezone": "UTC"}))
        deal = site.call("POST", "/records/opportunity", {"properties": {"name": "D", "close_date": "2099-01-01"}})[
            "id"
        ]

        async def enter() -> None:
            async with connected(site) as http:

                async def one(contact_id: str) -> None:
                    path = f"/records/contact/{contact_id}/associations/opportunity/{deal}"
                    (await http.put(path)).raise_for_status()
                    await enroll(http, "dated", contact_id)

                await at_once(await create(http, named("d", RETIMED)), one)

        asyncio.run(enter())
        until(site, DATED, "2099-01-01%", count=RETIMED)
        time.sleep(5)
        began = time.perf_counter()
        site.call("PATCH", f"/records/opportunity/{deal}", {"properties": {"close_date": "2098-01-01"}})
        until(site, DATED, "2098-01-01%", count=RETIMED)
        took = time.perf_counter() - began
    sys.stdout.write(f"\n{RETIMED} waiting for one date that moves: {took:.1f} s until the last is timed anew\n")
    keep(f"{RETIMED} timed anew, until the last", took, "s")


def run() -> None:
    """Measure and print."""
    spread()
    moved()
    for minutes in (0, SPREAD_MINUTES):
        held(minutes)


if __name__ == "__main__":
    run()
