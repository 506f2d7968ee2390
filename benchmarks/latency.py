"""How fast an idle installation answers: from a PATCH to the close of the run it ends; the API at 16 clients."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from httpx2 import AsyncClient, Limits

from benchmarks.figures import keep
from gateways.payload_codec import converter
from gateways.temporal import connect
from tests.faults.site import Site
from tests.runs.definitions import by_hand, gap

GOALS = 30
CLIENTS = 16
REQUESTS = 800


def leaving() -> dict[str, object]:
    """A contact sleeps for days unless its goal is reached."""
    where = {"property": "lifecycle_stage", "op": "is", "value": "customer"}
    return by_hand("leaving", [gap(days=2)], exit={"goals": [{"id": "won", "name": "Won", "where": where}]})


def stands_at_gap(site: Site, path: str) -> bool:
    """Whether an enrollment sleeps."""
    return bool(site.call("GET", path)["step"] == "gap")


async def goals(site: Site) -> list[float]:
    """Seconds from the answer of the PATCH to the close of the run, one at a time."""
    client = await connect(site.environment["FOLLOWTHROUGH_TEMPORAL_ADDRESS"], "followthrough", converter([]))
    took: list[float] = []
    for n in range(GOALS):
        contact = site.call("POST", "/records/contact", {"properties": {"email": f"g{n}@example.com"}})["id"]
        body = {"record": {"object": "contact", "id": contact}}
        taken = site.call("POST", "/workflows/leaving/enrollments", body)
        where = f"/enrollments/{taken['enrollment_id']}"
        site.until(partial(stands_at_gap, site, where), "it sleeps")
        await asyncio.sleep(0.5)
        site.call("PATCH", f"/records/contact/{contact}", {"properties": {"lifecycle_stage": "customer"}})
        began = time.perf_counter()
        await client.get_workflow_handle(taken["temporal"]["workflow_id"]).result()
        took.append(time.perf_counter() - began)
    return took


async def under_load(site: Site, request: Callable[[AsyncClient, int], Awaitable[None]]) -> list[float]:
    """Seconds each request took with ``CLIENTS`` clients at once."""
    took: list[float] = []
    numbers = iter(range(REQUESTS))

    async def client_loop(http: AsyncClient) -> None:
        for n in numbers:
            began = time.perf_counter()
            await request(http, n)
            took.append(time.perf_counter() - began)

    async with AsyncClient(
        base_url=site.http.base_url, headers=site.http.headers, limits=Limits(max_connections=CLIENTS), timeout=60,
        trust_env=False,
    ) as http:  # fmt: skip
        await asyncio.gather(*(client_loop(http) for _ in range(CLIENTS)))
    return took


def told(name: str, took: Sequence[float]) -> None:
    """Print median, p95 and p99."""
    ordered = sorted(took)
    p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.95, 0.99))
    median = statistics.median(ordered)
    figures = (f"{word} {1000 * value:7.1f} ms" for word, value in (("median", median), ("p95", p95), ("p99", p99)))
    sys.stdout.write(f"  {name:<34} {'   '.join(figures)}\n")


async def measure(site: Site) -> None:
    """Everything on one installation."""
    sys.stdout.write("\nLatency on an idle installation, SQLite\n")
    took = await goals(site)
    told(f"PATCH to close of the run ({GOALS})", took)
    keep("PATCH to close of the run, median", 1000 * statistics.median(took), "ms", "aim", 300)
    records = [
        site.call("POST", "/records/contact", {"properties": {"email": f"l{n}@example.com"}})["id"]
        for n in range(REQUESTS)
    ]
    site.publish(by_hand("parking", [gap(days=2)]))

    async def patch(http: AsyncClient, n: int) -> None:
        path = f"/api/v1/records/contact/{records[n]}"
        answer = await http.patch(path, json={"properties": {"city": f"City {n}"}})
        answer.raise_for_status()

    async def enroll(http: AsyncClient, n: int) -> None:
        body = {"record": {"object": "contact", "id": records[n]}}
        answer = await http.post("/api/v1/workflows/parking/enrollments", json=body)
        answer.raise_for_status()

    sys.stdout.write(f"API with {CLIENTS} clients, {REQUESTS} requests\n")
    told("PATCH of one record", await under_load(site, patch))
    told("enroll", await under_load(site, enroll))


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place, Site(Path(place)) as site:
        site.publish(leaving())
        asyncio.run(measure(site))


if __name__ == "__main__":
    run()
