"""An enrollment as the store returns it."""

from __future__ import annotations

from domain.base import Frozen, Instant, Json
from domain.messages import EndReason, EnrollmentStatus
from domain.retrying import carried_of


class Enrollment(Frozen):
    """One passage of one record through one workflow; ``n`` counts the entries under ``key``.

    ``epoch`` counts how often it was moved to another step or version. ``held_at``: since when its run waits to be
    resumed. ``moved_at``: since when it is on its way to ``step``, where its run has not come yet. ``pass_over``: steps
    it did under an older version and passes over, with the way it went from each (rule R12).
    ``round`` counts how often it came to the date of a yearly workflow, from 1 on; ``round_since``: the first day that
    may be that date, ``2027-01-01``. ``origin``: what its anchored delays counted from when it was last looked at
    (``domain.anchors``), and ``origin_since``: since when they do; None: nobody looked yet.
    ``retried_from``: the passage it takes up again, at ``retried_step``; ``retried_as``: the one that takes up this
    one. ``carried``: what it has of the passages before it (``domain.retrying``).
    """

    id: str
    workflow_id: str
    version: int
    key: str
    n: int
    run_id: str
    record_id: str
    object: str
    bound_id: str | None
    bound_object: str | None
    status: EnrollmentStatus
    epoch: int
    step: str | None
    wakes_at: Instant | None
    parameters: dict[str, Json]
    trigger: str | None
    cause_kind: str
    cause_id: str | None
    depth: int
    entered_seq: int | None
    entry_event_id: str | None = None
    held_at: Instant | None = None
    moved_at: Instant | None = None
    pass_over: dict[str, str | None] | None = None
    round: int = 0
    round_since: str | None = None
    origin: str | None = None
    origin_since: Instant | None = None
    retried_from: str | None = None
    retried_as: str | None = None
    retried_step: str | None = None
    carried: dict[str, Json] | None = None
    started_at: Instant
    ended_at: Instant | None
    end_reason: EndReason | None
    end_detail: str | None

    @property
    def record_ids(self) -> tuple[str, ...]:
        """The enrolled record and, if there is one, the bound one."""
        return (self.record_id, self.bound_id) if self.bound_id is not None else (self.record_id,)

    @property
    def earlier(self) -> tuple[str, ...]:
        """The passages this one takes up again, the newest first."""
        return carried_of(self.carried).passages

    def taken_at(self, step: str, n: int) -> frozenset[str]:
        """Who of many got what a visit sends already, in a passage before: of the one that begins this passage."""
        begins = (step, n) == (self.retried_step, 1)
        return frozenset(carried_of(self.carried).taken) if begins else frozenset()

    @property
    def passages(self) -> tuple[str, ...]:
        """This passage and those it takes up again."""
        return (self.id, *self.earlier)
