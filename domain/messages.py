"""Everything that travels between the run, its activities and its signals: ids and small answers, never personal data."""

from __future__ import annotations

from typing import Literal, TypeAlias

from domain.base import Instant, Wire

Outcome: TypeAlias = Literal["done", "skipped", "failed", "left"]
EnrollmentStatus: TypeAlias = Literal["starting", "active", "paused", "ended"]
EndReason: TypeAlias = Literal[
    "completed", "goal", "suppressed", "exit_condition", "no_longer_matches", "replied", "unenrolled",
    "removed_by_workflow", "record_deleted", "record_merged", "bound_record_gone", "workflow_deleted", "failed",
]  # fmt: skip
SkipReason: TypeAlias = Literal[
    "no_address", "invalid_address", "not_marketing_contact", "not_subscribed", "unsubscribed", "bounced",
    "complained", "no_consent", "sms_opted_out", "frequency_cap", "skipped_past", "skip_sends", "disabled",
    "no_record", "no_owner", "already_done",
]  # fmt: skip
FailureClass: TypeAlias = Literal[
    "rejected", "gave_up", "unknown", "bad_template", "broken_reference", "wrong_value"
]


class Passage(Wire):
    """A visit whose row the next transaction writes or closes: a delay that ended, a goto, a step switched off."""

    step: str
    n: int
    outcome: Outcome = "done"
    reason: str | None = None
    at: Instant


class StepCall(Wire):
    """What the run asks an activity: which enrollment, which visit, as of when.

    ``n`` counts how often the run came to this step, ``turn`` how often it asked within the visit; with the step
    they are the key of the visit row, so a repeated call finds its answer. ``epoch`` is what the run believes;
    ``passages`` are written in the same transaction.
    """

    enrollment_id: str
    workflow_id: str
    version: int
    step: str
    n: int
    turn: int = 0
    epoch: int = 0
    now: Instant
    passages: tuple[Passage, ...] = ()


class EndCall(Wire):
    """The run came to its end: close the enrollment as ``reason`` (``completed`` or ``failed``) with ``detail``."""

    enrollment_id: str
    epoch: int = 0
    now: Instant
    reason: EndReason = "completed"
    detail: str | None = None
    passages: tuple[Passage, ...] = ()


class FailureCall(Wire):
    """The server gave up on an outside action: record it. ``failure`` is a failure class."""

    call: StepCall
    failure: FailureClass
    detail: str = ""


class StepAnswer(Wire):
    """What an activity decided.

    ``go``: the step is settled (``outcome``); follow ``edge`` if given, else what follows. ``wait``: sleep until
    ``wake_at``. ``left``: the enrollment is over, complete. ``held``: paused, wait for resume. ``moved``: go on at
    ``step`` of ``version`` with ``epoch``.
    """

    kind: Literal["go", "wait", "left", "held", "moved"]
    outcome: Outcome = "done"
    edge: str | None = None
    wake_at: Instant | None = None
    reason: str | None = None
    version: int | None = None
    step: str | None = None
    epoch: int | None = None


class Leave(Wire):
    """Signal: the enrollment was ended in the database; ``id`` makes it count once."""

    id: str
    reason: str


class RecordChanged(Wire):
    """Signal: a record the workflow mentions changed; look again. ``version`` is the record's, older ones are dropped."""

    id: str
    record_id: str
    version: int


Message: TypeAlias = Leave | RecordChanged


class RunState(Wire):
    """What a run carries through continue-as-new."""

    step: str | None
    counts: dict[str, int] = {}
    seen: tuple[str, ...] = ()
    versions: dict[str, int] = {}
    left: str | None = None
    stale: bool = False
    turn: int = 0
    wake_at: Instant | None = None
    passages: tuple[Passage, ...] = ()
    epoch: int = 0
    trail: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


class EnrollmentStart(Wire):
    """First argument of ``Enrollment``: who runs. Ids only."""

    enrollment_id: str
    workflow_id: str
    record_id: str
    object: str
    bound_id: str | None = None
    engine_rev: int = 1
    state: RunState | None = None
