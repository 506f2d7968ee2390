"""The form of production: the API under 64 clients, and journeys with one and two workers, on PostgreSQL.

The API is held against what the database does alone: as many clients that each commit one row per request, through the
same driver. The journeys are held against the hand-written twin with as many workers.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from httpx2 import AsyncClient, Limits
from sqlalchemy.schema import CreateTable

from assemble import assembled
from benchmarks.figures import keep
from benchmarks.journey import SETTLE_S, all_of, engine, twin
from benchmarks.latency import told
from benchmarks.postgres import Cluster, postgres
from benchmarks.twin_worker import twin_messages
from commands.installation import run_fast
from settings import Settings
from store.workflows import find_workflow
from tests.faults.site import Part, Site
from tests.runs.definitions import by_hand, email, gap

CLIENTS = 64
REQUESTS = int(os.environ.get("REQUESTS", "3200"))
COUNT = int(os.environ.get("JOURNEYS", "300"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SIDES: dict[str, tuple[Part, Part]] = {"engine": ("worker", "worker-2"), "twin": ("twin", "twin-2")}


async def at_once(request: Callable[[int], Awaitable[None]], count: int) -> tuple[float, list[float]]:
    """Requests by all clients, each sending the next when the last was answered; the rate, and the seconds of each."""
    took: list[float] = []
    numbers = iter(range(count))

    async def client() -> None:
        for n in numbers:
            began = time.perf_counter()
            await request(n)
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return count / (time.perf_counter() - began), took


async def bare_commits(cluster: Cluster) -> float:
    """Rows a second that so many clients commit one by one."""
    connections = [await asyncpg.connect(host=str(cluster.folder), user="followthrough", database=cluster.name)
                   for _ in range(CLIENTS)]  # fmt: skip
    await connections[0].execute("CREATE TABLE bare (id bigserial PRIMARY KEY, document jsonb NOT NULL)")
    free = asyncio.LifoQueue[asyncpg.Connection]()
    for each in connections:
        free.put_nowait(each)

    async def commit(n: int) -> None:
        connection = await free.get()
        await connection.execute("INSERT INTO bare (document) VALUES ($1)", f'{{"city": "City {n}"}}')
        free.put_nowait(connection)

    rate, _ = await at_once(commit, REQUESTS)
    for each in connections:
        await each.close()
    return rate


async def api(site: Site, cluster: Cluster) -> None:
    """Four kinds of request, each by 64 clients."""
    bare = await bare_commits(cluster)
    sys.stdout.write(f"\nAPI on PostgreSQL with {CLIENTS} clients, {REQUESTS} requests of each kind\n")
    sys.stdout.write(f"  bare commits of one row             {bare:7.0f}/s\n")
    async with AsyncClient(
        base_url=f"{site.http.base_url}/api/v1", headers=site.http.headers, limits=Limits(max_connections=CLIENTS),
        timeout=120, trust_env=False,
    ) as http:  # fmt: skip
        ids: list[str] = []

        async def send(method: str, path: str, body: object = None) -> None:
            (await http.request(method, path, json=body)).raise_for_status()

        async def create(n: int) -> None:
            made = await http.post("/records/contact", json={"properties": {"email": f"a{n}@example.com"}})
            ids.append(made.raise_for_status().json()["id"])

        kinds: dict[str, Callable[[int], Awaitable[None]]] = {
            "create a contact": create,
            "PATCH of one contact": lambda n: send(
                "PATCH", f"/records/contact/{ids[n]}", {"properties": {"city": "B"}}
            ),
            "read one contact": lambda n: send("GET", f"/records/contact/{ids[n]}"),
            "post an event": lambda n: send(
                "POST", "/events", {"event": "page.viewed", "record": {"object": "contact", "id": ids[n]}}
            ),
            "enroll by hand": lambda n: send(
                "POST", "/workflows/parking/enrollments", {"record": {"object": "contact", "id": ids[n]}}
            ),
        }
        for name, request in kinds.items():
            rate, took = await at_once(request, REQUESTS)
            told(f"{name} ({rate:.0f}/s)", took)
            keep(f"API, {CLIENTS} clients, {name}", rate, "/s", "bare commits of one row", bare)


async def journeys(site: Site) -> None:
    """Both sides with one worker and with two, interleaved."""
    prefix = "FOLLOWTHROUGH_"
    values = {n.removeprefix(prefix).lower(): v for n, v in site.environment.items() if n.startswith(prefix)}
    async with assembled(Settings(**values), "bench") as (inst, client):  # type: ignore[arg-type]
        async with inst.db.transaction() as tx:
            await tx.run(CreateTable(twin_messages))
        async with inst.db.read() as read:
            workflow = await find_workflow(read, "journey")
        assert workflow is not None
        rates: dict[tuple[str, int], list[float]] = {}
        for n in range(ROUNDS):
            for workers in (1, 2):
                records = [
                    site.call("POST", "/records/contact", {"properties": {"email": f"j{n}-{workers}-{i}@example.com"}})[
                        "id"
                    ]
                    for i in range(COUNT)
                ]
                # Neither is always the first of the two.
                for side, parts in sorted(SIDES.items(), reverse=bool(n % 2)):
                    for part in parts[:workers]:
                        site.start(part)
                    await asyncio.sleep(SETTLE_S)
                    start = engine(inst, workflow["id"]) if side == "engine" else twin(client, f"{n}-{workers}")
                    seconds = await all_of(records, start, client)
                    rates.setdefault((side, workers), []).append(COUNT / seconds)
                    for part in parts[:workers]:
                        site.kill(part)
    sys.stdout.write(f"\nJourneys on PostgreSQL, {COUNT} a round, {ROUNDS} rounds, median\n")
    for workers in (1, 2):
        ours, theirs = (statistics.median(rates[side, workers]) for side in SIDES)
        sys.stdout.write(
            f"  {workers} worker(s)   engine {ours:6.1f}/s   twin {theirs:6.1f}/s   ratio {ours / theirs:.2f}\n"
        )
        keep(f"journeys on PostgreSQL, {workers} worker(s)", ours, "/s", "hand-written twin (aim 0.8)", theirs)


def run() -> None:
    """Measure and print."""
    with _site(by_hand("parking", [gap(days=2)])) as (site, cluster):
        asyncio.run(api(site, cluster))
    # Of its own, as whom the API let in still waits for a worker.
    with _site(by_hand("journey", [gap(seconds=1), email("hello", "Hello")])) as (site, _):
        run_fast(journeys(site))


@contextmanager
def _site(workflow: dict[str, object]) -> Iterator[tuple[Site, Cluster]]:
    """An installation on a PostgreSQL of its own, without a worker."""
    with (
        postgres() as cluster,
        tempfile.TemporaryDirectory() as place,
        Site(Path(place), database_url=cluster.url) as site,
    ):
        site.publish(workflow)
        site.kill("worker")
        yield site, cluster


if __name__ == "__main__":
    run()
