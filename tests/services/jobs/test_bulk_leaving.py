"""Taking many out of a workflow, page by page, on both databases and without a Temporal server."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from domain.jobs import EnrollmentCall
from domain.records import Cause
from services.entering.enrolling import EnrollRequest, enroll
from services.installation import Installation
from services.jobs.bulk_audiences import Order
from services.jobs.bulk_enrollment import enroll_page, request_bulk
from services.jobs.jobs import steer
from services.leaving.leaving import end_enrollment
from services.lists.lists import add_member, create_list
from services.records.associating import Link
from store.database import Database
from store.jobs import Job, get_job, list_job_rows
from store.tables import deliveries, enrollments, workflows
from tests.fixtures.clock import FixedClock
from tests.fixtures.databases import until_it_waits
from tests.fixtures.installations import assemble
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, follow_up, gap
from tests.services.jobs.test_bulk_enrollment import NORWAY, contacts, worked
from tests.services.relaying.test_intake import Desk


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.jobs.PAGE", 3)


async def ordered(
    desk: Desk, slug: str, *, ids: list[str] | None = None, kind: str = "unenrollment", **who: Any
) -> Job:
    async with desk.inst.db.transaction() as tx:
        workflow = await tx.one(select(workflows).where(workflows.c.slug == slug))
        assert workflow is not None
        order = Order.model_validate(
            {"kind": kind, "workflow": slug, "workflow_id": workflow["id"], "object": workflow["object"],
             "ids": None if ids is None else len(ids), **who}
        )  # fmt: skip
        return await request_bulk(tx, desk.inst, workflow, order, ids=ids or (), now=desk.inst.clock.now())


async def everybody_enters(desk: Desk, count: int, slug: str = "journey", **properties: Any) -> list[str]:
    people = await contacts(desk, count, country="NO", **properties)
    await worked(desk.inst, await ordered(desk, slug, kind="enrollment", ids=people))
    return people


async def ends(desk: Desk) -> dict[str, tuple[str, str | None, str | None]]:
    """Status, reason and detail by record."""
    async with desk.inst.db.read() as read:
        rows = await read.all(select(enrollments))
    return {row["record_id"]: (row["status"], row["end_reason"], row["end_detail"]) for row in rows}


async def test_whoever_satisfies_a_condition_is_taken_out_and_nobody_else(desk: Desk, small_pages: None) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    people = await everybody_enters(desk, 7)
    await desk.patch(people[2], country="SE")
    outside = await desk.create("contact", email="outside@example.com", country="NO")
    job = await ordered(desk, "journey", where=NORWAY)
    assert job.total == 6, "whoever is not inside is no part of it"
    progress = await worked(desk.inst, job)
    assert (progress.status, progress.counts) == ("done", {"unenrolled": 6})
    found = await ends(desk)
    assert outside not in found
    assert found.pop(people[2])[0] == "active"
    assert set(found.values()) == {("ended", "unenrolled", f"job {job.id}")}
    async with desk.inst.db.read() as read:
        told = await read.all(select(deliveries.c.enrollment_id).where(deliveries.c.kind == "leave"))
    assert len(told) == len(set(told)) == 6


async def test_named_records_are_rows_that_say_what_became_of_them(desk: Desk) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    (inside,) = await everybody_enters(desk, 1)
    outside = await desk.create("contact", email="outside@example.com")
    job = await ordered(desk, "journey", ids=[inside, outside, "nobody"])
    assert (await worked(desk.inst, job)).counts == {"unenrolled": 1, "not_active": 2}
    async with desk.inst.db.read() as read:
        rows = await list_job_rows(read, job.id, outcome=None, after=0, limit=10)
    assert [(row.key, row.outcome) for row in rows] == [
        (inside, "unenrolled"), (outside, "not_active"), ("nobody", "not_active"),
    ]  # fmt: skip


async def test_a_page_that_is_asked_for_again_takes_out_nobody_a_second_time(desk: Desk, small_pages: None) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    await everybody_enters(desk, 4)
    job = await ordered(desk, "journey", where=NORWAY)
    first = await enroll_page(desk.inst, EnrollmentCall(job_id=job.id, cursor=0))
    again = await enroll_page(desk.inst, EnrollmentCall(job_id=job.id, cursor=0))
    assert first == again
    assert first.counts == {"unenrolled": 3}
    assert (await worked(desk.inst, job)).counts == {"unenrolled": 4}


async def test_a_page_that_breaks_takes_out_nobody(
    desk: Desk, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    await everybody_enters(desk, 3)
    job = await ordered(desk, "journey", where=NORWAY)
    ended = 0

    async def breaks(*arguments: Any, **named: Any) -> None:
        nonlocal ended
        ended += 1
        if ended == 2:
            raise ConnectionResetError("the database went away")
        await end_enrollment(*arguments, **named)

    with monkeypatch.context() as broken:
        broken.setattr("services.jobs.bulk_leaving.end_enrollment", breaks)
        with pytest.raises(ConnectionResetError):
            await worked(desk.inst, job)
    assert {status for status, _, _ in (await ends(desk)).values()} == {"active"}
    assert (await worked(desk.inst, job)).counts == {"unenrolled": 3}


async def test_an_order_is_paused_and_cancelled_between_two_pages(desk: Desk, small_pages: None) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    await everybody_enters(desk, 5)
    job = await ordered(desk, "journey", where=NORWAY)
    first = await enroll_page(desk.inst, EnrollmentCall(job_id=job.id))
    await steer(desk.inst, job.id, "pause")
    assert (await enroll_page(desk.inst, first.next_call(job.id))).counts == {"unenrolled": 3}
    await steer(desk.inst, job.id, "cancel")
    assert (await enroll_page(desk.inst, first.next_call(job.id))).status == "cancelled"
    assert sorted(status for status, _, _ in (await ends(desk)).values()) == ["active"] * 2 + ["ended"] * 3


async def test_whoever_enters_after_the_order_stays(desk: Desk, clock: FixedClock, small_pages: None) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    await everybody_enters(desk, 4)
    late = await desk.create("contact", email="late@example.com", country="NO")
    job = await ordered(desk, "journey", where=NORWAY)
    clock.advance(timedelta(seconds=1))
    await worked(desk.inst, await ordered(desk, "journey", kind="enrollment", ids=[late]))
    assert (await worked(desk.inst, job)).counts == {"unenrolled": 4}
    assert (await ends(desk))[late][0] == "active"


@pytest.mark.parametrize("how", ["where", "list", "ids"])
async def test_who_is_entering_when_the_order_is_given_is_taken_out_too(
    postgres_url: str, clock: FixedClock, runs: RecordingRuns, tmp_path: Path, how: str
) -> None:
    db = Database.open(postgres_url)
    inst = assemble(db, clock, runs, tmp_path)
    desk = Desk(inst)
    workflow = await desk.publish(by_hand("journey", [gap(days=1)]))
    inside = await everybody_enters(desk, 2)
    late = await desk.create("contact", email="late@example.com", country="NO")
    async with db.transaction() as tx:
        stamp = (await desk.write(tx)).stamp
        await create_list(tx, inst, "north", "contact", stamp)
        for each in (*inside, late):
            await add_member(tx, "north", each, stamp)
    who: dict[str, Any] = {"where": {"where": NORWAY}, "list": {"list": "north"}, "ids": {"ids": [*inside, late]}}[how]
    async with db.transaction() as tx:
        await enroll(tx, EnrollRequest(workflow_id=workflow, record_id=late, cause=Cause(kind="api")), now=clock.now())
        job = await ordered(desk, "journey", **who)
        working = asyncio.ensure_future(worked(inst, job))
        await until_it_waits(db, working)
    assert (await working).counts == {"unenrolled": 3}
    assert {status for status, _, _ in (await ends(desk)).values()} == {"ended"}
    await db.close()


async def test_everything_a_contact_runs_there_ends_whatever_it_is_bound_to(desk: Desk) -> None:
    await desk.publish(follow_up("follow-up", wait={"days": 1}))
    contact = await desk.create("contact", email="ana@example.com", country="NO")
    whose = (Link(object="contact", id=contact),)
    for n in range(2):
        await desk.create("opportunity", links=whose, name=f"deal {n}", stage="Engaging")
    await desk.work_off()
    job = await ordered(desk, "follow-up", where=NORWAY)
    assert (await worked(desk.inst, job)).counts == {"unenrolled": 1}
    async with desk.inst.db.read() as read:
        found = await read.all(select(enrollments.c.status, enrollments.c.end_reason))
        done = await get_job(read, job.id)
    assert [tuple(row.values()) for row in found] == [("ended", "unenrolled")] * 2
    assert done is not None
    assert (done.total, done.cursor) == (1, 1)
