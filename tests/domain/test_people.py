"""When somebody is away: days of their zone, instants, and what is no span."""

from __future__ import annotations

from datetime import datetime

import pytest

from domain.people import Away, away_problem, is_away


def _span(begin: str, end: str) -> Away:
    return Away.model_validate({"from": begin, "to": end})


@pytest.mark.parametrize(
    ("span", "at", "away"),
    [
        (("2026-12-24", "2026-12-24"), "2026-12-23T22:59:59+00:00", False),
        (("2026-12-24", "2026-12-24"), "2026-12-23T23:00:00+00:00", True),
        (("2026-12-24", "2026-12-24"), "2026-12-24T22:59:59+00:00", True),
        (("2026-12-24", "2026-12-24"), "2026-12-24T23:00:00+00:00", False),
        (("2026-12-24T12:00:00+01:00", "2026-12-24T13:00:00+01:00"), "2026-12-24T11:00:00+00:00", True),
        (("2026-12-24T12:00:00+01:00", "2026-12-24T13:00:00+01:00"), "2026-12-24T12:00:00+00:00", False),
    ],
)
def test_days_are_those_of_the_zone_and_the_last_instant_is_not_included(
    span: tuple[str, str], at: str, away: bool
) -> None:
    assert is_away([_span(*span)], "Europe/Oslo", datetime.fromisoformat(at)) is away


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [
        ("soon", "2026-12-24", "neither a day"),
        ("2026-12-24", "2026-02-30", "neither a day"),
        ("2026-12-24", "2026-12-24T12:00:00Z", "both days or both instants"),
        ("2026-12-24", "2026-12-23", "does not come after"),
        ("2026-12-24T12:00:00Z", "2026-12-24T12:00:00Z", "does not come after"),
    ],
)
def test_what_is_no_span_is_told(begin: str, end: str, words: str) -> None:
    assert words in (away_problem(_span(begin, end)) or "")
    assert away_problem(_span("2026-12-24", "2026-12-24")) is None
