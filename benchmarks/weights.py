"""What an enrollment of three recipes weighs, from its entry to its end: rows and indexes, and Temporal's history.

Real runs on a server that skips time, in a database of their own; nobody opens, clicks or answers. Contacts are there
before, so that only what an enrollment leaves behind is counted.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.figures import keep
from benchmarks.postgres import postgres
from commands.installation import run_fast
from tests.fixtures.databases import prepare
from tests.fixtures.running import Running, running
from tests.fixtures.temporal import SkippingTime, skipping_server
from tests.recipes.installing import colleagues, event, installed, person

COUNT = int(os.environ.get("WEIGHED", "100"))
FIRST = 20
"""Who goes through before, so that each table and index has its first pages."""
STEP = timedelta(hours=6)
AT_MOST = 400
"""Quarters of a day that the longest of them lasts."""


Enters: TypeAlias = Callable[[Running, str], Awaitable[None]]


async def _form(ft: Running, contact: str) -> None:
    await event(ft, contact, "form.submitted", form="sign-up")


async def _lead(ft: Running, contact: str) -> None:
    await event(ft, contact, "form.submitted", form="callback")


async def _order(ft: Running, contact: str) -> None:
    await event(ft, contact, "order.paid", amount=100)


NEWSLETTER = "newsletter"
RECIPES: dict[str, tuple[dict[str, Any], str | None, Enters]] = {
    "welcome-series": ({"guides": "https://example.com/g", "offers": "https://example.com/o"}, NEWSLETTER, _form),
    "speed-to-lead": ({"team": "team"}, None, _lead),
    "review-request": ({"page": "https://example.com/r"}, NEWSLETTER, _order),
}


async def history(ft: Running, enrollment: Any) -> tuple[int, int]:
    """Events and bytes of the history of a run."""
    found = await ft.run(enrollment).fetch_history()
    return len(found.events), sum(each.ByteSize() for each in found.events)


async def through(ft: Running, clock: SkippingTime, slug: str, people: list[str], enters: Enters) -> None:
    """Let these enter, and time pass until everybody is at the end."""

    async def totals() -> Any:
        await ft.settled()
        return (await ft.call("GET", f"/workflows/{slug}/report"))["totals"]

    expected = (await totals())["enrolled"] + len(people)
    for each in people:
        await enters(ft, each)
    for _ in range(AT_MOST):
        found = await totals()
        if found["enrolled"] == expected and found["active"] == 0:
            return
        await clock.skip(STEP)
    raise AssertionError(f"not everybody came through {slug}: {found}")


async def weigh(slug: str) -> None:
    """One recipe in a database of its own."""
    answers, subscribed, enters = RECIPES[slug]
    with postgres() as cluster, tempfile.TemporaryDirectory() as place:
        prepare(cluster.url)
        async with (
            skipping_server() as env,
            running(env, cluster.url, Path(place), clock=(clock := SkippingTime(env))) as ft,
        ):
            await colleagues(ft, "Ann", "Bea")
            await installed(ft, slug, **answers)
            people = [
                await person(ft, f"P{n}", subscribed=subscribed, timezone="Europe/Oslo") for n in range(FIRST + COUNT)
            ]
            await through(ft, clock, slug, people[:FIRST], enters)
            cluster.tidy()
            before = cluster.bytes()
            await through(ft, clock, slug, people[FIRST:], enters)
            cluster.tidy()
            grown = (cluster.bytes() - before) / COUNT
            some = [await history(ft, each) for each in (await ft.enrollments(slug))[:20]]
            events, size = (sum(each[n] for each in some) / len(some) for n in (0, 1))
    sys.stdout.write(
        f"  {slug:<18} {grown:8.0f} bytes in PostgreSQL, {size:8.0f} bytes of history in {events:.0f} events\n"
    )
    keep(f"{slug}: database of an enrollment", grown, "bytes")
    keep(f"{slug}: history of an enrollment", size, "bytes", "Temporal's limit of a history", 50 * 1024 * 1024)


def run() -> None:
    """Measure and print."""
    sys.stdout.write(f"\nWhat an enrollment of a recipe leaves behind, {COUNT} each\n")
    for slug in RECIPES:
        run_fast(weigh(slug))


if __name__ == "__main__":
    run()
