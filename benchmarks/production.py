"""The form of production: the API under 64 clients, and journeys with one and two workers, on PostgreSQL.

The API is held against one of the same framework, server and driver that does nothing but commit one row. The journeys
are held against the hand-written twin with as many workers.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from httpx2 import AsyncClient, Limits

from benchmarks.bare_api import bare_api
from benchmarks.clients import at_once, connected, enroll
from benchmarks.figures import keep, keep_times
from benchmarks.journey import COUNT, ROUNDS, SETTLE_S, all_of, both_sides, engine, people, twin
from benchmarks.postgres import Cluster, postgres
from commands.installation import run_fast
from tests.faults.site import Part, Site
from tests.runs.definitions import by_hand, email, gap

T = TypeVar("T")
CLIENTS = 64
REQUESTS = int(os.environ.get("REQUESTS", "3200"))
SIDES: dict[str, tuple[Part, Part]] = {"engine": ("worker", "worker-2"), "twin": ("twin", "twin-2")}


async def rate(what: Sequence[T], request: Callable[[T], Awaitable[None]]) -> tuple[float, list[float]]:
    """Requests a second by all clients, and the seconds of each."""
    began = time.perf_counter()
    took = await at_once(what, request, CLIENTS)
    return len(took) / (time.perf_counter() - began), took


async def bare(cluster: Cluster) -> float:
    """Requests a second of an API that only commits one row for each."""
    with bare_api(cluster) as address:
        async with AsyncClient(base_url=address, limits=Limits(max_connections=CLIENTS), trust_env=False) as http:

            async def request(n: int) -> None:
                answer = await http.post("/rows", json={"properties": {"city": f"City {n}"}})
                answer.raise_for_status()

            await rate(range(REQUESTS // 10), request)  # Warms up.
            return (await rate(range(REQUESTS), request))[0]


async def api(site: Site, cluster: Cluster) -> None:
    """Five kinds of request, each by 64 clients."""
    alone = await bare(cluster)
    sys.stdout.write(f"\nAPI on PostgreSQL with {CLIENTS} clients, {REQUESTS} requests of each kind\n")
    sys.stdout.write(f"  bare API, {alone:.0f}/s\n")
    async with connected(site, CLIENTS) as http:
        ids: list[str] = []

        async def send(method: str, path: str, body: object = None) -> None:
            (await http.request(method, path, json=body)).raise_for_status()

        async def new(n: int) -> None:
            made = await http.post("/records/contact", json={"properties": {"email": f"a{n}@example.com"}})
            ids.append(made.raise_for_status().json()["id"])

        async def change(n: int) -> None:
            await send("PATCH", f"/records/contact/{ids[n]}", {"properties": {"city": "B"}})

        async def event(n: int) -> None:
            await send("POST", "/events", {"event": "page.viewed", "record": {"object": "contact", "id": ids[n]}})

        kinds: dict[str, Callable[[int], Awaitable[None]]] = {
            "create a contact": new,
            "PATCH of one contact": change,
            "read one contact": lambda n: send("GET", f"/records/contact/{ids[n]}"),
            "post an event": event,
            "enroll by hand": lambda n: enroll(http, "parking", ids[n]),
        }
        for name, request in kinds.items():
            a_second, took = await rate(range(REQUESTS), request)
            keep_times(name, took)
            keep(f"API, {CLIENTS} clients, {name}", a_second, "/s", "bare API that commits one row", alone)


async def journeys(site: Site) -> None:
    """Both sides with one worker and with two, interleaved."""
    rates: dict[tuple[str, int], list[float]] = {}
    async with both_sides(site) as (inst, client, workflow_id):
        for n in range(ROUNDS):
            for workers in (1, 2):
                records = await people(site, f"j{n}-{workers}")
                # Neither is always the first of the two.
                for side, parts in sorted(SIDES.items(), reverse=bool(n % 2)):
                    for part in parts[:workers]:
                        site.start(part)
                    await asyncio.sleep(SETTLE_S)
                    start = engine(inst, workflow_id) if side == "engine" else twin(client, f"{n}-{workers}")
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
