"""Why a record entered, in words."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from domain.base import Json
from domain.entry_words import cause_words, entry_words
from domain.triggers import Trigger
from tests.fixtures.kinds import SCHEMA

TRIGGER: TypeAdapter[Trigger] = TypeAdapter(Trigger)
RED: Json = {"property": "enum", "op": "is", "value": "red"}

SAID: list[tuple[dict[str, Json], str]] = [
    ({"on": "filter", "where": RED}, "Enum is Red"),
    ({"on": "filter", "object": "opportunity", "where": RED}, "Opportunity: Enum is Red"),
    ({"on": "created"}, "Contact was created"),
    ({"on": "created", "object": "opportunity", "where": RED}, "Opportunity was created, and Enum is Red"),
    ({"on": "changed", "property": "enum"}, "Enum changed"),
    ({"on": "changed", "property": "enum", "from": [None], "to": ["red", "blue"], "where": RED},
     "Enum changed from nothing to Red or blue, and Enum is Red"),
    ({"on": "changed", "object": "opportunity", "property": "unheard_of"}, "Opportunity: unheard_of changed"),
    ({"on": "event", "event": "form.submitted"}, "event form.submitted happened"),
    ({"on": "event", "event": "order.paid", "of": {"object": "opportunity"}, "where": RED},
     "event order.paid of opportunity happened, and Enum is Red"),
    ({"on": "webhook", "find": {"email": "/email"}}, "its hook was called"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "said"), SAID)
def test_a_trigger_reads_as_a_reason(raw: dict[str, Json], said: str) -> None:
    trigger = TRIGGER.validate_python({"id": "t1", **raw})
    assert entry_words([trigger], "t1", SCHEMA, "contact") == said


def test_without_a_trigger_it_was_by_hand_and_an_unknown_one_keeps_its_id() -> None:
    assert entry_words([], None, SCHEMA, "contact") == "by hand"
    assert entry_words([], "t9", SCHEMA, "contact") == "trigger t9"


@pytest.mark.parametrize(
    ("kind", "id", "said"),
    [
        ("api", "k1", "by API key k1"),
        ("bulk", "j1", "by bulk job j1"),
        ("schedule", None, "on schedule"),
        ("schedule", "j1", "on schedule, job j1"),
        ("tide", "x", "by tide x"),
    ],
)
def test_a_cause_reads_as_who_it_was(kind: str, id: str | None, said: str) -> None:
    assert cause_words(kind, id) == said
