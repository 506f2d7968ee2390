"""The closing table of a run: each figure, what it is held against, and the ratio of the two."""

from __future__ import annotations

from dataclasses import dataclass

WIDTHS = (46, 14, 40, 14)


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


def table(figures: list[Figure]) -> str:
    """All figures below each other; empty when there are none."""
    if not figures:
        return ""
    rows = [("figure", "ours", "held against", "theirs", "ratio")]
    for each in figures:
        theirs = f"{_number(each.against)} {each.unit}" if each.against is not None else ""
        ratio = _number(each.ratio) if each.ratio is not None else ""
        rows.append((each.what, f"{_number(each.value)} {each.unit}", each.held_against, theirs, ratio))
    lines = [
        "  ".join(part.ljust(width) for part, width in zip(row, (*WIDTHS, 5), strict=True)).rstrip() for row in rows
    ]
    return "\n".join(["", "All figures of this run", *lines, ""])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
