"""Whether somebody would come to an action soon: what lasts, what is passed over, and what nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.facts import Facts, RecordFacts
from domain.landing import Landing
from domain.soon import Way
from tests.domain.builders import CATALOGUE, delay, look, with_steps
from tests.domain.test_compiling import plan
from tests.domain.test_landing import branch, call

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def acts(
    *steps: dict[str, Any], at: str, began: datetime | None = None, turn: timedelta = timedelta(), **landing: Any
) -> bool:
    """Whether who goes on at a step of these acts within the hour."""
    raw = with_steps(*steps)
    found = look(raw).definition
    assert found is not None
    way = Way(
        plan=plan(raw),
        steps=found.steps_by_id(),
        landing=Landing(step=at, keeps=began is not None, **landing),
        began=began,
        turn=turn,
        since=NOW,
        zone="UTC",
        facts=Facts(
            schema_=CATALOGUE.schema,
            record=RecordFacts(id="r", object="contact", properties={}),
            now=NOW,
            zone="UTC",
        ),
    )
    return way.acts_by(NOW + HOUR)


GAP, ACT = {**delay("gap"), "for": {"hours": 2}}, call("act")


@pytest.mark.parametrize(
    ("began", "turn", "acts_soon"),
    [
        (NOW - timedelta(minutes=50), timedelta(), False),
        (NOW - timedelta(minutes=70), timedelta(), True),
        (NOW - timedelta(hours=3), timedelta(minutes=59), True),
        (NOW - timedelta(hours=3), timedelta(minutes=61), False),
        (None, timedelta(), False),
    ],
)
def test_a_kept_delay_counts_from_when_it_began(began: datetime | None, turn: timedelta, acts_soon: bool) -> None:
    assert acts(GAP, ACT, at="gap", began=began, turn=turn) is acts_soon


def test_what_was_done_or_is_switched_off_is_no_action() -> None:
    assert acts(ACT, at="act")
    assert not acts(ACT, GAP, call("later"), at="act", pass_over={"act": None})
    assert not acts({**ACT, "enabled": False}, GAP, at="act")
    assert acts(ACT, call("next"), at="act", pass_over={"act": None})


def test_any_way_of_a_branch_counts_and_a_goto_is_followed() -> None:
    assert acts(branch("if", ACT), GAP, at="if")
    assert not acts(branch("if", GAP), at="if")
    back = {"id": "back", "kind": "goto", "to": "act"}
    assert acts(ACT, GAP, back, at="back")


def test_of_a_wait_only_the_end_of_its_time_is_known() -> None:
    oslo = {"property": "city", "op": "is", "value": "Oslo"}
    waits = {"id": "reply", "kind": "wait", "until_true": oslo, "matched": [ACT], "timeout": {"hours": 2}}
    assert not acts(waits, call("late"), at="reply")
    assert acts(waits, call("late"), at="reply", began=NOW - 3 * HOUR)
