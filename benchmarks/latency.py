"""How fast an idle installation answers: from a PATCH to the close of the run it ends; the API at 16 clients."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.clients import CLIENTS, at_once, connected, create, enroll, named
from benchmarks.figures import keep_times
from gateways.payload_codec import converter
from gateways.temporal import connect
from tests.faults.site import Site
from tests.runs.definitions import by_hand, gap

GOALS = 30
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


async def measure(site: Site) -> None:
    """Everything on one installation."""
    sys.stdout.write("\nLatency on an idle installation, SQLite\n")
    keep_times("PATCH to close of the run", await goals(site), "aim", 300)
    site.publish(by_hand("parking", [gap(days=2)]))
    sys.stdout.write(f"API with {CLIENTS} clients, {REQUESTS} requests\n")
    async with connected(site) as http:
        contacts = await create(http, named("l", REQUESTS))

        async def patch(contact_id: str) -> None:
            body = {"properties": {"city": f"City {contact_id}"}}
            (await http.patch(f"/records/contact/{contact_id}", json=body)).raise_for_status()

        keep_times(f"PATCH of one record, {CLIENTS} clients", await at_once(contacts, patch))
        entered = await at_once(contacts, lambda contact_id: enroll(http, "parking", contact_id))
        keep_times(f"enroll by hand, {CLIENTS} clients", entered)


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place, Site(Path(place)) as site:
        site.publish(leaving())
        asyncio.run(measure(site))


if __name__ == "__main__":
    run()
