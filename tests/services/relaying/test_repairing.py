"""What jobs and schedules missed when Temporal was restored from an earlier moment than the database."""

from __future__ import annotations

from sqlalchemy import select

from services.installation import Installation
from services.recurring.recurring import tell_recurrences
from services.relaying.repairing import catch_up, knows_no_run
from store.jobs import insert_job, update_job
from store.tables import audit_entries
from tests.fixtures.clock import FixedClock
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk

MONDAYS = {"every": "week", "weekdays": ["mon"], "at": "09:00", "timezone": "Europe/Oslo"}


async def test_unfinished_jobs_have_their_runs_again_and_schedules_are_looked_at_anew(
    installation: Installation, runs: RecordingRuns, clock: FixedClock
) -> None:
    desk, now = Desk(installation), clock.now()
    entry = {"triggers": [{"id": "t1", "on": "filter", "where": {"property": "country", "op": "is", "value": "NO"}}]}
    await desk.publish(by_hand("weekly", [gap(days=1)], type="scheduled", schedule=MONDAYS, entry=entry))
    await tell_recurrences(installation)
    async with installation.db.transaction() as tx:
        jobs = [await insert_job(tx, kind="import", scope="records:write", input={}, now=now) for _ in range(4)]
        for job, status in zip(jobs, ("running", "paused", "completed", "cancelled"), strict=True):
            await update_job(tx, job.id, status=status, cursor=100, now=now)
    runs.jobs.clear()
    runs.recurrences.clear()

    await catch_up(installation)
    assert runs.jobs == [job.id for job in jobs[:2]]
    await tell_recurrences(installation)
    assert runs.recurrences == [("weekly", True)]
    async with installation.db.read() as read:
        noted = await read.all(select(audit_entries).where(audit_entries.c.what == "installation.caught_up"))
    assert [row["after"] for row in noted] == [{"told": 0, "anew": 0, "jobs": 2}]


async def test_a_temporal_knows_nobody_only_if_it_knows_not_one_of_somebody(
    installation: Installation, runs: RecordingRuns
) -> None:
    desk = Desk(installation)
    journey = await desk.publish(by_hand("journey", [gap(days=1)]))
    assert not await knows_no_run(installation)
    for n in range(25):
        await desk.enroll(journey, await desk.create("contact", email=f"c{n}@example.com"))
    await desk.work_off()
    assert len(runs.started) == 25
    for run in runs.started[:-1]:
        runs.ends[run.run_id] = "not found"
    assert not await knows_no_run(installation)
    runs.ends[runs.started[-1].run_id] = "not found"
    assert await knows_no_run(installation)
