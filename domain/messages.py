"""What travels between the run, its activities and its signals: ids and small answers, never personal data."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from domain.base import Instant, Wire
from domain.plan import Plan

TICK = timedelta(microseconds=1)
"""What tells steps apart that are taken at one instant: their order in the timeline is their order in time."""

NEXT_ROUND = "next_round"
"""Why an enrollment of a yearly workflow goes back to the start; the detail is the number of the round."""

Outcome: TypeAlias = Literal["done", "skipped", "failed", "left"]
EnrollmentStatus: TypeAlias = Literal["starting", "active", "paused", "ended"]
EndReason: TypeAlias = Literal[
    "completed", "goal", "suppressed", "exit_condition", "no_longer_matches", "replied", "unenrolled",
    "removed_by_workflow", "record_deleted", "record_merged", "bound_record_gone", "workflow_deleted", "failed",
]  # fmt: skip
SkipReason: TypeAlias = Literal[
    "no_address", "invalid_address", "not_marketing_contact", "not_subscribed", "unsubscribed", "bounced",
    "complained", "no_consent", "sms_opted_out", "frequency_cap", "skipped_past", "skip_sends", "disabled",
    "no_record", "no_owner", "no_user", "no_date", "already_done",
]  # fmt: skip
FailureClass: TypeAlias = Literal["rejected", "gave_up", "unknown", "bad_template", "broken_reference", "wrong_value"]


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
    they are the key of the visit row, so a repeated call finds its answer. ``passages`` are written in the same
    transaction. ``epoch``: how often the run knows itself to have been moved.
    """

    enrollment_id: str
    workflow_id: str
    version: int
    step: str
    n: int
    turn: int = 0
    now: Instant
    passages: tuple[Passage, ...] = ()
    epoch: int = 0


class EndCall(Wire):
    """The run came to its end: close the enrollment as ``reason`` with ``detail``.

    ``completed`` or ``failed``; ``unenrolled`` when somebody cancelled the run in Temporal.
    """

    enrollment_id: str
    now: Instant
    reason: EndReason = "completed"
    detail: str | None = None
    passages: tuple[Passage, ...] = ()
    epoch: int = 0


class FailureCall(Wire):
    """The server gave up on an outside action: record it. ``failure`` is a failure class."""

    call: StepCall
    failure: FailureClass
    detail: str = ""


class StepAnswer(Wire):
    """What an activity decided.

    ``go``: the step is settled (``outcome``); follow ``edge`` if given, else what follows. ``wait``: sleep until
    ``wake_at``. ``left``: the enrollment is over, complete. ``held``: it is paused, ask again once it is resumed.
    ``moved``: go on at ``step`` of ``version`` (None: at the end), in this ``epoch``. ``reason`` says why, from a
    closed list; ``detail`` which goal or step, by its id. ``skip_sends``: pass messages by up to the next delay
    or wait.
    """

    kind: Literal["go", "wait", "left", "held", "moved"]
    outcome: Outcome = "done"
    edge: str | None = None
    wake_at: Instant | None = None
    reason: str | None = None
    detail: str | None = None
    version: int | None = None
    step: str | None = None
    epoch: int = 0
    skip_sends: bool = False


class WhereCall(Wire):
    """A run that was told of another version asks where its enrollment stands."""

    enrollment_id: str


class Whereabouts(Wire):
    """Where an enrollment stands: at ``step`` of ``plan`` (None: at the end), in this ``epoch``.

    ``plan`` None: it is over, for ``reason``. ``n`` is the visit it stands in and ``turn`` the next question of that;
    None: it is about to come there. ``pass_over``: as in ``RunState``.
    """

    plan: Plan | None = None
    step: str | None = None
    n: int | None = None
    turn: int = 0
    epoch: int = 0
    pass_over: dict[str, str | None] = {}
    reason: str | None = None
    detail: str | None = None


class Leave(Wire):
    """Signal: the enrollment was ended in the database; ``id`` makes it count once."""

    kind: Literal["leave"] = "leave"
    id: str
    reason: str
    detail: str | None = None


class RecordChanged(Wire):
    """Signal: a record the workflow mentions changed. ``version`` is the record's; older ones are dropped.

    ``retime``: what changed is by which clock the run waits, a zone or live values of its workflow, so that whatever
    it sleeps in asks anew how long; ``record_id`` may then be the workflow's id or ``account``.
    """

    kind: Literal["record_changed"] = "record_changed"
    id: str
    record_id: str
    version: int
    retime: bool = False


class EventHappened(Wire):
    """Signal: an event the workflow waits for happened; ``event`` is its name."""

    kind: Literal["event_happened"] = "event_happened"
    id: str
    event: str


class Moved(Wire):
    """Signal: go on at ``step`` of ``version`` (None: at the end). An ``epoch`` the run has reached is old news.

    ``reason`` is ``goal`` or ``next_round`` (``detail``: which), ``by_hand`` or ``new_version``. ``after_answer``: the
    outside action of this step was handed over, and its answer is waited for before.
    """

    kind: Literal["moved"] = "moved"
    id: str
    version: int
    step: str | None = None
    epoch: int
    reason: str | None = None
    detail: str | None = None
    after_answer: bool = False


class Pause(Wire):
    """Signal: the enrollment was paused. Only for those who look: every gate says so too."""

    kind: Literal["pause"] = "pause"
    id: str


class Resume(Wire):
    """Signal: who was held asks again; who is paused all the same is told so again."""

    kind: Literal["resume"] = "resume"
    id: str


Message: TypeAlias = Annotated[
    Leave | RecordChanged | EventHappened | Moved | Pause | Resume, Field(discriminator="kind")
]


class RunState(Wire):
    """What a run carries through continue-as-new.

    ``standing``: the run is inside ``step`` already (its visit counts), sleeping until ``wake_at``. ``counts``: how
    often it came to each step. ``seen``: ids of messages already obeyed. ``trail``: the last steps, for the details
    Temporal UI shows. ``unknown``: names of signals this engine does not know. ``epoch``: the last move it obeyed.
    ``pass_over``: steps done under an older version, with the way it went from each, until it jumps. ``came_by``: what
    took it where it stands, in words.
    ``skip_sends``: messages are passed by up to the next delay or wait. ``takes_up``: it takes up an earlier passage,
    whose steps stay done where a goto leads on to them.
    """

    step: str | None
    standing: bool = False
    turn: int = 0
    wake_at: Instant | None = None
    counts: dict[str, int] = {}
    passages: tuple[Passage, ...] = ()
    inbox: tuple[Message, ...] = ()
    seen: tuple[str, ...] = ()
    versions: dict[str, int] = {}
    trail: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    epoch: int = 0
    pass_over: dict[str, str | None] = {}
    came_by: str | None = None
    skip_sends: bool = False
    takes_up: bool = False


class EnrollmentStart(Wire):
    """First argument of ``Enrollment``: who runs. Ids only.

    ``state``: where it goes on; None at the beginning of the first step. A first delay that was planned by the entry
    begins in the middle of it.
    """

    enrollment_id: str
    workflow_id: str
    record_id: str
    object: str
    bound_id: str | None = None
    bound_object: str | None = None
    engine_rev: int = 1
    state: RunState | None = None
