"""A job that has many begin again: attempts at one page that meet are one, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import insert, select, update

from domain.jobs import EnrollmentCall
from domain.names import EnrollmentName, enrollment_run_id
from services.installation import Installation
from services.jobs.bulk_audiences import Order
from services.jobs.bulk_enrollment import enroll_page
from services.jobs.bulk_retrying import preview_retry, request_retry
from services.jobs.jobs import begin, steer
from store import tables
from store.enrollments import insert_enrollment
from store.ids import new_id
from tests.activities.calls import act
from tests.builders import Standing, make_record, stand_at_action
from tests.fixtures.clock import FixedClock

COUNT = 7


async def failed(inst: Installation) -> Standing:
    """Seven passages of one workflow that ended with a step that failed."""
    contact = await make_record(inst, "contact", {"email": "c0@example.com"})
    standing = await stand_at_action(inst, contact, "send_email", {"email": "gone", "transactional": True})
    assert (await act(standing, "send_email")).reason == "broken_reference"
    (visit,) = await standing.rows(tables.visits)
    mine = standing.enrollment
    for n in range(1, COUNT):
        other = await make_record(inst, "contact", {"email": f"c{n}@example.com"})
        name = EnrollmentName(workflow_id=mine.workflow_id, record_id=other.id, bound_id=None, n=1)
        values = {"id": new_id(standing.now), "record_id": other.id, "key": other.id, "run_id": enrollment_run_id(name)}
        async with inst.db.transaction() as tx:
            await insert_enrollment(tx, mine.model_copy(update=values))
            await tx.run(insert(tables.visits), **{**visit, "enrollment_id": values["id"], "record_id": other.id})
    async with inst.db.transaction() as tx:
        over = {"status": "ended", "end_reason": "completed", "ended_at": standing.now}
        await tx.run(update(tables.enrollments).values(**over))
        for row in await tx.all(select(tables.enrollments)):
            key = {"workflow_id": row["workflow_id"], "key": row["key"], "record_id": row["record_id"], "entries": 1}
            await tx.run(insert(tables.entry_keys), **key)
    return standing


async def test_attempts_at_a_page_that_meet_begin_nobody_twice(installation: Installation, clock: FixedClock) -> None:
    standing = await failed(installation)
    clock.advance(timedelta(minutes=1))
    mine = standing.enrollment.workflow_id
    # Six a minute: a page has one.
    order = Order(
        kind="retry", workflow="test-workflow", workflow_id=mine, object="contact", rate_per_minute=12
    )  # fmt: skip
    async with installation.db.transaction() as tx:
        assert await preview_retry(tx, order, now=clock.now()) == {standing.call().step: COUNT}
        job = await request_retry(tx, order, now=clock.now())
    await begin(installation, job)
    call = EnrollmentCall(job_id=job.id)
    done: list[int] = []
    while True:
        made = await asyncio.gather(*(enroll_page(installation, call) for _ in range(3)))
        progress = max(made, key=lambda each: each.cursor)
        done.append(progress.cursor)
        if progress.is_over:
            break
        call = progress.next_call(job.id)
    assert done == sorted(done)
    assert (progress.counts, progress.total) == ({"enrolled": COUNT}, COUNT)
    rows = await standing.rows(tables.enrollments)
    again = [row["retried_from"] for row in rows if row["retried_from"] is not None]
    assert (len(rows), len(again), len(set(again))) == (2 * COUNT, COUNT, COUNT)
    assert {row["n"] for row in rows if row["retried_from"] is not None} == {2}


async def test_a_cancelled_job_begins_nobody(installation: Installation, clock: FixedClock) -> None:
    standing = await failed(installation)
    order = Order(
        kind="retry", workflow="test-workflow", workflow_id=standing.enrollment.workflow_id, object="contact"
    )  # fmt: skip
    async with installation.db.transaction() as tx:
        job = await request_retry(tx, order, now=clock.now())
    await steer(installation, job.id, "cancel")
    assert (await enroll_page(installation, EnrollmentCall(job_id=job.id))).status == "cancelled"
    assert len(await standing.rows(tables.enrollments)) == COUNT
