"""Parameters: what is given is checked, what is not given has its default."""

from __future__ import annotations

from typing import Any

import pytest

from domain.base import Json
from domain.definition import Definition, load_definition
from domain.parameters import with_defaults, wrong_parameters

OFFER: dict[str, Any] = {"name": "offer", "type": "string", "required": True}
DAYS: dict[str, Any] = {"name": "days", "type": "number", "default": 3}
VIP: dict[str, Any] = {"name": "vip", "type": "bool"}


def definition() -> Definition:
    return load_definition(
        {"slug": "a", "name": "A", "object": "contact", "parameters": [OFFER, DAYS, VIP], "steps": []}
    )


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"offer": "A"}, []),
        ({"offer": "A", "days": 2.5, "vip": False}, []),
        ({}, [("/parameters/offer", "missing_field")]),
        ({"offer": None}, [("/parameters/offer", "missing_field")]),
        ({"offer": 1, "days": "3", "vip": 1}, [(f"/parameters/{n}", "wrong_type") for n in ("offer", "days", "vip")]),
        ({"offer": "A", "days": True}, [("/parameters/days", "wrong_type")]),
        ({"offer": {"x": [1]}}, [("/parameters/offer", "wrong_type")]),
        ({"offer": "A", "ofer": "B"}, [("/parameters/ofer", "unknown_field")]),
    ],
)
def test_every_wrong_parameter_is_told(given: dict[str, Json], wrong: list[tuple[str, str]]) -> None:
    assert [(error.path, error.code) for error in wrong_parameters(definition(), given)] == wrong


def test_what_is_not_given_has_its_default() -> None:
    assert with_defaults(definition(), {"offer": "A", "vip": None}) == {"offer": "A", "days": 3}
