"""Scheduled workflows: each mistake once, with its place and its code."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domain.builders import look, with_steps
from tests.domain.mistakes import SCORE

DAILY = {"every": "day", "at": "09:00"}
FILTER = {"id": "t1", "on": "filter", "where": SCORE}


def problems(schedule: Any = DAILY, *triggers: Any, **changes: Any) -> list[tuple[str, str]]:
    """What is wrong with a scheduled workflow."""
    head = {"type": "scheduled", "entry": {"triggers": list(triggers or (FILTER,))}, **changes}
    found = look(with_steps(**head, **({} if schedule is None else {"schedule": schedule}))).problems
    return [(p.path, p.code) for p in found]


@pytest.mark.parametrize(
    "fields",
    [
        {"every": "day", "timezone": "Europe/Oslo"},
        {"every": "week", "weekdays": ["thu", "mon"]},
        {"every": "month", "days": [1, 15, "last"]},
        {"every": "month", "nth_weekday": {"nth": "last", "weekday": "fri"}},
        {"every": "year", "month": 2, "day": 31},
    ],
)
def test_a_schedule_with_what_it_needs_has_no_problem(fields: dict[str, Any]) -> None:
    assert problems({"at": "09:00", **fields}) == []


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"every": "hour"}, "/every", "wrong_value"),
        ({"every": "day", "at": "25:00"}, "/at", "wrong_value"),
        ({"every": "day", "at": 900}, "/at", "wrong_type"),
        ({"every": "day", "weekdays": ["mon"]}, "/weekdays", "wrong_value"),
        ({"every": "week"}, "/weekdays", "missing_field"),
        ({"every": "week", "weekdays": []}, "/weekdays", "wrong_value"),
        ({"every": "week", "weekdays": ["thursday"]}, "/weekdays/0", "wrong_value"),
        ({"every": "week", "weekdays": ["mon"], "days": [1]}, "/days", "wrong_value"),
        ({"every": "month"}, "/days", "missing_field"),
        ({"every": "month", "days": [32]}, "/days/0", "wrong_value"),
        ({"every": "month", "days": []}, "/days", "wrong_value"),
        ({"every": "month", "nth_weekday": {"nth": 5, "weekday": "mon"}}, "/nth_weekday/nth", "wrong_value"),
        ({"every": "month", "days": [1], "nth_weekday": {"nth": 1, "weekday": "mon"}}, "/nth_weekday", "wrong_value"),
        ({"every": "year", "month": 3}, "/day", "missing_field"),
        ({"every": "year", "day": 3}, "/month", "missing_field"),
        ({"every": "year", "month": 13, "day": 1}, "/month", "wrong_value"),
        ({"every": "year", "month": 3, "day": 1, "days": [1]}, "/days", "wrong_value"),
        ({"every": "day", "timezone": "Mars"}, "/timezone", "wrong_zone"),
        ({"every": "day", "zone": "UTC"}, "/zone", "unknown_field"),
    ],
)
def test_one_mistake_in_a_schedule_is_one_problem(fields: dict[str, Any], path: str, code: str) -> None:
    assert problems({"at": "09:00", **fields}) == [(f"/schedule{path}", code)]


def test_each_of_several_mistakes_is_told() -> None:
    wrong = {"every": "sometimes", "at": 9, "timezone": "Mars", "weekdays": ["mon"]}
    assert problems(wrong) == [
        ("/schedule/every", "wrong_value"),
        ("/schedule/at", "wrong_type"),
        ("/schedule/timezone", "wrong_zone"),
    ]
    assert problems({"every": "month", "at": "noon"}) == [
        ("/schedule/at", "wrong_value"),
        ("/schedule/days", "missing_field"),
    ]


def test_a_scheduled_workflow_needs_a_schedule_and_no_anchor() -> None:
    assert problems(None) == [("/schedule", "missing_field")]
    assert problems("daily") == [("/schedule", "wrong_type")]
    assert problems(anchor={"property": "birthday"}) == [("/anchor", "wrong_value")]


@pytest.mark.parametrize(
    "trigger",
    [
        {"on": "created"},
        {"on": "event", "event": "form.submitted"},
        {"on": "changed", "property": "score"},
        {"on": "webhook", "find": {"email": "/email"}},
    ],
)
def test_only_filters_let_in_on_schedule(trigger: dict[str, Any]) -> None:
    assert problems(DAILY, trigger) == [("/entry/triggers/0/on", "wrong_value")]
    assert problems(DAILY, FILTER, {"id": "t2", **trigger}) == [("/entry/triggers/1/on", "wrong_value")]


def test_somebody_must_be_let_in() -> None:
    assert problems(DAILY, entry={"triggers": []}) == [("/entry/triggers", "missing_field")]


def test_other_types_have_no_schedule() -> None:
    assert problems(DAILY, type="standard") == [("/schedule", "wrong_value")]
    assert ("/schedule", "wrong_value") in problems(DAILY, type="specific_date", anchor={"date": "2027-03-01"})
