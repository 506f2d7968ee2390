"""Enrolling many, page by page, on both databases and without a Temporal server."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

import services.jobs.bulk_enrollment
from domain.errors import Invalid, NotFound
from domain.jobs import EnrollmentCall, EnrollmentProgress, page_limit
from services.authoring.workflows import turn_off
from services.installation import Installation
from services.jobs.bulk_audiences import Order
from services.jobs.bulk_enrollment import enroll_page, request_bulk, request_existing
from services.jobs.jobs import steer
from services.records.associating import Link
from store.database import Row
from store.jobs import Job, get_job, list_job_rows
from store.list_tables import list_members, lists
from store.tables import deliveries, enrollments, entry_decisions, workflows
from tests.fixtures.clock import START, FixedClock
from tests.fixtures.runs import RecordingRuns
from tests.fixtures.statements import counting
from tests.runs.definitions import by_hand, engaging, follow_up, gap
from tests.services.desk import Desk as PlainDesk
from tests.services.relaying.test_intake import Desk

NORWAY = {"property": "country", "op": "is", "value": "NO"}
FILTER = {"id": "t1", "on": "filter", "where": NORWAY}


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.jobs.PAGE", 3)


async def workflow_of(desk: Desk, slug: str) -> Row:
    async with desk.inst.db.read() as read:
        found = await read.one(select(workflows).where(workflows.c.slug == slug))
    assert found is not None
    return found


async def requested(desk: Desk, slug: str, *, ids: list[str] | None = None, **audience: Any) -> Job:
    workflow = await workflow_of(desk, slug)
    count = None if ids is None else len(ids)
    order = Order(workflow=slug, workflow_id=workflow["id"], object=workflow["object"], ids=count, **audience)
    async with desk.inst.db.transaction() as tx:
        return await request_bulk(tx, desk.inst, workflow, order, ids=ids or (), now=desk.inst.clock.now())


async def existing(desk: Desk, slug: str, version: int = 1) -> Job:
    async with desk.inst.db.transaction() as tx:
        return await request_existing(tx, desk.inst, slug, version, now=desk.inst.clock.now())


async def worked(inst: Installation, job: Job) -> EnrollmentProgress:
    progress = await enroll_page(inst, EnrollmentCall(job_id=job.id))
    while not progress.is_over:
        before = progress
        progress = await enroll_page(inst, progress.next_call(job.id))
        assert progress.cursor >= before.cursor
    return progress


async def contacts(desk: Desk, count: int, **properties: Any) -> list[str]:
    return [await desk.create("contact", email=f"c{n}@example.com", **properties) for n in range(count)]


async def test_a_condition_lets_in_whoever_satisfies_it_page_by_page(
    desk: Desk, runs: RecordingRuns, small_pages: None
) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    inside = await contacts(desk, 7, country="NO")
    await desk.create("contact", email="se@example.com", country="SE")

    job = await requested(desk, "journey", where=NORWAY)
    assert (job.total, job.status) == (7, "queued")
    progress = await worked(desk.inst, job)

    assert (progress.status, progress.cursor, progress.total) == ("done", 7, 7)
    assert progress.counts == {"enrolled": 7}
    assert sorted(run.record_id for run in runs.started) == inside
    async with desk.inst.db.read() as read:
        assert await read.all(select(deliveries)) == [], "every start was crossed out"
        causes = await read.all(select(entry_decisions.c.cause_kind, entry_decisions.c.cause_id).distinct())
    assert [(row["cause_kind"], row["cause_id"]) for row in causes] == [("bulk", job.id)]


async def test_everybody_is_decided_about_as_if_enrolled_alone(desk: Desk) -> None:
    suppress = {"property": "city", "op": "is", "value": "Oslo"}
    workflow = await desk.publish(by_hand("journey", [gap(days=1)], entry={"suppress": suppress}))
    first, *_ = await contacts(desk, 3, country="NO")
    await desk.create("contact", email="oslo@example.com", country="NO", city="Oslo")
    await desk.enroll(workflow, first)

    progress = await worked(desk.inst, await requested(desk, "journey", where=NORWAY))
    assert progress.counts == {"absorbed_update": 1, "enrolled": 2, "suppressed": 1}
    async with desk.inst.db.transaction() as tx:
        await tx.run(update(enrollments).values(status="ended"))
    progress = await worked(desk.inst, await requested(desk, "journey", where=NORWAY))
    assert progress.counts == {"re_entry_off": 3, "suppressed": 1}


async def test_whoever_comes_after_the_order_is_not_of_it(desk: Desk, clock: FixedClock, small_pages: None) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    await contacts(desk, 4, country="NO")
    job = await requested(desk, "journey", where=NORWAY)
    await enroll_page(desk.inst, EnrollmentCall(job_id=job.id))
    clock.advance(timedelta(seconds=1))
    await desk.create("contact", email="late@example.com", country="NO")
    progress = await worked(desk.inst, job)
    assert (progress.cursor, progress.total, progress.counts) == (4, 4, {"enrolled": 4})


async def test_ids_that_were_sent_are_told_one_by_one(desk: Desk, small_pages: None) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    known = await contacts(desk, 4)
    company = await desk.create("company", name="Acme")
    job = await requested(desk, "journey", ids=[*reversed(known), known[0], company, "nobody"])
    assert job.total == 6

    progress = await worked(desk.inst, job)
    assert progress.counts == {"enrolled": 4, "no_record": 2}
    async with desk.inst.db.read() as read:
        rows = await list_job_rows(read, job.id, limit=100)
        refused = await list_job_rows(read, job.id, outcome="no_record", limit=100)
    assert Counter(row.outcome for row in rows) == {"enrolled": 4, "no_record": 2}
    assert [row.cells for row in refused] == [[company], ["nobody"]]


async def test_a_list_lets_its_members_in(desk: Desk) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    members = await contacts(desk, 3)
    await desk.create("contact", email="no-member@example.com")
    async with desk.inst.db.transaction() as tx:
        for slug, object in (("vips", "contact"), ("firms", "company")):
            values = {"id": slug, "slug": slug, "name": slug, "object": object, "condition": None, "revision": 1}
            await tx.insert_ignore(lists, [{**values, "created_at": START, "updated_at": START}])
        await tx.insert_ignore(list_members, [{"list_id": "vips", "record_id": m, "since": START} for m in members])

    assert (await worked(desk.inst, await requested(desk, "journey", list="vips"))).counts == {"enrolled": 3}
    with pytest.raises(NotFound, match="no list nobody"):
        await requested(desk, "journey", list="nobody")
    with pytest.raises(Invalid, match="firms is a list of company records"):
        await requested(desk, "journey", list="firms")


async def test_what_cannot_be_asked_is_refused_at_once(desk: Desk) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    with pytest.raises(Invalid) as wrong:
        await requested(desk, "journey", where={"property": "shoe_size", "op": "is", "value": 1})
    assert [error.path for error in wrong.value.errors] == ["/where/property"]
    with pytest.raises(Invalid) as wrong:
        await requested(desk, "journey", where=NORWAY, parameters={"offer": "red"})
    assert [error.path for error in wrong.value.errors] == ["/parameters/offer"]


async def test_an_attempt_whose_answer_was_lost_is_answered_and_not_repeated(desk: Desk, small_pages: None) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    await contacts(desk, 7, country="NO")
    job = await requested(desk, "journey", where=NORWAY)
    first = await enroll_page(desk.inst, EnrollmentCall(job_id=job.id))
    call = first.next_call(job.id)
    second = await enroll_page(desk.inst, call)
    assert await enroll_page(desk.inst, call) == second
    assert (second.cursor, (await worked(desk.inst, job)).counts) == (6, {"enrolled": 7})


async def test_a_page_that_breaks_leaves_nothing_and_is_done_again(
    desk: Desk, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    await contacts(desk, 5, country="NO")
    job = await requested(desk, "journey", where=NORWAY)
    await enroll_page(desk.inst, EnrollmentCall(job_id=job.id))
    with monkeypatch.context() as broken:

        async def fail(*_: Any, **__: Any) -> None:
            raise OSError("the process ends here")

        broken.setattr(services.jobs.bulk_enrollment, "_account", fail)
        with pytest.raises(OSError, match="ends here"):
            await enroll_page(desk.inst, EnrollmentCall(job_id=job.id))
    assert await desk.decisions() == {"enrolled": 3}
    assert (await worked(desk.inst, job)).counts == {"enrolled": 5}
    assert await desk.decisions() == {"enrolled": 5}


async def test_starts_that_were_not_made_are_left_to_the_relays(
    desk: Desk, runs: RecordingRuns, clock: FixedClock
) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    await contacts(desk, 3, country="NO")
    runs.down = True
    progress = await worked(desk.inst, await requested(desk, "journey", where=NORWAY))
    assert progress.counts == {"enrolled": 3}
    runs.down = False
    clock.advance(timedelta(seconds=30))
    await desk.work_off()
    assert len(runs.started) == 3


async def test_a_paused_job_stands_still_and_a_cancelled_one_is_over(desk: Desk, small_pages: None) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    await contacts(desk, 7, country="NO")
    job = await requested(desk, "journey", where=NORWAY)
    await enroll_page(desk.inst, EnrollmentCall(job_id=job.id))
    await steer(desk.inst, job.id, "pause")
    paused = await enroll_page(desk.inst, EnrollmentCall(job_id=job.id))
    assert (paused.status, paused.cursor) == ("paused", 3)
    await steer(desk.inst, job.id, "resume")
    assert (await enroll_page(desk.inst, EnrollmentCall(job_id=job.id))).cursor == 6
    await steer(desk.inst, job.id, "cancel")
    progress = await worked(desk.inst, job)
    assert (progress.status, progress.counts) == ("cancelled", {"enrolled": 6})


async def test_a_workflow_that_is_off_lets_nobody_in_and_says_so(desk: Desk) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    await contacts(desk, 2, country="NO")
    async with desk.inst.db.transaction() as tx:
        await turn_off(tx, desk.inst, "journey", now=START)
    assert (await worked(desk.inst, await requested(desk, "journey", where=NORWAY))).counts == {"workflow_off": 2}


async def test_a_list_that_is_gone_ends_the_job_with_the_reason(desk: Desk) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)]))
    async with desk.inst.db.transaction() as tx:
        values = {"id": "vips", "slug": "vips", "name": "VIPs", "object": "contact", "condition": None, "revision": 1}
        await tx.insert_ignore(lists, [{**values, "created_at": START, "updated_at": START}])
    job = await requested(desk, "journey", list="vips")
    async with desk.inst.db.transaction() as tx:
        await tx.run(lists.delete())
    progress = await worked(desk.inst, job)
    async with desk.inst.db.read() as read:
        found = await get_job(read, job.id)
    assert found is not None
    assert (progress.status, found.error) == ("failed", "there is no list vips")


async def test_publishing_takes_in_whoever_matches_a_filter_trigger(desk: Desk, small_pages: None) -> None:
    inside = await contacts(desk, 4, country="NO")
    await desk.create("contact", email="se@example.com", country="SE")
    await desk.work_off()
    city = {"id": "t2", "on": "filter", "where": {"property": "city", "op": "is", "value": "Oslo"}}
    created = {"id": "t3", "on": "created"}
    await desk.publish(by_hand("journey", [gap(days=1)], entry={"triggers": [FILTER, city, created]}))
    await desk.patch(inside[0], city="Oslo")

    progress = await worked(desk.inst, await existing(desk, "journey"))
    assert (progress.total, progress.counts) == (4, {"enrolled": 4})
    async with desk.inst.db.read() as read:
        rows = await read.all(select(entry_decisions).order_by(entry_decisions.c.record_id))
    assert {(row["trigger"], row["cause_kind"]) for row in rows} == {("t1", "publish")}
    assert [seen["value"] for seen in rows[0]["seen"]] == ["NO"]


async def test_opportunity_triggers_bind_what_matched(desk: Desk, small_pages: None) -> None:
    """More contacts than a page on one opportunity, and a contact with two opportunities."""
    people = await contacts(desk, 7)
    everybody = tuple(Link(object="contact", id=id) for id in people)
    await desk.create("opportunity", everybody, name="Big", stage="Engaging")
    await desk.create("opportunity", everybody[:1], name="Small", stage="Engaging")
    await desk.create("opportunity", everybody[:1], name="Won", stage="Won")
    await desk.create("opportunity", name="Nobody's", stage="Engaging")
    await desk.work_off()
    await desk.publish({**follow_up("follow-up", wait={"days": 1}), "allow_multiple_opportunities": True})

    progress = await worked(desk.inst, await existing(desk, "follow-up"))
    assert (progress.status, progress.cursor, progress.total) == ("done", 3, 3)
    assert progress.counts == {"enrolled": 8}
    async with desk.inst.db.read() as read:
        rows = await read.all(select(enrollments.c.record_id, enrollments.c.bound_object, enrollments.c.trigger))
    assert Counter(row["record_id"] for row in rows)[people[0]] == 2
    assert {(row["bound_object"], row["trigger"]) for row in rows} == {("opportunity", engaging()["id"])}


async def test_without_a_filter_trigger_nobody_matches(desk: Desk) -> None:
    await desk.publish(by_hand("journey", [gap(days=1)], entry={"triggers": [{"id": "t1", "on": "created"}]}))
    with pytest.raises(Invalid, match="no filter trigger"):
        await existing(desk, "journey")


@pytest.mark.parametrize(("rate", "size"), [(None, 100), (6000, 100), (60, 10), (5, 1)])
def test_a_slow_job_goes_in_small_steps(rate: int | None, size: int) -> None:
    assert page_limit(rate) == size


def test_a_page_is_followed_by_the_time_its_entries_take_at_the_rate() -> None:
    def after(entered: int) -> EnrollmentProgress:
        return EnrollmentProgress(
            status="running", total=90, cursor=20, counts={"enrolled": entered, "suppressed": 5}, rate_per_minute=60
        )

    assert after(15).pause_s(5) == 10
    assert after(15).pause_s(15) == 0
    assert after(15).pause_s(None) == 10, "nobody knows when the page before was"
    assert after(15).model_copy(update={"rate_per_minute": None}).pause_s(5) == 0


async def test_starts_of_a_page_are_read_and_crossed_out_together(desk: Desk) -> None:
    await desk.publish(by_hand("journey", [gap(days=2)]))
    ids = await contacts(desk, 8)
    sent: list[int] = []
    for some in (ids[:2], ids[2:]):
        job = await requested(desk, "journey", ids=some)
        with counting() as statements:
            await worked(desk.inst, job)
        carried = [s for s in statements if "deliveries" in s and not s.startswith("INSERT")]
        read = [s for s in statements if " FROM enrollments" in s.replace("\n", " ") and " IN (" in s]
        sent.append(len(carried) + len(read))
    assert sent[0] == sent[1]
    async with desk.inst.db.read() as read_:
        assert await read_.all(select(deliveries)) == []


async def test_who_a_change_let_in_after_publishing_does_not_enter_a_second_time(desk: Desk, clock: FixedClock) -> None:
    late = await desk.create("contact", email="late@example.com", country="SE")
    old = await desk.create("contact", email="old@example.com", country="NO")
    await desk.work_off()
    re_entry = {"allowed": True, "triggers": ["t1"]}
    await desk.publish(by_hand("journey", [gap(days=1)], entry={"triggers": [FILTER], "re_entry": re_entry}))
    job = await existing(desk, "journey")
    clock.advance(timedelta(seconds=1))
    await desk.patch(late, country="NO")
    await desk.work_off()
    other = PlainDesk(desk.inst)
    assert [e["record_id"] for e in await other.enrollments()] == [late]
    await other.end_all()
    await worked(desk.inst, job)
    assert [e["record_id"] for e in await other.enrollments()] == [late, old]


async def test_who_came_in_as_existing_is_not_let_in_by_a_change_that_was_seen_then(
    desk: Desk, clock: FixedClock
) -> None:
    late = await desk.create("contact", email="late@example.com", country="SE")
    await desk.work_off()
    re_entry = {"allowed": True, "triggers": ["t1"]}
    await desk.publish(by_hand("journey", [gap(days=1)], entry={"triggers": [FILTER], "re_entry": re_entry}))
    job = await existing(desk, "journey")
    clock.advance(timedelta(seconds=1))
    await desk.patch(late, country="NO")
    await worked(desk.inst, job)
    other = PlainDesk(desk.inst)
    await other.end_all()
    await desk.work_off()
    assert [e["record_id"] for e in await other.enrollments()] == [late]
    for country in ("SE", "NO"):
        await desk.patch(late, country=country)
        await desk.work_off()
    assert [e["record_id"] for e in await other.enrollments()] == [late, late]
