"""The models of steps: the closed set of control steps, and the action step that opens onto the catalogue.

Field names are the contract with everybody who writes definition files: add, never rename.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, StrictBool, StrictInt, StrictStr, Tag

from domain.base import Authored, Json, JsonScalar, StepId
from domain.conditions import Condition, Of, Offset
from domain.plan import OTHERWISE
from domain.triggers import PartId

MATCHED = "matched"
TIMED_OUT = "timed_out"
"""The edges of a wait."""

PAST = "past"
"""The edge of an anchored delay that was past on arrival: it leads behind the steps the delay governs."""

RESERVED_IDS = frozenset({"continue", "exit", "skip_sends", "wait", "none", "all"})
"""Words that stand where a step id may stand, so no step may be called so."""

Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ClockTime: TypeAlias = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day, ``"09:00"``."""

DateText: TypeAlias = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
"""A date, ``2027-01-31``; that the day exists is examined with the definition."""

OnPast: TypeAlias = StrictStr
"""``continue``, ``exit``, ``skip_sends`` or a step id."""


class UntilClock(Authored):
    """The first allowed instant at or after arrival; without ``weekdays`` every day is allowed."""

    weekdays: list[Weekday] | None = None
    time: ClockTime


class UntilDate(Authored):
    """A fixed date."""

    date: DateText
    time: ClockTime


class UntilProperty(Authored):
    """A date or datetime property, moved; a date needs ``time``, for a datetime ``time`` replaces the clock time."""

    property: StrictStr
    of: Of | None = None
    offset: Offset = Offset()
    time: ClockTime | None = None


class UntilAnchor(Authored):
    """The anchor of a dated workflow, moved."""

    anchor: Offset
    time: ClockTime | None = None


class UntilEntryEvent(Authored):
    """A date in the event that caused entry, moved."""

    entry_event: StrictStr
    offset: Offset = Offset()
    time: ClockTime | None = None


UNTIL_KEYS = ("property", "anchor", "entry_event", "date")


def until_kind(value: object) -> str:
    """Which kind of ``until`` a raw or parsed value is, by its key; ``clock`` when none of the others."""
    if isinstance(value, dict):
        return next((key for key in UNTIL_KEYS if key in value), "clock")
    return next((key for key in UNTIL_KEYS if hasattr(value, key)), "clock")


Until: TypeAlias = Annotated[
    Annotated[UntilClock, Tag("clock")]
    | Annotated[UntilDate, Tag("date")]
    | Annotated[UntilProperty, Tag("property")]
    | Annotated[UntilAnchor, Tag("anchor")]
    | Annotated[UntilEntryEvent, Tag("entry_event")],
    Discriminator(until_kind),
]


class StepBase(Authored):
    """What every step has: an id that means the same in every version, a name, a comment, and whether it is on."""

    id: StepId
    kind: str
    name: StrictStr = ""
    note: StrictStr = ""
    enabled: StrictBool = True


class ActionStep(StepBase):
    """Has an effect; ``config`` belongs to the action."""

    kind: Literal["action"]
    action: StrictStr
    config: dict[str, Json] = {}
    on_error: StrictStr = "continue"


class DelayStep(StepBase):
    """Lets time pass: a length (``for``) or an instant (``until``), exactly one of them."""

    kind: Literal["delay"]
    for_: Offset | None = Field(default=None, alias="for")
    until: Until | None = None
    business_days: StrictBool = False
    if_past: OnPast = "continue"
    if_missing: StrictStr = "continue"


def is_anchored(step: Step) -> bool:
    """Whether the step is a delay that counts from the date of a dated workflow, and switched on."""
    return step.enabled and isinstance(step, DelayStep) and isinstance(step.until, UntilAnchor)


class WaitEvent(Authored):
    """The event a wait waits for; ``step``: only when it answers that step's message.

    ``scope``: ``enrollment`` counts what happened since the entry, ``ever`` what happened before it too.
    """

    event: StrictStr
    step: StrictStr | None = None
    of: Of | None = None
    where: Condition | None = None
    scope: Literal["enrollment", "ever"] = "enrollment"


class Timeout(Offset):
    """How long a wait lasts: a length, or an instant (``until``)."""

    business_days: StrictBool = False
    until: Until | None = None

    @property
    def length(self) -> Offset:
        """The length alone."""
        return Offset(**{name: getattr(self, name) for name in Offset.model_fields})


class WaitStep(StepBase):
    """Waits for an event or for a condition; without ``timeout`` only with ``forever``."""

    kind: Literal["wait"]
    for_event: WaitEvent | None = None
    until_true: Condition | None = None
    timeout: Timeout | None = None
    forever: StrictBool = False
    matched: list[Step] = []
    timed_out: list[Step] = []


class Branch(Authored):
    """One way of a branch, taken when ``where`` is the first that holds."""

    id: PartId = ""
    name: StrictStr = ""
    where: Condition
    steps: list[Step] = []


class BranchStep(StepBase):
    """Goes the first way whose condition holds, else ``otherwise`` (rule R6)."""

    kind: Literal["branch"]
    branches: list[Branch]
    otherwise: list[Step] = []


class Case(Authored):
    """One way of a value branch."""

    id: PartId = ""
    name: StrictStr = ""
    values: list[JsonScalar]
    steps: list[Step] = []


class ValueBranchStep(StepBase):
    """Goes the way whose values hold the value of a property, or of an earlier step's output."""

    kind: Literal["value_branch"]
    property: StrictStr | None = None
    of: Of | None = None
    output: StrictStr | None = None
    step: StrictStr | None = None
    cases: list[Case]
    otherwise: list[Step] = []


class Arm(Authored):
    """One way of a split; its share is ``weight`` of the sum."""

    id: PartId = ""
    name: StrictStr = ""
    weight: Annotated[StrictInt, Field(ge=0, le=1_000_000)]
    steps: list[Step] = []


class SplitStep(StepBase):
    """Sends every record one way for good (rule R7)."""

    kind: Literal["split"]
    arms: list[Arm]


class GotoStep(StepBase):
    """Goes on elsewhere; after ``max_visits`` passages it falls through."""

    kind: Literal["goto"]
    to: StrictStr
    max_visits: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = None


class EndStep(StepBase):
    """Ends the enrollment as completed; ``reason`` is its detail."""

    kind: Literal["end"]
    reason: StrictStr = ""


Step: TypeAlias = Annotated[
    ActionStep | DelayStep | WaitStep | BranchStep | ValueBranchStep | SplitStep | GotoStep | EndStep,
    Field(discriminator="kind"),
]

for _model in (WaitStep, Branch, BranchStep, Case, ValueBranchStep, Arm, SplitStep):
    _model.model_rebuild()


@dataclass(frozen=True)
class Way:
    """A list of steps inside a step: ``edge`` names the way, ``path`` its place below the step as a JSON Pointer."""

    edge: str
    path: str
    steps: list[Step]


def ways(step: Step) -> list[Way]:
    """The lists inside a step, in the order they are written; empty for a step without any."""
    match step:
        case BranchStep():
            inner = [Way(b.id, f"/branches/{i}/steps", b.steps) for i, b in enumerate(step.branches)]
            return [*inner, Way(OTHERWISE, "/otherwise", step.otherwise)]
        case ValueBranchStep():
            inner = [Way(c.id, f"/cases/{i}/steps", c.steps) for i, c in enumerate(step.cases)]
            return [*inner, Way(OTHERWISE, "/otherwise", step.otherwise)]
        case SplitStep():
            return [Way(a.id, f"/arms/{i}/steps", a.steps) for i, a in enumerate(step.arms)]
        case WaitStep():
            return [Way(MATCHED, "/matched", step.matched), Way(TIMED_OUT, "/timed_out", step.timed_out)]
        case ActionStep() | DelayStep() | GotoStep() | EndStep():
            return []


def walk(steps: list[Step], path: str) -> Iterator[tuple[Step, str]]:
    """Every step of a list and of the lists inside it, outer before inner, with its JSON Pointer."""
    for i, step in enumerate(steps):
        yield step, f"{path}/{i}"
        for way in ways(step):
            yield from walk(way.steps, f"{path}/{i}{way.path}")
