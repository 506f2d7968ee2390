"""``make bench``: every measurement, one after the other, or those that are named; printed and never asserted."""

from __future__ import annotations

import argparse
import os
import sys

from benchmarks import (
    bulk,
    emails,
    inbound,
    journey,
    latency,
    parked,
    production,
    relaying,
    reports,
    timing,
    waiting,
    weights,
)
from benchmarks.figures import kept, table
from benchmarks.places import Missing

MEASUREMENTS = {
    "latency": latency, "journey": journey, "relaying": relaying, "bulk": bulk, "waiting": waiting, "timing": timing,
    "parked": parked, "production": production, "weights": weights, "inbound": inbound, "reports": reports,
    "emails": emails,
}  # fmt: skip

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure on this machine and print the numbers.")
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(MEASUREMENTS)}; everything if left out")
    names = parser.parse_args().names or list(MEASUREMENTS)
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        parser.error(f"no such measurement: {', '.join(unknown)}")
    missing = []
    for name in names:
        try:
            MEASUREMENTS[name].run()
        except Missing as error:
            missing.append(f"Not measured: {error}\n")
        sys.stdout.flush()
    sys.stdout.write(table(kept))
    sys.stdout.flush()
    sys.stderr.writelines(["\n", *missing] if missing else [])
    sys.stderr.flush()
    os._exit(1 if missing else 0)
