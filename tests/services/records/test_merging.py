"""Merging records: values, associations, and what becomes of whoever runs with either of them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from domain.errors import Invalid, NotFound
from domain.messages import StepCall
from domain.records import Cause, StoredRecord
from services.entering.enrolling import EnrollRequest, enroll
from services.installation import Installation
from services.intake.events import Happened, record_event
from services.records.associating import Link
from services.records.merging import merge_records
from services.running.steps import plan_delay
from store.associations import associated_ids
from store.records import get_record
from store.tables import changes
from tests.runs.definitions import by_hand, engaging, gap, won
from tests.services.desk import Desk

LONG = [gap(days=9), gap("second", days=9)]


class Merging(Desk):
    """A desk that merges too."""

    async def merge(self, record_id: str, into: str, object: str = "contact") -> StoredRecord:
        async with self.inst.db.transaction() as tx:
            return await merge_records(tx, await self.write(tx), object, record_id, into)

    async def inside(self) -> list[tuple[str, str | None, str]]:
        """Record, bound record and key of whoever is inside, in the order of entry."""
        found = [e for e in await self.enrollments() if e["status"] != "ended"]
        return [(e["record_id"], e["bound_id"], e["key"]) for e in found]


@pytest.fixture
def desk(installation: Installation) -> Merging:
    return Merging(installation)


async def two(desk: Desk, **of_second: Any) -> tuple[str, str]:
    first = await desk.create("contact", email="ana@example.com", first_name="Ana")
    return first, await desk.create("contact", first_name="A.", city="Oslo", **of_second)


async def test_the_survivors_values_win_and_what_it_lacked_comes_from_the_other(desk: Merging) -> None:
    gone, stays = await two(desk)
    company = await desk.create("company", name="Acme", domain="acme.example.com")
    await desk.associate(gone, company, "primary")
    made = await desk.merge(gone, stays)
    assert made.properties == {"email": "ana@example.com", "first_name": "A.", "city": "Oslo"}
    async with desk.inst.db.read() as read:
        assert await get_record(read, gone) is None
        assert await associated_ids(read, stays, "company") == [company]
        assert await associated_ids(read, company, "contact") == [stays]
        rows = await read.all(select(changes).where(changes.c.kind == "merged").order_by(changes.c.seq))
    brings = {
        "from": gone,
        "events": [],
        "event_ids": [],
        "lists": [],
        "subscriptions": [],
        "workflows": [],
        "statuses": {},
        "other_objects": ["company"],
    }
    assert [(row["record_id"], row["detail"]) for row in rows] == [(gone, {"into": stays}), (stays, brings)]
    # The address is the survivor's now: nobody else can have it.
    assert (await desk.merge(await desk.create("contact", city="Bergen"), stays)).properties["city"] == "Oslo"


async def test_only_two_records_of_one_type_can_be_merged(desk: Merging) -> None:
    gone, stays = await two(desk)
    deal = await desk.create("opportunity", name="Deal")
    with pytest.raises(Invalid):
        await desk.merge(stays, stays)
    with pytest.raises(NotFound):
        await desk.merge(gone, deal)
    await desk.merge(gone, stays)
    with pytest.raises(NotFound):
        await desk.merge(gone, stays)


async def test_who_runs_goes_on_under_the_survivor_and_keeps_its_run(desk: Merging) -> None:
    workflow = await desk.publish(by_hand("plain", LONG))
    gone, stays = await two(desk)
    await desk.enroll(workflow, gone)
    (before,) = await desk.enrollments()
    await desk.merge(gone, stays)
    (after,) = await desk.enrollments()
    assert await desk.inside() == [(stays, None, stays)]
    assert (after["run_id"], after["step"]) == (before["run_id"], before["step"])
    call = StepCall(
        enrollment_id=after["id"], workflow_id=workflow, version=1, step="second", n=1, now=desk.inst.clock.now()
    )
    async with desk.inst.db.transaction() as tx:
        assert (await plan_delay(tx, desk.inst, call)).kind == "wait"
    assert await desk.enroll(workflow, stays) == "absorbed_update"


@pytest.mark.parametrize("older", ["gone", "stays"])
async def test_of_two_in_one_workflow_the_older_goes_on_and_the_newer_ends(desk: Merging, older: str) -> None:
    workflow = await desk.publish(by_hand("plain", LONG))
    gone, stays = await two(desk)
    for contact in (gone, stays) if older == "gone" else (stays, gone):
        await desk.enroll(workflow, contact)
    first, second = [e["id"] for e in await desk.enrollments()]
    await desk.merge(gone, stays)
    ended = [(e["id"], e["end_reason"], e["end_detail"]) for e in await desk.enrollments() if e["status"] == "ended"]
    assert ended == [(second, "record_merged", f"enrollment {first} goes on")]
    assert await desk.inside() == [(stays, None, stays)]


async def test_each_opportunity_goes_on_alone_and_one_of_both_only_once(desk: Merging) -> None:
    await desk.publish(by_hand("deals", LONG, entry={"triggers": [engaging()]}))
    gone, stays = await two(desk)
    both = (Link(object="contact", id=gone), Link(object="contact", id=stays))
    deals = [
        await desk.create("opportunity", links, name=name, stage="Engaging")
        for name, links in (("Of gone", both[:1]), ("Of stays", both[1:]), ("Of both", both))
    ]
    await desk.work_off()
    assert len(await desk.inside()) == 4
    await desk.merge(gone, stays)
    await desk.work_off()
    assert sorted(await desk.inside()) == sorted((stays, deal, f"{stays}:{deal}") for deal in deals)
    assert [reason for reason, _ in await desk.ends()] == ["record_merged"]


async def test_merging_opportunities_binds_to_the_one_that_stays(desk: Merging) -> None:
    await desk.publish(by_hand("deals", LONG, entry={"triggers": [engaging()]}))
    contact = await desk.create("contact", email="ana@example.com")
    link = (Link(object="contact", id=contact),)
    gone, stays = [await desk.create("opportunity", link, name=name, stage="Engaging") for name in ("One", "Two")]
    await desk.work_off()
    await desk.merge(gone, stays, "opportunity")
    await desk.work_off()
    assert await desk.inside() == [(contact, stays, f"{contact}:{stays}")]
    assert [reason for reason, _ in await desk.ends()] == ["record_merged"]


async def test_what_the_merged_record_entered_before_counts_for_the_survivor(desk: Merging) -> None:
    workflow = await desk.publish(by_hand("plain", LONG))
    gone, stays = await two(desk)
    await desk.enroll(workflow, gone)
    await desk.end_all()
    await desk.merge(gone, stays)
    assert await desk.enroll(workflow, stays) == "re_entry_off"


async def test_a_goal_the_survivor_met_before_ends_who_comes_over(desk: Merging) -> None:
    goal = {"id": "g1", "name": "Customer", "where": {"property": "lifecycle_stage", "op": "is", "value": "customer"}}
    workflow = await desk.publish(by_hand("plain", LONG, exit={"goals": [goal]}))
    gone, stays = await two(desk, lifecycle_stage="customer")
    await desk.enroll(workflow, gone)
    await desk.work_off()
    await desk.merge(gone, stays)
    await desk.work_off()
    assert await desk.ends() == [("goal", "g1")]


async def test_an_opportunity_that_matches_lets_the_survivor_in(desk: Merging) -> None:
    await desk.publish(by_hand("deals", LONG, entry={"triggers": [engaging()]}, exit={"goals": [won()]}))
    gone, stays = await two(desk)
    deal = await desk.create("opportunity", name="Deal", stage="Engaging")
    await desk.work_off()
    await desk.associate(gone, deal)
    await desk.merge(gone, stays)
    await desk.work_off()
    assert await desk.inside() == [(stays, deal, f"{stays}:{deal}")]


async def test_what_was_remembered_comes_along(desk: Merging) -> None:
    trigger = {"id": "t1", "on": "changed", "property": "city"}
    re_entry = {"allowed": True, "triggers": ["t1"]}
    entry = {"triggers": [trigger], "re_entry": re_entry, "while_active": "again"}
    await desk.publish(by_hand("again", LONG, entry=entry))
    gone, stays = await two(desk)
    for city in ("Oslo", "Bergen"):
        await desk.patch(gone, city=city)
    await desk.work_off()
    await desk.merge(gone, stays)
    await desk.end_all()
    await desk.work_off()
    assert [(e["record_id"], e["n"]) for e in await desk.enrollments()] == [(stays, 1), (stays, 2)]
    async with desk.inst.db.transaction() as tx:
        request = EnrollRequest(workflow_id=(await desk.enrollments())[0]["workflow_id"], record_id=gone,
                                cause=Cause(kind="api"))  # fmt: skip
        assert (await enroll(tx, request, now=desk.inst.clock.now())).decision == "no_record"


async def test_what_was_remembered_outlives_the_newer_of_two_passages(desk: Merging) -> None:
    trigger = {"id": "t1", "on": "changed", "property": "city"}
    re_entry = {"allowed": True, "triggers": ["t1"]}
    entry = {"triggers": [trigger], "re_entry": re_entry, "while_active": "again"}
    workflow = await desk.publish(by_hand("again", LONG, entry=entry))
    gone, stays = await two(desk)
    for city in ("Oslo", "Bergen"):
        await desk.patch(gone, city=city)
    await desk.work_off()
    await desk.enroll(workflow, stays)
    await desk.merge(gone, stays)
    await desk.work_off()
    await desk.end_all()
    await desk.work_off()
    assert await desk.inside() == [(stays, None, stays)]


async def test_a_goal_that_counts_events_of_both_is_seen_at_once(desk: Merging) -> None:
    where = {"event": "order.paid", "count": {"at_least": 2}, "scope": "ever"}
    goal = {"id": "g1", "name": "Two orders", "where": where}
    workflow = await desk.publish(by_hand("plain", LONG, exit={"goals": [goal]}))
    gone, stays = await two(desk)
    await desk.enroll(workflow, stays)
    for contact in (gone, stays):
        async with desk.inst.db.transaction() as tx:
            await record_event(tx, await desk.write(tx), contact, Happened(name="order.paid"))
    await desk.work_off()
    await desk.merge(gone, stays)
    await desk.work_off()
    assert await desk.ends() == [("goal", "g1")]
