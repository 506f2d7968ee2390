"""``make bench``: every measurement, one after the other, or those that are named; printed and never asserted."""

from __future__ import annotations

import argparse
import os
import sys
import traceback

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


def main() -> int:
    """Measure what is named; the exit code.

    What one measurement has found is not lost when another fails.
    """
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure on this machine and print the numbers.")
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(MEASUREMENTS)}; everything if left out")
    names = parser.parse_args().names or list(MEASUREMENTS)
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        parser.error(f"no such measurement: {', '.join(unknown)}")
    unmeasured = []
    for name in names:
        try:
            MEASUREMENTS[name].run()
        except Missing as error:
            unmeasured.append(f"Not measured: {error}\n")
        except Exception:  # noqa: BLE001 - whatever it is, what was measured before it is not lost
            traceback.print_exc()
            unmeasured.append(f"Failed: {name}, see above\n")
        sys.stdout.flush()
    sys.stdout.write(table(kept))
    sys.stdout.flush()
    sys.stderr.writelines(["\n", *unmeasured] if unmeasured else [])
    sys.stderr.flush()
    return 1 if unmeasured else 0


if __name__ == "__main__":
    os._exit(main())
