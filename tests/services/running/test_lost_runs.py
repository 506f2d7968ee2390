"""An enrollment whose run is over in Temporal ends too, and no other: least of all one whose run is not found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.errors import Unavailable
from domain.jobs import EnrollmentCall
from domain.names import job_run_id
from domain.telling import tell_end
from services.installation import Installation
from services.jobs.bulk_enrollment import enroll_page
from services.jobs.jobs import steer
from services.running.lost_runs import QUIET, Look, end_lost, fail_lost_jobs, missing_runs
from store.enrollments import started_enrollments
from store.intake import add_delivery
from store.jobs import Job, get_job
from store.tables import deliveries
from tests.fixtures.clock import FixedClock
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, gap
from tests.services.jobs.test_bulk_enrollment import worked
from tests.services.jobs.test_bulk_leaving import ordered
from tests.services.relaying.test_intake import Desk


def look(*, looked_at: int = 0, ended: int = 0, not_found: int = 0) -> Look:
    """A round that came to the last enrollment."""
    return Look(looked_at=looked_at, ended=ended, not_found=not_found, next_after="")


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
    assert await end_lost(desk.inst, after="") == look()


@pytest.mark.parametrize("end", ["terminated", "timed out", "failed", "cancelled", "completed"])
async def test_who_lost_their_run_fails_and_may_enter_again(desk: Desk, runs: RecordingRuns, end: str) -> None:
    await desk.work_off()
    runs.ends[runs.started[1].run_id] = end  # type: ignore[assignment]
    assert await end_lost(desk.inst, after="") == look(looked_at=3, ended=1)
    assert await desk.ends() == [("failed", f"its run was {end} in Temporal")]
    assert tell_end(*(await desk.ends())[0]) == f"stopped: its run was {end} in Temporal", "no step failed"
    assert await end_lost(desk.inst, after="") == look(looked_at=2)


async def test_whose_run_is_not_found_is_counted_and_listed_but_stays_inside(desk: Desk, runs: RecordingRuns) -> None:
    await desk.work_off()
    gone = sorted(run.run_id for run in runs.started)[1:]
    runs.ends |= dict.fromkeys(gone, "not found")
    assert await end_lost(desk.inst, after="") == look(looked_at=3, not_found=2)
    listed = [one.run_id async for one in missing_runs(desk.inst, portion=2)]
    assert listed == gone
    assert await desk.ends() == []


async def test_a_signal_that_finds_no_run_is_done_and_ends_nobody(desk: Desk, runs: RecordingRuns) -> None:
    await desk.work_off()
    runs.ends |= {run.run_id: "not found" for run in runs.started}
    async with desk.inst.db.transaction() as tx:
        inside = (await started_enrollments(tx, after="", limit=1))[0]
        await add_delivery(tx, inside.id, "record_changed", {}, now=desk.inst.clock.now())
    await desk.work_off()
    assert [signal[0] for signal in runs.signals] == [inside.run_id]
    async with desk.inst.db.read() as read:
        assert await read.all(select(deliveries)) == []
    assert await desk.ends() == []


async def test_rounds_go_on_where_the_last_one_stopped_and_begin_anew(desk: Desk, runs: RecordingRuns) -> None:
    await desk.work_off()
    runs.ends |= {run.run_id: "terminated" for run in runs.started}
    first = await end_lost(desk.inst, after="", limit=2)
    assert first.ended == 2
    assert first.next_after != ""
    assert await end_lost(desk.inst, after=first.next_after, limit=2) == look(looked_at=1, ended=1)


async def test_a_temporal_that_does_not_answer_ends_nobody(desk: Desk, runs: RecordingRuns) -> None:
    await desk.work_off()
    runs.ends |= {run.run_id: "terminated" for run in runs.started}
    runs.down = True
    with pytest.raises(Unavailable):
        await end_lost(desk.inst, after="")
    assert await desk.ends() == []


async def begun(desk: Desk, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job of which one page was worked on, a while ago."""
    monkeypatch.setattr("domain.jobs.PAGE", 1)
    job = await ordered(desk, "journey", ids=["nobody", "none", "no one"])
    await enroll_page(desk.inst, EnrollmentCall(job_id=job.id))
    clock.advance(QUIET + timedelta(seconds=1))
    return await now_is(desk, job)


async def now_is(desk: Desk, job: Job) -> Job:
    async with desk.inst.db.read() as read:
        found = await get_job(read, job.id)
    assert found is not None
    return found


async def test_a_job_whose_run_is_over_fails_and_says_why(
    desk: Desk, runs: RecordingRuns, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await begun(desk, clock, monkeypatch)
    assert (job.status, job.cursor) == ("running", 1)
    assert await fail_lost_jobs(desk.inst) == (0, 0), "it goes on"
    runs.ends[job_run_id(job.kind, job.id)] = "terminated"
    assert await fail_lost_jobs(desk.inst) == (1, 0)
    found = await now_is(desk, job)
    assert (found.status, found.error, found.cursor) == ("failed", "its run was terminated in Temporal", 1)
    assert found.finished_at == clock.now()
    assert await fail_lost_jobs(desk.inst) == (0, 0)


async def test_a_job_whose_run_is_not_found_or_that_was_just_resumed_is_left_alone(
    desk: Desk, runs: RecordingRuns, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await begun(desk, clock, monkeypatch)
    run = job_run_id(job.kind, job.id)
    runs.ends[run] = "not found"
    assert await fail_lost_jobs(desk.inst) == (0, 1)
    runs.ends[run] = "terminated"
    await steer(desk.inst, job.id, "pause")
    assert await fail_lost_jobs(desk.inst) == (0, 0)
    await steer(desk.inst, job.id, "resume")
    assert await fail_lost_jobs(desk.inst) == (0, 0)
    assert (await worked(desk.inst, await now_is(desk, job))).status == "done"
