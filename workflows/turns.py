"""What takes a run off its way: the enrollment is over, or goes on at another step."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.messages import Moved, StepAnswer


class Over(Exception):
    """The enrollment is over; the run has nothing left to do."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Elsewhere(Exception):
    """The enrollment goes on at another step; what was being done is let go of. A signal or an answer said so."""

    def __init__(self, move: Moved | StepAnswer) -> None:
        super().__init__(move.step)
        self.move = move
