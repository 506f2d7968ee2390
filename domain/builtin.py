"""The object types every installation starts with, as data."""

from __future__ import annotations

from collections.abc import Iterable

from domain.schema import ObjectType, Option, Pipeline, PropertyDefinition, PropertyType

CREATED_AT = PropertyDefinition(
    name="created_at", type=PropertyType.DATETIME, label="Created", read_only=True, builtin=True
)
UPDATED_AT = PropertyDefinition(
    name="updated_at", type=PropertyType.DATETIME, label="Updated", read_only=True, builtin=True
)
COMMON = (CREATED_AT, UPDATED_AT)
"""What every object type has, custom ones too; kept in columns of the record, not in its document."""

PIPELINE = "pipeline"
STAGE = "stage"
IS_CLOSED = "is_closed"
STAGE_ENTERED_AT = "stage_entered_at"

CLOSE_DATES = {"opportunity": "close_date", "ticket": "closed_at"}
"""What says since when a record is closed, by object type."""


def _options(*values: str, labels: dict[str, str] | None = None) -> tuple[Option, ...]:
    return tuple(
        Option(value=value, label=(labels or {}).get(value, value.replace("_", " ").capitalize()), order=order)
        for order, value in enumerate(values)
    )


def _stages(*values: str, closed: tuple[str, ...]) -> tuple[Option, ...]:
    return tuple(
        Option(value=value, label=value, order=order, closed=value in closed) for order, value in enumerate(values)
    )


def _property(
    name: str, type: str = "string", *, label: str | None = None, options: tuple[Option, ...] = (), marks: str = ""
) -> PropertyDefinition:
    """A built-in property; ``marks`` holds the words ``unique`` and ``read_only`` where they apply."""
    return PropertyDefinition(
        name=name,
        type=PropertyType(type),
        label=label or name.replace("_", " ").capitalize(),
        options=options,
        unique="unique" in marks,
        read_only="read_only" in marks,
        builtin=True,
    )


def _object(name: str, label: str, *properties: PropertyDefinition) -> ObjectType:
    known = {p.name: p for p in (*properties, *COMMON)}
    pipelines = (first_pipeline(known[STAGE].options),) if STAGE in known else ()
    return ObjectType(name=name, label=label, builtin=True, properties=known, pipelines=pipelines)


def first_pipeline(stages: Iterable[Option]) -> Pipeline:
    """The pipeline an object type begins with: all stages there are."""
    return Pipeline(value="default", label="Default", stages=tuple(each.value for each in stages))


_DEFAULT_PIPELINE = (Option(value="default", label="Default"),)
_EXTERNAL_ID = _property("external_id", label="External id", marks="unique")
_OWNER = _property("owner", "user")

CONTACT = _object(
    "contact",
    "Contact",
    _property("email", "email", marks="unique"),
    _EXTERNAL_ID,
    _property("first_name"),
    _property("last_name"),
    _property("phone", "phone"),
    _property("company_name"),
    _property("job_title"),
    _property("city"),
    _property("country"),
    _property("language"),
    _property("timezone", label="Time zone"),
    _property("birthday", "date"),
    _property(
        "lifecycle_stage",
        "enum",
        options=_options(
            "subscriber", "lead", "mql", "sql", "opportunity", "customer", "evangelist", "other",
            labels={"mql": "Marketing qualified lead", "sql": "Sales qualified lead"},
        ),
    ),
    _property("lead_status", "enum", options=_options("new", "open", "in_progress", "unqualified", "connected")),
    _property("score", "number"),
    _OWNER,
    _property("marketing_status", "enum", options=_options("marketing", "non_marketing")),
    _property("email_status", "enum", options=_options("ok", "bounced", "complained", labels={"ok": "OK"})),
    _property("sms_opted_out", "bool", label="SMS opted out"),
    _property("source"),
    _property("last_touched_at", "datetime", label="Last touched"),
)  # fmt: skip

COMPANY = _object(
    "company",
    "Company",
    _property("name"),
    _property("domain", marks="unique"),
    _EXTERNAL_ID,
    _property("industry"),
    _property("country"),
    _property("city"),
    _property("employees", "number"),
    _property("annual_revenue", "number"),
    _property("founded_year", "number"),
    _property("parent_name", label="Parent company"),
    _OWNER,
    _property("tier", "enum", options=_options("tier_1", "tier_2", "tier_3")),
)

OPPORTUNITY = _object(
    "opportunity",
    "Opportunity",
    _property("name"),
    _EXTERNAL_ID,
    _property(PIPELINE, "enum", options=_DEFAULT_PIPELINE),
    _property(STAGE, "enum", options=_stages("Prospecting", "Engaging", "Won", "Lost", closed=("Won", "Lost"))),
    _property(IS_CLOSED, "bool", label="Closed", marks="read_only"),
    _property(STAGE_ENTERED_AT, "datetime", label="In this stage since", marks="read_only"),
    _property("product"),
    _property("close_value", "number"),
    _property("expected_value", "number"),
    _property("engage_date", "date"),
    _property("close_date", "date"),
    _property("lost_reason"),
    _OWNER,
)

TICKET = _object(
    "ticket",
    "Ticket",
    _property("subject"),
    _EXTERNAL_ID,
    _property(PIPELINE, "enum", options=_DEFAULT_PIPELINE),
    _property(
        STAGE,
        "enum",
        label="Status",
        options=_stages("New", "Waiting on contact", "Waiting on us", "Closed", closed=("Closed",)),
    ),
    _property(IS_CLOSED, "bool", label="Closed", marks="read_only"),
    _property(STAGE_ENTERED_AT, "datetime", label="In this stage since", marks="read_only"),
    _property("priority", "enum", options=_options("low", "normal", "high", "urgent")),
    _property("category"),
    _property("source", "enum", options=_options("email", "form", "chat", "messenger", "api", labels={"api": "API"})),
    _property("closed_at", "datetime", label="Closed at"),
    _OWNER,
)

BUILTIN: dict[str, ObjectType] = {each.name: each for each in (CONTACT, COMPANY, OPPORTUNITY, TICKET)}
"""All built-in object types by name."""

_ASSOCIATED = frozenset(
    frozenset(pair)
    for pair in (
        ("contact", "company"),
        ("contact", "opportunity"),
        ("company", "opportunity"),
        ("contact", "ticket"),
        ("company", "ticket"),
    )
)


def can_associate(object: str, other: str) -> bool:
    """Whether records of two object types may be associated: the built-in pairs, and anything with a custom type."""
    if object in BUILTIN and other in BUILTIN:
        return frozenset((object, other)) in _ASSOCIATED
    return True
