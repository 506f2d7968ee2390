"""Bulk enrollments per second against the bare rate of the same client: as many runs started, and nothing else.

Both sides use one client and one Temporal server, one after the other, three rounds interleaved; the median counts.
Nobody works on what is started, so that both sides are about starting alone. The records of a page may be varied.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from temporalio.client import Client

from assemble import assembled, open_client
from benchmarks.figures import keep
from benchmarks.journey import closed
from commands.installation import run_fast
from domain import jobs
from domain.names import job_run_id
from domain.ports import RunStart
from gateways.temporal import TemporalRuns
from services.installation import Installation
from tests.faults.site import Site
from tests.runs.definitions import by_hand, gap
from worker import serve

COUNT = int(os.environ.get("BULK", "2000"))
"""Enrollments of one round."""
ROUNDS = int(os.environ.get("ROUNDS", "3"))
PAGES = tuple(int(n) for n in os.environ.get("PAGES", str(jobs.PAGE)).split(","))
"""Records of a page, one size after the other."""
AT_ONCE = 50
"""Starts under way at once, as a page of a bulk enrollment has them."""


async def bare(client: Client, records: list[str], label: str) -> float:
    """Seconds it takes to start a run for each record, with what a start of an enrollment carries."""
    runs = TemporalRuns(client, "http://127.0.0.1:8233")
    turn = asyncio.Semaphore(AT_ONCE)
    plan: dict[str, Any] = {"workflow_id": label, "version": 1, "start": "gap", "steps": {}}

    async def one(record_id: str) -> None:
        async with turn:
            await runs.start(
                RunStart(
                    run_id=f"bare:{label}:{record_id}", start={"record_id": record_id}, plan=plan, slug="bare",
                    name="Bare", version=1, object="contact", record_id=record_id,
                )
            )  # fmt: skip

    began = time.perf_counter()
    await asyncio.gather(*(one(record_id) for record_id in records))
    return time.perf_counter() - began


async def bulk(site: Site, inst: Installation, client: Client, slug: str) -> float:
    """Seconds from the order of a bulk enrollment to the end of its run, worked on by a bulk worker in this process."""
    stop = asyncio.Event()
    work = asyncio.create_task(serve(inst, client, "bulk", stop, history_days=1))
    await asyncio.sleep(1)
    where = {"property": "country", "op": "is", "value": "NO"}
    began = time.perf_counter()
    job = await asyncio.to_thread(site.call, "POST", f"/workflows/{slug}/enrollments/bulk", {"where": where})
    await closed(client, job_run_id("enrollment", job["id"]))
    took = time.perf_counter() - began
    stop.set()
    await work
    done = site.call("GET", f"/jobs/{job['id']}")
    assert done["counts"] == {"enrolled": COUNT}, done
    return took


async def measure(site: Site) -> tuple[dict[int, list[float]], list[float]]:
    """All rounds of both sides, interleaved; enrollments per second by size of a page, and starts per second."""
    settings = site.settings()
    # A worker needs a client that is connected.
    connected = await open_client(settings)
    async with assembled(settings, "bench", client=connected) as (inst, client):
        records = [
            site.call("POST", "/records/contact", {"properties": {"email": f"b{n}@example.com", "country": "NO"}})["id"]
            for n in range(COUNT)
        ]
        ours: dict[int, list[float]] = {page: [] for page in PAGES}
        theirs: list[float] = []
        for n in range(ROUNDS):
            for page in PAGES:
                slug = f"bulk-{page}-{n}"
                site.publish(by_hand(slug, [gap(days=2)]))
                jobs.PAGE = page  # The bulk worker is this process.
                ours[page].append(COUNT / await bulk(site, inst, client, slug))
            theirs.append(COUNT / await bare(client, records, f"bulk-{n}"))
        return ours, theirs


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place, Site(Path(place)) as site:
        site.kill("worker")
        ours, theirs = run_fast(measure(site))
    bare_rate = statistics.median(theirs)
    sys.stdout.write(f"\nBulk enrollment, {COUNT} records a round, {ROUNDS} rounds, median\n")
    sys.stdout.write(f"  bare starts                        {bare_rate:7.1f}/s\n")
    for page, rates in ours.items():
        rate = statistics.median(rates)
        sys.stdout.write(f"  enrolled and started, pages of {page:<4}{rate:7.1f}/s   ratio {rate / bare_rate:.2f}")
        sys.stdout.write(" (aim: at least 0.5)\n")
        keep(f"bulk enrollment, pages of {page}", rate, "/s", "bare starts (aim 0.5)", bare_rate)


if __name__ == "__main__":
    run()
