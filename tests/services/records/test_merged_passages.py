"""What two merged records went through before counts for the one that stays, and is told of it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from services.installation import Installation
from services.records.associating import Link
from services.telling.timeline import EnrollmentTimeline, tell_enrollment, tell_record
from store.listing import Filters, list_enrollments
from store.tables import enrollments, entry_decisions, messages, visits
from store.visits import earlier_edge, put_visit
from tests.runs.definitions import by_hand, engaging, gap
from tests.services.entering.test_opportunities import deals, engage, qualify_again, told
from tests.services.leaving.test_late_goals import OSLO, emailed, report
from tests.services.records.test_merging import Merging, two

LONG = [gap(days=9)]


@pytest.fixture
def desk(installation: Installation) -> Merging:
    return Merging(installation)


async def timeline(desk: Merging) -> EnrollmentTimeline:
    """The story of the only enrollment."""
    async with desk.inst.db.read() as read:
        (row,) = await list_enrollments(read, Filters(), after=None, limit=9)
        return await tell_enrollment(read, row)


async def test_a_completed_workflow_of_the_merged_record_still_suppresses(desk: Merging) -> None:
    welcome = await desk.publish(by_hand("welcome", LONG))
    suppress = {"workflow": "welcome", "status": "completed"}
    other = await desk.publish(by_hand("other", LONG, entry={"triggers": [], "suppress": suppress}))
    gone, stays = await two(desk)
    await desk.enroll(welcome, gone)
    await desk.end_all()
    await desk.work_off()
    assert await desk.enroll(other, gone) == "suppressed"
    await desk.merge(gone, stays)
    await desk.work_off()
    assert await desk.enroll(other, stays) == "suppressed"


async def test_a_goal_after_the_merge_converts_who_went_through_before_it(desk: Merging) -> None:
    workflow = await desk.publish(by_hand("journey", [gap(days=1)], exit={"goals": [OSLO]}))
    gone = await desk.create("contact", email="ana@example.com")
    stays = await desk.create("contact", first_name="A.")
    await desk.enroll(workflow, gone)
    await desk.work_off()
    await desk.end_all()
    await emailed(desk)
    await desk.merge(gone, stays)
    await desk.work_off()
    await desk.patch(stays, city="Oslo")
    await desk.work_off()
    assert (await report(desk)).totals.converted == 1


async def test_a_report_counts_two_merged_records_once(desk: Merging) -> None:
    workflow = await desk.publish(by_hand("journey", [gap(days=1)], exit={"goals": [OSLO]}))
    gone = await desk.create("contact", email="ana@example.com")
    stays = await desk.create("contact", first_name="A.")
    for each in (gone, stays):
        await desk.enroll(workflow, each)
    await desk.work_off()
    await desk.end_all()
    await emailed(desk)
    await desk.merge(gone, stays)
    await desk.work_off()
    assert (await report(desk)).totals.records == 1


@pytest.mark.parametrize("merged", [False, True])
async def test_an_opportunity_that_ran_once_does_not_run_again_after_a_merge(desk: Merging, merged: bool) -> None:
    await desk.publish(deals(many=False, again=False))
    gone = await desk.create("contact", email="ana@example.com")
    stays = await desk.create("contact", first_name="A.")
    (deal,) = await engage(desk, gone, "A")
    await desk.end_all()
    await desk.publish(deals(many=True, again=False))
    if merged:
        await desk.merge(gone, stays)
        await desk.work_off()
    await qualify_again(desk, deal)
    assert "enrolled" not in (await told(desk))[1:], await told(desk)


@pytest.mark.parametrize("over", [False, True])
async def test_an_opportunity_that_is_merged_is_in_no_passage_any_more(desk: Merging, over: bool) -> None:
    await desk.publish(by_hand("deals", LONG, entry={"triggers": [engaging()]}))
    contact = await desk.create("contact", email="ana@example.com")
    gone = await desk.create("opportunity", (Link(object="contact", id=contact),), name="One", stage="Engaging")
    stays = await desk.create("opportunity", name="Two")
    await desk.work_off()
    if over:
        await desk.end_all()
    await desk.merge(gone, stays, "opportunity")
    async with desk.inst.db.read() as read:
        passages = await read.all(select(enrollments.c.record_id, enrollments.c.bound_id, enrollments.c.key))
        decided = await read.all(select(entry_decisions.c.record_id, entry_decisions.c.bound_id))
    assert [tuple(row.values()) for row in passages] == [(contact, stays, f"{contact}:{stays}")]
    assert [tuple(row.values()) for row in decided] == [(contact, stays)]


async def test_a_split_sends_the_survivor_where_the_merged_record_went(desk: Merging) -> None:
    workflow = await desk.publish(by_hand("plain", LONG))
    gone, stays = await two(desk)
    await desk.enroll(workflow, gone)
    (enrollment,) = await desk.enrollments()
    async with desk.inst.db.transaction() as tx:
        visit = {name: enrollment[name] for name in ("workflow_id", "version", "record_id")}
        at = desk.inst.clock.now()
        key = {"enrollment_id": enrollment["id"], "step": "halves", "n": 1, "turn": 0}
        await put_visit(
            tx, {**visit, **key, "kind": "split", "entered_at": at, "left_at": at, "outcome": "done", "edge": "b"}
        )
    await desk.end_all()
    await desk.merge(gone, stays)
    async with desk.inst.db.read() as read:
        assert await earlier_edge(read, workflow, stays, "halves", ["a", "b"]) == "b"
        assert {row["record_id"] for row in await read.all(select(visits.c.record_id))} == {stays}


@pytest.mark.parametrize("merged", [False, True])
async def test_an_enrollment_still_tells_why_it_entered(desk: Merging, merged: bool) -> None:
    workflow = await desk.publish(by_hand("plain", LONG))
    gone, stays = await two(desk)
    await desk.enroll(workflow, gone)
    if merged:
        await desk.merge(gone, stays)
    assert (await timeline(desk)).entry is not None


async def test_two_that_one_change_let_in_both_tell_it_afterwards(desk: Merging) -> None:
    trigger = {"id": "t1", "on": "filter", "object": "opportunity",
               "where": {"property": "stage", "op": "is", "value": "Engaging"}}  # fmt: skip
    await desk.publish(by_hand("deals", LONG, entry={"triggers": [trigger]}))
    gone, stays = await two(desk)
    both = (Link(object="contact", id=gone), Link(object="contact", id=stays))
    await desk.create("opportunity", both, name="Deal", stage="Engaging")
    await desk.work_off()
    await desk.merge(gone, stays)
    async with desk.inst.db.read() as read:
        rows = await read.all(select(entry_decisions.c.record_id, entry_decisions.c.decision))
    assert [tuple(row.values()) for row in rows] == [(stays, "enrolled"), (stays, "enrolled")]


async def test_messages_to_the_merged_record_are_the_survivors(desk: Merging) -> None:
    workflow = await desk.publish(by_hand("plain", LONG))
    gone, stays = await two(desk)
    await desk.enroll(workflow, gone)
    await emailed(desk)
    await desk.merge(gone, stays)
    async with desk.inst.db.read() as read:
        assert [row["record_id"] for row in await read.all(select(messages.c.record_id))] == [stays]


async def test_every_merge_of_an_enrollment_is_told_in_its_timeline(desk: Merging) -> None:
    workflow = await desk.publish(by_hand("plain", LONG))
    gone, stays = await two(desk)
    last = await desk.create("contact", first_name="Ana")
    await desk.enroll(workflow, gone)
    await desk.merge(gone, stays)
    await desk.merge(stays, last)
    told = (await timeline(desk)).merges
    assert [(merge.gone, merge.into) for merge in told] == [(gone, stays), (stays, last)]
    assert told[0].words == f"the contact {gone} was merged into it"


@pytest.mark.parametrize("of", ["gone", "stays"])
async def test_a_merge_is_told_in_the_timeline_of_both_records(desk: Merging, of: str) -> None:
    gone, stays = await two(desk)
    await desk.merge(gone, stays)
    async with desk.inst.db.read() as read:
        items = await tell_record(read, gone if of == "gone" else stays, ["change"], after=None, limit=9)
    words = [item.words for _, item in items if "merged" in item.words]
    assert words == [f"merged into the contact {stays}" if of == "gone" else f"the contact {gone} was merged into it"]
