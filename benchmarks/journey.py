"""Enrollments per second of the reference journey (delay, email, end) against its hand-written twin.

Both sides run on the same Temporal server and database file, one after the other, three rounds interleaved; the median
counts. A round lasts from the first start to the close of the last run.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.schema import CreateTable
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from assemble import assembled
from benchmarks.clients import connected, create, named
from benchmarks.figures import keep
from benchmarks.places import cpu_seconds, database_bytes
from benchmarks.twin import TYPE
from benchmarks.twin_worker import twin_messages
from commands.installation import run_fast
from domain import names
from domain.records import Cause
from gateways.temporal import OBJECT, RECORD, VERSION, WORKFLOW
from services.entering.enrolling import EnrollRequest, enroll
from services.installation import Installation
from services.running.deliveries import deliver_now
from store.workflows import find_workflow
from tests.faults.site import Part, Site
from tests.runs.definitions import by_hand, email, gap

COUNT = int(os.environ.get("JOURNEYS", "300"))
"""Journeys of one round."""
ROUNDS = int(os.environ.get("ROUNDS", "3"))
AT_ONCE = 16
SETTLE_S = 5
"""How long a fresh worker gets to connect and poll before the clock runs."""


@dataclass
class Round:
    """What one round cost."""

    seconds: float
    worker_cpu_s: float
    server_cpu_s: float
    starter_cpu_s: float
    app_bytes: float
    temporal_bytes: float

    @property
    def per_second(self) -> float:
        """Journeys per second."""
        return COUNT / self.seconds


async def all_of(records: list[str], start: Callable[[str], Awaitable[str]], client: Client) -> float:
    """Start a journey for each record, wait for every run to close; the seconds it took."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(record_id: str) -> None:
        async with turn:
            run_id = await start(record_id)
        await closed(client, run_id)

    began = time.perf_counter()
    await asyncio.gather(*(one(record_id) for record_id in records))
    return time.perf_counter() - began


async def closed(client: Client, run_id: str) -> None:
    """Wait for a run to close; one that a relay is just about to start is waited for too."""
    while True:
        try:
            await client.get_workflow_handle(run_id).result()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(0.01)
        else:
            return


def engine(inst: Installation, workflow_id: str) -> Callable[[str], Awaitable[str]]:
    """Enter through the engine: decision, enrollment and start in one transaction, then the delivery."""

    async def start(record_id: str) -> str:
        request = EnrollRequest(
            workflow_id=workflow_id, record_id=record_id, cause=Cause(kind="api"), starter=inst.name
        )
        async with inst.db.transaction() as tx:
            decided = await enroll(tx, request, now=inst.clock.now())
        assert decided.enrollment_id is not None
        assert decided.run_id is not None
        await deliver_now(inst, decided.enrollment_id)
        return decided.run_id

    return start


def twin(client: Client, label: str) -> Callable[[str], Awaitable[str]]:
    """Start the twin directly."""

    async def start(record_id: str) -> str:
        run_id = f"twin:{label}:{record_id}"
        await client.start_workflow(
            TYPE,
            args=[f"{label}-{record_id}"[:36], record_id],
            id=run_id,
            task_queue=names.QUEUE_RUNS,
            static_summary=f"Twin · contact {record_id}",
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(WORKFLOW, "twin"),
                    SearchAttributePair(RECORD, record_id),
                    SearchAttributePair(OBJECT, "contact"),
                    SearchAttributePair(VERSION, 1),
                ]
            ),
        )
        return run_id

    return start


async def measure(
    site: Site, part: Part, records: list[str], start: Callable[[str], Awaitable[str]], client: Client
) -> Round:
    """One round of one side, with its own fresh worker."""
    site.start(part)
    await asyncio.sleep(SETTLE_S)
    app, temporal = site.folder / "followthrough.db", site.folder / "temporal.db"
    before = (site.pid(part), site.pid("temporal"))
    cpu = [cpu_seconds(pid) for pid in before]
    size = [database_bytes(app), database_bytes(temporal)]
    here = time.process_time()
    seconds = await all_of(records, start, client)
    spent = [cpu_seconds(pid) - was for pid, was in zip(before, cpu, strict=True)]
    grown = [(database_bytes(p) - was) / COUNT for p, was in zip((app, temporal), size, strict=True)]
    site.kill(part)
    return Round(seconds, spent[0], spent[1], time.process_time() - here, grown[0], grown[1])


@asynccontextmanager
async def both_sides(site: Site) -> AsyncIterator[tuple[Installation, Client, str]]:
    """What both sides are started through, with the table that the twin writes to; and the id of the workflow."""
    async with assembled(site.settings(), "bench") as (inst, client):
        async with inst.db.transaction() as tx:
            await tx.run(CreateTable(twin_messages))
        async with inst.db.read() as read:
            workflow = await find_workflow(read, "journey")
        assert workflow is not None
        yield inst, client, workflow["id"]


async def people(site: Site, label: str) -> list[str]:
    """The contacts of one round."""
    async with connected(site) as http:
        return await create(http, named(label, COUNT))


async def compare(site: Site) -> tuple[list[Round], list[Round]]:
    """All rounds of both sides, interleaved."""
    async with both_sides(site) as (inst, client, workflow_id):
        ours: list[Round] = []
        twins: list[Round] = []
        for n in range(ROUNDS):
            records = await people(site, f"r{n}")
            ours.append(await measure(site, "worker", records, engine(inst, workflow_id), client))
            twins.append(await measure(site, "twin", records, twin(client, f"r{n}"), client))
        return ours, twins


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place, Site(Path(place)) as site:
        site.publish(by_hand("journey", [gap(seconds=1), email("hello", "Hello")]))
        site.kill("worker")
        ours, twins = run_fast(compare(site))
    rate = [statistics.median(r.per_second for r in side) for side in (ours, twins)]
    sys.stdout.write(f"\nReference journey, {COUNT} enrollments a round, {ROUNDS} rounds, median\n")
    for name, side, per_second in (("engine", ours, rate[0]), ("twin", twins, rate[1])):
        middle = sorted(side, key=lambda r: r.per_second)[len(side) // 2]
        sys.stdout.write(
            f"  {name:<7} {per_second:7.1f}/s   worker {1000 * middle.worker_cpu_s / COUNT:6.1f} ms CPU,"
            f" server {1000 * middle.server_cpu_s / COUNT:6.1f} ms,"
            f" starter {1000 * middle.starter_cpu_s / COUNT:6.1f} ms,"
            f" {middle.app_bytes:7.0f} + {middle.temporal_bytes:7.0f} bytes (app + Temporal) each\n"
        )
    keep("reference journey on SQLite", rate[0], "/s", "hand-written twin (aim 0.8)", rate[1])
    sys.stdout.write(f"  ratio   {rate[0] / rate[1]:.2f} (aim: at least 0.8)\n")


if __name__ == "__main__":
    run()
