"""The condition tree: one language for triggers, goals, exits, suppression, branches, waits and searches.

Three readings exist: ``domain.judging.judge`` (in memory, with the values seen), ``domain.words.words`` (for people)
and ``store.segments.compile`` (SQL). A property test holds the first and the last equal on both databases.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, StrictBool, StrictFloat, StrictInt, StrictStr, Tag, TypeAdapter

from domain.base import Authored, Json

Match: TypeAlias = Literal["any", "all", "none", "latest"]
Operator: TypeAlias = Literal[
    "known", "unknown",
    "is", "is_not", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with",
    "gt", "gte", "lt", "lte", "between",
    "on", "before", "after", "within_last", "within_next", "more_than_ago",
    "contains_any", "contains_all", "contains_none",
]  # fmt: skip
CountScope: TypeAlias = Literal["enrollment", "ever"]
"""Which events count: those since the entry, or all."""


class Offset(Authored):
    """A signed length: weeks and days keep the clock time of a zone, the rest is absolute; days are added first."""

    weeks: StrictInt = 0
    days: StrictInt = 0
    hours: StrictInt = 0
    minutes: StrictInt = 0
    seconds: StrictInt = 0

    @property
    def is_zero(self) -> bool:
        """True when nothing is added."""
        return not (self.weeks or self.days or self.hours or self.minutes or self.seconds)


class NowValue(Authored):
    """The instant of judging, moved: ``{now: {days: -3}}``."""

    now: Offset


class PropertyValue(Authored):
    """Another property: of the record the left side is read from, unless ``of`` names associated records."""

    property: StrictStr
    of: Of | None = None


class EntryEventValue(Authored):
    """A property of the event that caused entry."""

    entry_event: StrictStr


class ParameterValue(Authored):
    """A parameter given at enrollment."""

    parameter: StrictStr


class OutputValue(Authored):
    """An output of an earlier step."""

    output: StrictStr
    step: StrictStr


Literal_: TypeAlias = StrictStr | StrictBool | StrictInt | StrictFloat | None
Operand: TypeAlias = (
    Literal_ | list[Literal_] | NowValue | PropertyValue | EntryEventValue | ParameterValue | OutputValue | Offset
)


class Of(Authored):
    """Which associated records a property or event is read from; see ``Match`` for any (default), all, none, latest."""

    object: StrictStr
    label: StrictStr | None = None
    match: Match | None = None


class Count(Authored):
    """How many are wanted; both bounds included."""

    at_least: StrictInt | None = None
    at_most: StrictInt | None = None


class All(Authored):
    """Holds when every part holds (also when there is none)."""

    all: list[Condition]


class Any(Authored):
    """Holds when at least one part holds."""

    any: list[Condition]


class Not(Authored):
    """Holds exactly when its part does not."""

    not_: Condition = Field(alias="not")


class PropertyCondition(Authored):
    """Compares a property of the record, or of associated records (``of``)."""

    property: StrictStr
    op: Operator
    value: Operand = None
    include_blank: StrictBool = False
    of: Of | None = None


class Related(Authored):
    """The set a related condition looks at."""

    object: StrictStr
    label: StrictStr | None = None
    match: Match | None = None


class RelatedCondition(Authored):
    """All of ``where`` on the same associated record."""

    related: Related
    where: Condition
    count: Count | None = None


class EventCondition(Authored):
    """Counts events of a name."""

    event: StrictStr
    count: Count | None = None
    within: Offset | None = None
    scope: CountScope | None = None
    step: StrictStr | None = None
    of: Of | None = None
    where: Condition | None = None


class EventPropertyCondition(Authored):
    """Compares a property of the event; only inside an event's ``where``."""

    event_property: StrictStr
    op: Operator
    value: Operand = None
    include_blank: StrictBool = False


class OutputCondition(Authored):
    """Compares an output of an earlier step."""

    output: StrictStr
    step: StrictStr
    op: Operator
    value: Operand = None
    include_blank: StrictBool = False


class ParameterCondition(Authored):
    """Compares a parameter given at enrollment."""

    parameter: StrictStr
    op: Operator
    value: Operand = None
    include_blank: StrictBool = False


class ListCondition(Authored):
    """Membership of a list."""

    list: StrictStr
    op: Literal["member", "not_member"]


class WorkflowCondition(Authored):
    """What the record did in a workflow."""

    workflow: StrictStr
    status: Literal["active", "enrolled", "completed", "met_goal"]


class SubscriptionCondition(Authored):
    """Consent of a contact for a subscription type."""

    subscription: StrictStr
    op: Literal["is", "is_not"]
    value: Literal["subscribed", "unsubscribed", "not_specified"]


CONDITION_KEYS = (
    "all", "any", "not", "property", "related", "event", "event_property", "output", "parameter", "list",
    "workflow", "subscription",
)  # fmt: skip
"""The key that chooses the variant, in order of precedence."""


def variant_of(value: object) -> str | None:
    """Which variant a raw or parsed condition is, by its key; None when no key names one."""
    if isinstance(value, dict):
        return next((key for key in CONDITION_KEYS if key in value), None)
    for key in CONDITION_KEYS:
        if hasattr(value, "not_" if key == "not" else key):
            return key
    return None


Condition: TypeAlias = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[Any, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[PropertyCondition, Tag("property")]
    | Annotated[RelatedCondition, Tag("related")]
    | Annotated[EventCondition, Tag("event")]
    | Annotated[EventPropertyCondition, Tag("event_property")]
    | Annotated[OutputCondition, Tag("output")]
    | Annotated[ParameterCondition, Tag("parameter")]
    | Annotated[ListCondition, Tag("list")]
    | Annotated[WorkflowCondition, Tag("workflow")]
    | Annotated[SubscriptionCondition, Tag("subscription")],
    Discriminator(variant_of),
]

for _model in (PropertyValue, All, Any, Not, PropertyCondition, RelatedCondition, EventCondition):
    _model.model_rebuild()

_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def load_condition(document: Json) -> Condition:
    """The condition that was stored as it was written, once examined.

    Raises:
        pydantic.ValidationError: it was never examined.
    """
    return _CONDITION.validate_python(document)
