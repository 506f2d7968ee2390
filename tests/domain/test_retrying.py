"""What whoever begins again passes over, and which step failed first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.landing import Mark
from domain.messages import Outcome
from domain.plan import Plan, PlanStep
from domain.retrying import carried_of, failed_steps, passed_over

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
STEPS = ("a", "b", "c")
PLAN = Plan(
    workflow_id="w",
    slug="w",
    name="W",
    version=1,
    start="a",
    steps={id: PlanStep(id=id, kind="action", name=id, action="send_email") for id in STEPS},
)


def mark(step: str, minute: int, outcome: Outcome | None, n: int = 1) -> Mark:
    return Mark(step=step, n=n, version=1, outcome=outcome, entered_at=START + timedelta(minutes=minute))


MARKS = [mark("a", 0, "done"), mark("b", 1, "failed"), mark("c", 2, "done"), mark("a", 3, "failed", n=2)]


def test_the_step_that_failed_first_comes_first() -> None:
    assert failed_steps(MARKS) == ["b", "a"]


@pytest.mark.parametrize(
    ("step", "accepted", "unknown", "expected"),
    [
        ("b", set(), set(), {"c"}),  # what lay before it is not asked
        ("a", set(), set(), set()),  # the visit that failed, not the one that was done
        ("a", {("a", 2)}, set(), {"a"}),  # it was accepted after all
        ("b", set(), {("b", 1)}, {"c"}),  # nobody knows: to begin there is the order to send it again
        ("b", set(), {("a", 2)}, {"a", "c"}),  # nobody knows of what lies behind: it is left alone
        ("c", set(), set(), set()),  # whoever is sent to a step does it
        ("nowhere", set(), set(), {"a", "c"}),
    ],
)
def test_what_was_done_behind_the_step_is_passed_over(
    step: str, accepted: set[tuple[str, int]], unknown: set[tuple[str, int]], expected: set[str]
) -> None:
    assert set(passed_over(step, MARKS, accepted, unknown, {1: PLAN}, PLAN)) == expected


def test_nothing_is_carried_by_who_takes_up_nothing() -> None:
    assert carried_of(None).passages == ()
    assert carried_of({"outputs": {"a": {"task": "t"}}, "passages": ["e"]}).outputs == {"a": {"task": "t"}}
