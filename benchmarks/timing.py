"""Many instants that come at once, and many that move at once.

Everybody holds a message back until a window opens, all in the same second or spread; how late each message leaves is
the time its file was written minus the instant it was planned for. And everybody waits for the date of one opportunity,
which is moved: the time from the PATCH until the last enrollment is planned anew.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from httpx2 import AsyncClient, Limits

from benchmarks.figures import keep
from benchmarks.latency import CLIENTS, told
from tests.faults.site import Site
from tests.runs.definitions import by_hand, email, gap, task

TIMERS = int(os.environ.get("TIMERS", "5000"))
RETIMED = int(os.environ.get("RETIMED", "2000"))
SPREAD_MINUTES = int(os.environ.get("SPREAD_MINUTES", "5"))
LEAD = timedelta(seconds=90 + TIMERS / 20)
"""How far ahead the window opens, so that everybody is inside before."""
PATIENCE_S = 1800.0
LOOK_EVERY_S = 0.02

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HELD = "SELECT count(*) FROM visits WHERE step = 'hello' AND turn = 0 AND outcome IS NULL AND held_until IS NOT NULL"
PLANNED = "SELECT enrollment_id, held_until FROM visits WHERE step = 'hello' AND turn = 0"
WOKEN = "SELECT count(*) FROM visits WHERE step = 'gap' AND left_at IS NOT NULL"
WOKEN_AT = "SELECT wakes_at, left_at FROM visits WHERE step = 'gap' AND wakes_at IS NOT NULL"
DATED = "SELECT count(*) FROM enrollments WHERE wakes_at LIKE ?"


def window(at: datetime) -> dict[str, Any]:
    """Hours that begin at a minute of every day and end with it."""
    return {"days": DAYS, "from": f"{at:%H:%M}", "to": "00:00"}


async def let_in(site: Site, slug: str, count: int, made: Callable[[AsyncClient, str], Any] | None = None) -> None:
    """Create and enroll contacts, by several clients."""
    numbers = iter(range(count))

    async def client_loop(http: AsyncClient) -> None:
        for n in numbers:
            contact = await http.post("/api/v1/records/contact", json={"properties": {"email": f"t{n}@example.com"}})
            contact_id = contact.raise_for_status().json()["id"]
            if made is not None:
                await made(http, contact_id)
            body = {"record": {"object": "contact", "id": contact_id}}
            (await http.post(f"/api/v1/workflows/{slug}/enrollments", json=body)).raise_for_status()

    async with AsyncClient(
        base_url=site.http.base_url, headers=site.http.headers, limits=Limits(max_connections=CLIENTS), timeout=60,
        trust_env=False,
    ) as http:  # fmt: skip
        await asyncio.gather(*(client_loop(http) for _ in range(CLIENTS)))


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
        planned = {row[0]: datetime.fromisoformat(row[1]).replace(tzinfo=UTC) for row in database.execute(PLANNED)}
    late = []
    for file in written(site):
        enrollment_id = file.name.replace("%3A", ":").split(":")[0]
        late.append(file.stat().st_mtime - planned[enrollment_id].timestamp())
    return late


def written(site: Site) -> list[Path]:
    """The messages that left, each a file."""
    folder = site.folder / "outbox" / "email"
    return [file for file in folder.iterdir() if not file.name.startswith(".")] if folder.exists() else []


def at_once(minutes: int) -> None:
    """Messages that are held back together and let go together."""
    with tempfile.TemporaryDirectory() as place, Site(Path(place)) as site:
        opens = (datetime.now(UTC) + LEAD + timedelta(minutes=1)).replace(second=0, microsecond=0)
        settings = {"timezone": "UTC", "window": window(opens), "spread_minutes": minutes}
        site.publish(by_hand("held", [email("hello", "Hi")], settings=settings))
        asyncio.run(let_in(site, "held", TIMERS))
        until(site, HELD, count=TIMERS)
        assert datetime.now(UTC) < opens, "the window opened before everybody was inside"
        site.until(lambda: len(written(site)) >= TIMERS, "every message leaves", within_s=PATIENCE_S)
        late = lateness(site)
    spread = f"spread over {minutes} min" if minutes else "in the same second"
    sys.stdout.write(f"\n{TIMERS} held messages, let go {spread}\n")
    told(f"lateness, {spread}", late)


def spread_by_entry() -> None:
    """Delays of one length, which end as spread as people entered: how late each run went on."""
    with tempfile.TemporaryDirectory() as place, Site(Path(place)) as site:
        site.publish(by_hand("sleeping", [gap(seconds=int(LEAD.total_seconds()))]))
        asyncio.run(let_in(site, "sleeping", TIMERS))
        until(site, WOKEN, count=TIMERS)
        with closing(sqlite3.connect(f"file:{site.folder / 'followthrough.db'}?mode=ro", uri=True)) as database:
            found = [[datetime.fromisoformat(at) for at in row] for row in database.execute(WOKEN_AT)]
    late = [(left - wakes).total_seconds() for wakes, left in found]
    sys.stdout.write(f"\n{TIMERS} delays that end one after the other, as people entered\n")
    told("wake lateness", late)
    keep(f"wake lateness of {TIMERS} spread timers, median", 1000 * statistics.median(late), "ms")
    keep(f"wake lateness of {TIMERS} spread timers, p99", 1000 * sorted(late)[int(len(late) * 0.99)], "ms")


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

        async def link(http: AsyncClient, contact_id: str) -> None:
            path = f"/api/v1/records/contact/{contact_id}/associations/opportunity/{deal}"
            (await http.put(path)).raise_for_status()

        asyncio.run(let_in(site, "dated", RETIMED, link))
        until(site, DATED, "2099-01-01%", count=RETIMED)
        time.sleep(5)
        began = time.perf_counter()
        site.call("PATCH", f"/records/opportunity/{deal}", {"properties": {"close_date": "2098-01-01"}})
        until(site, DATED, "2098-01-01%", count=RETIMED)
        took = time.perf_counter() - began
    sys.stdout.write(f"\n{RETIMED} waiting for one date that moves: {took:.1f} s until the last is timed anew\n")


def run() -> None:
    """Measure and print."""
    spread_by_entry()
    moved()
    for minutes in (0, SPREAD_MINUTES):
        at_once(minutes)


if __name__ == "__main__":
    run()
