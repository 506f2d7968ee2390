"""What a step may write into a property is the same wherever a step writes one."""

from __future__ import annotations

from typing import Any

import pytest

from domain.base import Json
from domain.validation import examine
from tests.domain.builders import ANNA, CATALOGUE

GAP: dict[str, Any] = {"id": "gap", "kind": "delay", "for": {"days": 1}}
OFFER: dict[str, Any] = {"name": "offer", "type": "string"}


def told(action: str, config: dict[str, Any]) -> list[tuple[str, str]]:
    step = {"id": "write", "kind": "action", "action": action, "config": config}
    document: Json = {
        "slug": "w",
        "name": "W",
        "object": "contact",
        "type": "standard",
        "steps": [step, GAP],
        "parameters": [OFFER],
    }
    return [(each.path.removeprefix("/steps/0/config"), each.code) for each in examine(document, CATALOGUE).problems]


@pytest.mark.parametrize(
    ("property", "value", "below", "code"),
    [
        ("city", {"output": "value", "step": "write"}, "", None),
        ("city", {"output": "value", "step": "wrote"}, "/step", "unknown_step"),
        ("city", {"output": "value", "step": "gap"}, "/step", "wrong_value"),
        ("city", {"parameter": "offer"}, "", None),
        ("city", {"parameter": "ofer"}, "/parameter", "unknown_variable"),
        ("score", 5, "", None),
        ("score", "5", "", "wrong_type"),
        ("score", True, "", "wrong_type"),
        ("sms_opted_out", "true", "", "wrong_type"),
        ("lead_status", "open", "", None),
        ("lead_status", "opened", "", "unknown_option"),
        ("birthday", "1990-01-31", "", None),
        ("birthday", "1990-02-31", "", "wrong_value"),
        ("birthday", {"now": {"days": 1}}, "", None),
        ("birthday", {"now": {"weeks": 1_000_000}}, "/now", "wrong_value"),
        ("city", {"now": {}}, "", "wrong_type"),
        ("owner", ANNA, "", None),
        ("owner", "0190-nobody", "", "unknown_user"),
        ("owner", None, "", None),
        ("city", {"property": "town"}, "/property", "unknown_property"),
    ],
)
def test_what_a_property_cannot_hold_is_told_alike(property: str, value: Json, below: str, code: str | None) -> None:
    expected = [] if code is None else [code]
    assert told("set_property", {"property": property, "value": value}) == [(f"/value{below}", c) for c in expected]
    made = {"object": "contact", "properties": {property: value}, "associate": []}
    assert told("create_record", made) == [(f"/properties/{property}{below}", c) for c in expected]


def test_a_template_that_nobody_renders_is_told() -> None:
    assert told("set_property", {"property": "city", "value": "{{ contact.country }}"}) == [("/value", "wrong_value")]
