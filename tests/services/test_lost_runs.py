"""An enrollment whose run is over in Temporal ends too, and no other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.errors import Unavailable
from services.installation import Installation
from services.lost_runs import end_lost
from tests.fixtures.clock import FixedClock
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, gap
from tests.services.test_intake import Desk


@pytest.fixture
async def desk(installation: Installation, clock: FixedClock) -> Desk:
    """Three contacts inside a workflow; their starts have yet to be delivered."""
    desk = Desk(installation)
    workflow = await desk.publish(by_hand("journey", [gap(days=1)]))
    for name in ("a", "b", "c"):
        clock.advance(timedelta(seconds=1))
        await desk.enroll(workflow, await desk.create("contact", email=f"{name}@example.com"))
    return desk


async def test_whose_start_was_not_delivered_has_lost_nothing(desk: Desk, runs: RecordingRuns) -> None:
    runs.down = True
    await desk.relay.drain_once()
    runs.down = False
    assert await end_lost(desk.inst, after="") == (0, "")


@pytest.mark.parametrize("end", ["terminated", "timed out", "failed", "cancelled", "completed", "not found"])
async def test_who_lost_their_run_fails_and_may_enter_again(desk: Desk, runs: RecordingRuns, end: str) -> None:
    await desk.work_off()
    runs.ends[runs.started[1].run_id] = end  # type: ignore[assignment]
    assert await end_lost(desk.inst, after="") == (1, "")
    assert await desk.ends() == [("failed", f"its run was {end} in Temporal")]
    assert await end_lost(desk.inst, after="") == (0, "")


async def test_rounds_go_on_where_the_last_one_stopped_and_begin_anew(desk: Desk, runs: RecordingRuns) -> None:
    await desk.work_off()
    runs.ends |= {run.run_id: "terminated" for run in runs.started}
    first = await end_lost(desk.inst, after="", limit=2)
    assert first[0] == 2
    assert first[1] != ""
    assert await end_lost(desk.inst, after=first[1], limit=2) == (1, "")


async def test_a_temporal_that_does_not_answer_ends_nobody(desk: Desk, runs: RecordingRuns) -> None:
    await desk.work_off()
    runs.ends |= {run.run_id: "terminated" for run in runs.started}
    runs.down = True
    with pytest.raises(Unavailable):
        await end_lost(desk.inst, after="")
    assert await desk.ends() == []
