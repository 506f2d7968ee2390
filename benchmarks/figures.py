"""The closing table of a run: each figure, what it is held against, and the ratio of the two."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line. ``against`` is what ``held_against`` names, in the same unit; None: there is nothing."""

    what: str
    value: float
    unit: str
    held_against: str = ""
    against: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours by theirs."""
        return self.value / self.against if self.against else None


kept: list[Figure] = []
"""What this run has measured so far."""


def keep(what: str, value: float, unit: str, held_against: str = "", against: float | None = None) -> None:
    """Take a figure into the closing table."""
    kept.append(Figure(what, value, unit, held_against, against))


def keep_times(what: str, took: Sequence[float], held_against: str = "", against_ms: float | None = None) -> None:
    """Print median, 95th and 99th percentile of seconds, and take median and 99th percentile into the closing table.

    ``against_ms`` is for the median, in milliseconds.
    """
    ordered = sorted(took)
    p95, p99 = (1000 * ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.95, 0.99))
    median = 1000 * statistics.median(ordered)
    figures = (f"{word} {value:8.1f} ms" for word, value in (("median", median), ("p95", p95), ("p99", p99)))
    sys.stdout.write(f"  {what:<38} {'   '.join(figures)}\n")
    keep(f"{what}, median", median, "ms", held_against, against_ms)
    keep(f"{what}, p99", p99, "ms")


def table(figures: list[Figure]) -> str:
    """All figures below each other; empty when there are none."""
    if not figures:
        return ""
    rows = [("figure", "ours", "held against", "theirs", "ratio")]
    for each in figures:
        theirs = f"{_number(each.against)} {each.unit}" if each.against is not None else ""
        ratio = _number(each.ratio) if each.ratio is not None else ""
        rows.append((each.what, f"{_number(each.value)} {each.unit}", each.held_against, theirs, ratio))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(part.ljust(width) for part, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(["", "All figures of this run", *lines, ""])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
