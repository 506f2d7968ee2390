"""The workflow definition: the whole format, from the first day; what is not built yet is refused by validation.

Field names are the contract with everybody who writes definition files: add, never rename. The order of the fields is
the order a definition is written in. ``domain.validation.examine`` is the way in for what a person wrote;
``load_definition`` reads back what was examined before.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StrictBool, StrictInt, StrictStr

from domain.base import Authored, Json, JsonScalar
from domain.steps import (
    ActionStep,
    Arm,
    Branch,
    BranchStep,
    Case,
    ClockTime,
    DateText,
    DelayStep,
    EndStep,
    GotoStep,
    SplitStep,
    Step,
    ValueBranchStep,
    WaitStep,
    Weekday,
    walk,
)
from domain.triggers import (
    ChangedTrigger,
    CreatedTrigger,
    Entry,
    EventTrigger,
    Exit,
    FilterTrigger,
    Goal,
    ReEntry,
    Trigger,
    WebhookTrigger,
)

__all__ = [
    "ActionStep", "Anchor", "Arm", "Branch", "BranchStep", "Case", "ChangedTrigger", "CreatedTrigger", "Definition",
    "DelayStep", "EndStep", "Entry", "EventTrigger", "Exit", "FilterTrigger", "Goal", "GotoStep", "HolidayCalendar",
    "NthWeekday", "Parameter", "PauseDate", "ReEntry", "Schedule", "SplitStep", "Step", "Trigger", "ValueBranchStep",
    "WaitStep", "WebhookTrigger", "Window", "WorkflowSettings", "load_definition",
]  # fmt: skip

SLUG = r"^[a-z0-9-]{1,63}$"

WorkflowType: TypeAlias = Literal["standard", "scheduled", "specific_date", "date_property"]
Month: TypeAlias = Annotated[StrictInt, Field(ge=1, le=12)]
Day: TypeAlias = Annotated[StrictInt, Field(ge=1, le=31)]


class NthWeekday(Authored):
    """A weekday of a month: ``{nth: 2, weekday: mon}``."""

    nth: Literal[1, 2, 3, 4, "last"]
    weekday: Weekday


class Schedule(Authored):
    """When a scheduled workflow happens; a day that a month lacks means its last day."""

    every: Literal["day", "week", "month", "year"]
    at: ClockTime
    timezone: StrictStr | None = None
    weekdays: list[Weekday] | None = None
    days: list[Day | Literal["last"]] | None = None
    nth_weekday: NthWeekday | None = None
    month: Month | None = None
    day: Day | None = None


class Anchor(Authored):
    """What the steps of a dated workflow count from: a date, or a date property of the record."""

    date: DateText | None = None
    time: ClockTime | None = None
    property: StrictStr | None = None
    of: StrictStr | None = None
    yearly: StrictBool = False


class Parameter(Authored):
    """A value that may be given at enrollment and is read by conditions and templates."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    type: Literal["string", "number", "bool"] = "string"
    required: StrictBool = False
    default: JsonScalar = None
    title: StrictStr = ""


class Window(Authored):
    """When messages to people may leave."""

    days: list[Weekday]
    from_: ClockTime = Field(alias="from")
    to: ClockTime


class PauseDate(Authored):
    """A day without messages, every year unless ``year`` is given."""

    month: Month
    day: Day
    year: Annotated[StrictInt, Field(ge=1970, le=9999)] | None = None


class HolidayCalendar(Authored):
    """Days on which nobody works: the public holidays of a country, or one of its parts, and ``dates`` of one's own."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    subdivision: StrictStr | None = None
    dates: list[DateText] = []


class WorkflowSettings(Authored):
    """The live part of a workflow: ``timezone`` is ``account``, ``record`` or an IANA name; lengths in minutes.

    Without a ``window`` or ``pause_dates`` of its own the account's hold; an empty list is none at all. ``holidays`` is
    what business days are counted by; without it the account's.
    """

    timezone: StrictStr = "account"
    window: Window | list[Window] | None = None
    pause_dates: list[PauseDate] | None = None
    holidays: HolidayCalendar | None = None
    spread_minutes: Annotated[StrictInt, Field(ge=0, le=1440)] = 15
    turn_off_at: StrictStr | None = None


class Definition(Authored):
    """One workflow as a person wrote it."""

    format: Literal[1] = 1
    slug: Annotated[str, Field(pattern=SLUG)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: StrictStr = ""
    folder: Annotated[str, Field(max_length=200)] = ""
    managed_by: Literal["pipeline", "recipe"] | None = None
    object: StrictStr
    type: WorkflowType = "standard"
    schedule: Schedule | None = None
    anchor: Anchor | None = None
    allow_multiple_opportunities: StrictBool | None = None
    parameters: list[Parameter] = []
    entry: Entry = Entry()
    exit: Exit = Exit()
    settings: WorkflowSettings = WorkflowSettings()
    steps: list[Step] = []

    def steps_by_id(self) -> dict[str, Step]:
        """Every step, nested ones too, by its id; of two with one id the first."""
        found: dict[str, Step] = {}
        for step, _ in walk(self.steps, "/steps"):
            found.setdefault(step.id, step)
        return found

    def bound_objects(self) -> tuple[str, ...]:
        """The object types whose records an enrollment may be bound to, in the order of the triggers."""
        if self.object != "contact":
            return ()
        named = [getattr(trigger, "object", None) for trigger in self.entry.triggers]
        return tuple(dict.fromkeys(name for name in named if name is not None and name != self.object))


def load_definition(document: Json) -> Definition:
    """The definition that was stored as ``domain.documents`` writes it.

    Raises:
        pydantic.ValidationError: the document was never examined; what a person wrote goes through ``examine``.
    """
    return Definition.model_validate(document)
