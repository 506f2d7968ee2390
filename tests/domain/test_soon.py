"""Whether somebody would come to an action soon: what lasts, what is passed over, and what nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.definition import PauseDate, Window
from domain.facts import Facts, RecordFacts
from domain.landing import Landing
from domain.soon import Way
from domain.splitting import spread
from domain.windows import Quiet
from tests.domain.builders import CATALOGUE, action, delay, look, with_steps
from tests.domain.test_compiling import plan
from tests.domain.test_landing import branch, call

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def acts(
    *steps: dict[str, Any],
    at: str,
    began: datetime | None = None,
    turn: timedelta = timedelta(),
    quiet: Quiet | None = None,
    spread_minutes: int = 0,
    **landing: Any,
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
        quiet=quiet or Quiet(),
        id="e",
        spread_minutes=spread_minutes,
        facts=Facts(
            schema_=CATALOGUE.schema,
            record=RecordFacts(id="r", object="contact", properties={}),
            now=NOW,
            zone="UTC",
        ),
    )
    return way.acts_by(NOW + HOUR)


MAIL = action("mail", "send_email", subject="Hi", html="<p>Hi</p>", transactional=True)


def hours(begin: str) -> Quiet:
    """Messages leave from a time of the day on."""
    return Quiet(windows=(Window.model_validate({"days": ["mon"], "from": begin, "to": "23:00"}),))


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


@pytest.mark.parametrize(
    ("quiet", "acts_soon"),
    [
        (Quiet(), True),
        (hours("08:00"), True),
        (hours("09:30"), True),
        (hours("10:30"), False),
        (Quiet(pause_dates=(PauseDate(month=3, day=2),)), False),
    ],
)
def test_a_message_acts_when_its_hours_let_it_leave_and_nothing_behind_it_does_before(
    quiet: Quiet, acts_soon: bool
) -> None:
    assert acts(MAIL, ACT, at="mail", quiet=quiet) is acts_soon


def test_work_inside_is_not_held_back_and_the_spread_counts() -> None:
    assert acts(ACT, at="act", quiet=hours("10:30"))
    late = spread("e:mail", 1440) > timedelta(minutes=30)
    assert late
    assert not acts(MAIL, at="mail", quiet=hours("09:30"), spread_minutes=1440)
