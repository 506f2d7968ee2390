"""What 10,000 enrollments cost that do nothing but wait in a delay, and what API and worker weigh without them."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.clients import let_in, named
from benchmarks.figures import keep
from benchmarks.places import cpu_seconds, database_bytes, resident_bytes
from tests.faults.site import Part, Site
from tests.runs.definitions import by_hand, gap

COUNT = int(os.environ.get("PARKED", "10000"))
IDLE_S = 30
MIB = 1024 * 1024
PARTS: tuple[Part, ...] = ("temporal", "api", "worker")


def everybody_sleeps(site: Site) -> bool:
    """Whether all stand in the delay."""
    steps = site.call("GET", "/workflows/parking/report")["steps"]
    return any(step["step"] == "gap" and step["waiting"] == COUNT for step in steps)


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place, Site(Path(place)) as site:
        site.publish(by_hand("parking", [gap(days=2)]))
        files = (site.folder / "followthrough.db", site.folder / "temporal.db")
        size = [database_bytes(path) for path in files]
        time.sleep(10)
        rest = {part: resident_bytes(site.pid(part)) for part in PARTS}
        asyncio.run(let_in(site, "parking", named("p", COUNT)))
        site.until(lambda: everybody_sleeps(site), "everybody sleeps", within_s=1800)
        time.sleep(20)
        cpu = {part: cpu_seconds(site.pid(part)) for part in PARTS}
        time.sleep(IDLE_S)
        sys.stdout.write(f"\n{COUNT} enrollments parked in a delay, idle for {IDLE_S} s\n")
        for part in PARTS:
            share = (cpu_seconds(site.pid(part)) - cpu[part]) / IDLE_S
            keep(f"idle {part}, {COUNT} parked", 100 * share, "% of a core")
            sys.stdout.write(f"  {part:<9} {100 * share:5.1f} % of one core\n")
        grown = [(database_bytes(path) - was) / COUNT for path, was in zip(files, size, strict=True)]
        for part in PARTS:
            now = resident_bytes(site.pid(part))
            sys.stdout.write(
                f"  {part:<9} {rest[part] / MIB:6.0f} MiB at rest, {now / MIB:6.0f} MiB with {COUNT} parked\n"
            )
            keep(f"memory of {part} with {COUNT} parked", now / MIB, "MiB", "the same at rest", rest[part] / MIB)
        for name, size_each in zip(("database", "Temporal's database"), grown, strict=True):
            keep(f"{name}, each of {COUNT} parked", size_each, "bytes")
        sys.stdout.write(f"  database {grown[0]:.0f} bytes (app) + {grown[1]:.0f} bytes (Temporal) each\n")


if __name__ == "__main__":
    run()
