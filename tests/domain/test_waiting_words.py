"""How it reads that a record stands in a step."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from domain.definition import Step
from domain.waiting_words import waiting_words

ADAPTER: TypeAdapter[Step] = TypeAdapter(Step)
AT = datetime(2026, 11, 25, 8, tzinfo=UTC)
WHEN = "Wed 25 Nov 2026 09:00 (Europe/Oslo)"


def step(**content: Any) -> Step:
    return ADAPTER.validate_python({"id": "here", **content})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"kind": "delay", "until": {"anchor": {"days": -7}, "time": "09:00"}},
         f"waiting until {WHEN}: 7 days before the date at 09:00"),
        ({"kind": "delay", "for": {"days": 2}}, f"waiting until {WHEN}: 2 days after it came here"),
        ({"kind": "delay", "for": {"days": 2}, "business_days": True},
         f"waiting until {WHEN}: 2 days after it came here, of which days are business days"),
        ({"kind": "wait", "for_event": {"event": "booked"}, "timeout": {"days": 2}},
         f"waiting for the event booked, at the latest until {WHEN}"),
    ],
)  # fmt: skip
def test_a_wait_says_until_when_and_why(content: dict[str, Any], words: str) -> None:
    told = waiting_words(step(**content), wakes_at=AT, zone="Europe/Oslo", is_held=False, detail=None)
    assert told == words


def test_without_an_instant_a_wait_says_for_what() -> None:
    delay = step(kind="delay", until={"anchor": {}})
    told = waiting_words(delay, wakes_at=None, zone=None, is_held=False, detail="for a date: there is none")
    assert told == "waiting (for a date: there is none)"


def test_a_step_that_is_gone_and_a_zone_nobody_kept_are_told_all_the_same() -> None:
    told = waiting_words(None, wakes_at=AT, zone=None, is_held=False, detail=None)
    assert told == "waiting until Wed 25 Nov 2026 08:00 (UTC)"
