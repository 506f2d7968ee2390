"""format_data: what each operation makes of a value, and what becomes of what it cannot read."""

from __future__ import annotations

import pytest

from activities.actions.format_data import ACTION
from domain.base import Json
from services.installation import Installation
from tests.activities.calls import act
from tests.activities.properties import mistakes
from tests.builders import make_record, stand_at_action


@pytest.mark.parametrize(
    ("operations", "found"),
    [
        ([{"do": "trim"}, {"do": "phone"}], []),
        ([{"do": "add", "number": 1}, {"do": "divide", "number": 0}], [("/operations/1/number", "wrong_value")]),
        ([{"do": "date", "pattern": "%Q"}], [("/operations/0/pattern", "wrong_value")]),
        ([{"do": "date", "pattern": "100%"}], [("/operations/0/pattern", "wrong_value")]),
        ([{"do": "date", "plus": {"days": 10**9}}], [("/operations/0/plus", "wrong_value")]),
    ],
)
def test_what_can_never_work_is_found_when_it_is_saved(operations: Json, found: list[tuple[str, str]]) -> None:
    assert mistakes(ACTION, {"value": "x", "operations": operations}) == found


@pytest.mark.parametrize(
    ("value", "operations", "expected"),
    [
        ("  ann   lee ", [{"do": "trim"}, {"do": "title"}], "Ann Lee"),
        ("ann", [{"do": "capitalize"}], "Ann"),
        ("Øre", [{"do": "upper"}], "ØRE"),
        ("ØRE", [{"do": "lower"}], "øre"),
        ("a-b-c", [{"do": "replace", "find": "-", "by": "+"}], "a+b+c"),
        ("ABC-123", [{"do": "cut", "start": 4}], "123"),
        ("ABC-123", [{"do": "cut", "start": -3, "length": 2}], "12"),
        ("{{ contact.score }}", [{"do": "multiply", "number": 1.25}, {"do": "round", "digits": 1}], 8.8),
        ("0.1", [{"do": "add", "number": 0.2}], 0.3),
        ("7", [{"do": "subtract", "number": 10}, {"do": "abs"}], 3),
        ("2.5", [{"do": "round"}], 3),
        ("2027-01-31", [{"do": "date", "pattern": "%d.%m.%Y"}], "31.01.2027"),
        ("2027-01-31", [{"do": "date", "plus": {"days": 1}}], "2027-02-01"),
        ("2027-01-31T23:30:00Z", [{"do": "date", "pattern": "%d.%m. %H:%M"}], "01.02. 00:30"),
        ("2027-01-31T23:30:00Z", [{"do": "date", "plus": {"hours": 1}}], "2027-02-01T00:30:00.000000Z"),
        ("(212) 555-0123", [{"do": "phone"}], "+12125550123"),
    ],
)
async def test_a_value_becomes(installation: Installation, value: str, operations: Json, expected: Json) -> None:
    contact = await make_record(installation, "contact", {"score": 7})
    settings: dict[str, Json] = {"timezone": "Europe/Oslo"}
    config: dict[str, Json] = {"value": value, "operations": operations}
    standing = await stand_at_action(installation, contact, "format_data", config, settings=settings)

    assert await act(standing, "format_data") == await act(standing, "format_data")

    assert (await standing.visit())["result"] == {"value": expected}


@pytest.mark.parametrize(
    ("value", "operation"),
    [
        ("many", {"do": "add", "number": 1}),
        ("NaN", {"do": "abs"}),
        ("1e400", {"do": "multiply", "number": 2}),
        ("soon", {"do": "date"}),
        ("call me", {"do": "phone"}),
    ],
)
async def test_what_an_operation_cannot_read_fails_or_has_another_value(
    installation: Installation, value: str, operation: Json
) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ann"})
    config: dict[str, Json] = {"value": value, "operations": [operation]}
    standing = await stand_at_action(installation, contact, "format_data", config)
    kept = await stand_at_action(
        installation, contact, "format_data", {**config, "otherwise": "{{ contact.first_name }}"}, slug="kept"
    )

    answer = await act(standing, "format_data")

    assert (answer.outcome, answer.reason) == ("failed", "wrong_value")
    assert value not in str((await standing.visit())["detail"])
    assert (await act(kept, "format_data")).outcome == "done"
    assert (await kept.visit())["result"] == {"value": "Ann"}
