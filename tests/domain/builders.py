"""A catalogue as an installation has it, and definitions to examine."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

from activities.catalogue import specs
from domain.builtin import BUILTIN
from domain.catalogue import Catalogue, KnownWorkflow
from domain.definition import Parameter
from domain.schema import ObjectType, Option, PropertyDefinition, PropertyType, Schema
from domain.validation import Examined, examine
from gateways.holiday_calendars import PublicHolidays
from gateways.templates import LiquidTemplates

ANNA = "0190-anna"

CATALOGUE = Catalogue(
    schema=Schema(objects=dict(BUILTIN)),
    actions=specs(),
    templates=LiquidTemplates(),
    users=frozenset({ANNA}),
    workflows={
        "welcome": KnownWorkflow(
            object="contact",
            parameters=(Parameter(name="offer", required=True), Parameter(name="limit", type="number")),
        ),
        "renewals": KnownWorkflow(object="opportunity"),
    },
    secrets=frozenset({"crm_key", "signing", "mailgun_events", "standard_events"}),
    subscription_types={"newsletter": False, "retired": True, "one_to_one": False},
    internal_types=frozenset({"one_to_one"}),
    holidays=PublicHolidays(),
)

EXAMPLE: dict[str, Any] = {
    "slug": "new-opportunity-follow-up",
    "name": "New opportunity follow-up",
    "object": "contact",
    "type": "standard",
    "allow_multiple_opportunities": True,
    "entry": {
        "triggers": [
            {
                "id": "t1",
                "on": "filter",
                "object": "opportunity",
                "where": {"property": "stage", "op": "is", "value": "Engaging"},
            }
        ]
    },
    "exit": {
        "goals": [
            {
                "id": "won",
                "name": "Won",
                "where": {"property": "stage", "op": "is", "value": "Won", "of": {"object": "opportunity"}},
            }
        ]
    },
    "steps": [
        {
            "id": "hello",
            "kind": "action",
            "action": "send_email",
            "config": {
                "subject": "About {{ opportunity.product }}",
                "html": "<p>Hi {{ contact.first_name | default: 'there' }}, …</p>",
                "transactional": True,
            },
        },
        {"id": "gap", "kind": "delay", "for": {"days": 2}},
        {
            "id": "big",
            "kind": "branch",
            "branches": [
                {
                    "name": "Large deal",
                    "where": {"property": "close_value", "op": "gte", "value": 5000, "of": {"object": "opportunity"}},
                    "steps": [
                        {
                            "id": "call",
                            "kind": "action",
                            "action": "create_task",
                            "config": {
                                "title": "Call {{ contact.first_name }} about {{ opportunity.product }}",
                                "due_in": {"days": 1},
                            },
                        }
                    ],
                }
            ],
            "otherwise": [
                {
                    "id": "sms",
                    "kind": "action",
                    "action": "send_sms",
                    "config": {"text": "Any questions about {{ opportunity.product }}?"},
                }
            ],
        },
        {
            "id": "mark",
            "kind": "action",
            "action": "set_property",
            "config": {"property": "last_touched_at", "value": {"now": {}}},
        },
    ],
}
"""The example of the definition format."""


def example(**changes: Any) -> dict[str, Any]:
    """The example with some members of its head replaced."""
    return {**deepcopy(EXAMPLE), **changes}


def with_steps(*steps: Any, **changes: Any) -> dict[str, Any]:
    """A contact workflow of these steps."""
    return {"slug": "w", "name": "W", "object": "contact", "steps": list(steps), **changes}


def delay(step_id: str = "gap", **fields: Any) -> dict[str, Any]:
    """A delay of one day, or with the fields given."""
    return {"id": step_id, "kind": "delay", **(fields or {"for": {"days": 1}})}


def action(step_id: str, name: str, **config: Any) -> dict[str, Any]:
    """An action step."""
    return {"id": step_id, "kind": "action", "action": name, "config": config}


def look(raw: Any) -> Examined:
    """Examine with the catalogue of this module."""
    return examine(raw, CATALOGUE)


def codes(raw: Any) -> list[tuple[str, str]]:
    """(pointer, code) of every problem."""
    return [(p.path, p.code) for p in look(raw).problems]


def with_pets() -> Catalogue:
    """The catalogue with a custom object type that has a property of several values."""
    options = tuple(Option(value=value, label=value) for value in ("tame", "loud"))
    traits = PropertyDefinition(name="traits", type=PropertyType.MULTI_ENUM, label="Traits", options=options)
    pet = ObjectType(name="pet", label="Pet", builtin=False, properties={"traits": traits})
    return replace(CATALOGUE, schema=Schema(objects={**BUILTIN, "pet": pet}))
