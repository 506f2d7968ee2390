"""What a run takes along when it goes on in a new history."""

from __future__ import annotations

import pytest

from domain.messages import EnrollmentStart, RunState
from domain.plan import Plan
from tests.domain.builders import action, delay, with_steps
from tests.domain.test_compiling import plan
from workflows.position import Position

STEPS = (delay("gap"), action("call", "create_task", title="Call"))


@pytest.fixture
def way() -> Plan:
    return plan(with_steps(*STEPS))


def resumed(way: Plan, state: RunState) -> Position:
    start = EnrollmentStart(enrollment_id="e", workflow_id="w", record_id="r", object="contact", state=state)
    return Position(start, way)


def test_a_new_history_goes_on_as_the_one_before(way: Plan) -> None:
    state = RunState(
        step="call", standing=True, turn=2, counts={"gap": 1, "call": 1}, trail=("gap",), pass_over={"call": None},
        skip_sends=True,
    )  # fmt: skip
    assert resumed(way, state).state() == state
