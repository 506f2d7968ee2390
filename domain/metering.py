"""What is counted of the work of a process, as a port. Every word that is counted by comes from a closed list.

Neither ids nor what people wrote may become a label: each new one is a time series that is kept for months, and more
people read metrics than records.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias, get_args

from domain.messages import EndReason, FailureClass, SkipReason, StepAnswer

Judged: TypeAlias = Literal["judged", "idle", "failed"]
"""What became of a change: nobody is concerned by an ``idle`` one; a ``failed`` one is tried again or set aside."""

Answered: TypeAlias = Literal["done", "skipped", "failed", "wait", "left", "held", "moved"]
"""What a step told its run: how it was settled, that it waits, or how the gate turned it away."""

OTHER = "other"
"""In place of a word that is not on its list."""

REASONS = frozenset({
    *get_args(EndReason), *get_args(SkipReason), *get_args(FailureClass),
    "past", "missing", "timed_out", "window", "pause_date", "by_hand", "new_version", "next_round",
})  # fmt: skip
"""Everything that may be told as the reason of an answer."""


class Meter(Protocol):
    """Counts what was done, once it is committed."""

    def judged(self, what: Judged, count: int = 1) -> None:
        """Changes were looked at by a relay."""
        ...

    def carried(self, kind: str, *, arrived: bool) -> None:
        """A delivery of a kind was carried to Temporal, or could not be."""
        ...

    def answered(self, kind: str, answer: Answered, reason: str) -> None:
        """A run asked about a step: of this action, or of this kind where it is none."""
        ...

    def woke(self, late_s: float) -> None:
        """A run that slept until an instant committed its next transaction, begun ``late_s`` seconds after it."""
        ...

    def responded(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; ``status`` 0: it was not. ``route``: the template of its address, empty: none."""
        ...


class NoMeter:
    """Nobody counts, which costs nothing."""

    def judged(self, what: Judged, count: int = 1) -> None:
        """Nothing."""

    def carried(self, kind: str, *, arrived: bool) -> None:
        """Nothing."""

    def answered(self, kind: str, answer: Answered, reason: str) -> None:
        """Nothing."""

    def woke(self, late_s: float) -> None:
        """Nothing."""

    def responded(self, method: str, route: str, status: int, seconds: float) -> None:
        """Nothing."""


def tell_answer(meter: Meter, kind: str, answer: StepAnswer) -> None:
    """Count an answer that settled nothing: it waits, or the gate turned it away. Who settles a visit counts that."""
    if answer.kind != "go" and (answer.kind, answer.reason) != ("left", "completed"):
        meter.answered(kind, answer.kind, answer.reason or "")
