"""Triggers around a merge: what happened just before it, and what it makes true itself, lets in the one that stays."""

from __future__ import annotations

import pytest

from services.installation import Installation
from services.intake.events import Happened, record_event
from tests.runs.definitions import by_hand, gap
from tests.services.records.test_merging import Merging, two

LONG = [gap(days=9)]


@pytest.fixture
def desk(installation: Installation) -> Merging:
    return Merging(installation)


async def happened(desk: Merging, record_id: str, name: str) -> None:
    async with desk.inst.db.transaction() as tx:
        await record_event(tx, await desk.write(tx), record_id, Happened(name=name))


async def test_an_event_just_before_the_merge_lets_the_survivor_in(desk: Merging) -> None:
    trigger = {"id": "t1", "on": "event", "event": "form.submitted"}
    await desk.publish(by_hand("formed", LONG, entry={"triggers": [trigger]}))
    gone, stays = await two(desk)
    last = await desk.create("contact", first_name="Ana")
    await desk.work_off()
    await happened(desk, gone, "form.submitted")
    await desk.merge(gone, stays)
    await desk.merge(stays, last)
    await desk.work_off()
    assert [record for record, _, _ in await desk.inside()] == [last]


async def test_a_change_just_before_the_merge_lets_the_survivor_in(desk: Merging) -> None:
    trigger = {"id": "t1", "on": "filter", "where": {"property": "city", "op": "is", "value": "Bergen"}}
    await desk.publish(by_hand("moved", LONG, entry={"triggers": [trigger]}))
    gone, stays = await two(desk)
    await desk.work_off()
    await desk.patch(gone, city="Bergen")
    # The survivor lives in Oslo, so only the change itself says that they were in Bergen.
    await desk.merge(gone, stays)
    await desk.work_off()
    assert [record for record, _, _ in await desk.inside()] == [stays]


async def test_what_was_about_to_be_judged_anew_lets_the_survivor_in(desk: Merging) -> None:
    trigger = {"id": "t1", "on": "changed", "property": "city"}
    re_entry = {"allowed": True, "triggers": ["t1"]}
    entry = {"triggers": [trigger], "re_entry": re_entry, "while_active": "again"}
    await desk.publish(by_hand("again", LONG, entry=entry))
    gone, stays = await two(desk)
    for city in ("Oslo", "Bergen"):
        await desk.patch(gone, city=city)
    await desk.work_off()
    await desk.end_all()
    await desk.merge(gone, stays)
    await desk.work_off()
    assert [record for record, _, _ in await desk.inside()] == [stays]


async def test_a_filter_the_merge_makes_true_lets_the_survivor_in(desk: Merging) -> None:
    where = {"event": "order.paid", "count": {"at_least": 2}, "scope": "ever"}
    await desk.publish(by_hand("loyal", LONG, entry={"triggers": [{"id": "t1", "on": "filter", "where": where}]}))
    gone, stays = await two(desk)
    for contact in (gone, stays):
        await happened(desk, contact, "order.paid")
    await desk.work_off()
    assert await desk.inside() == []
    await desk.merge(gone, stays)
    await desk.work_off()
    assert [record for record, _, _ in await desk.inside()] == [stays]


async def test_a_filter_that_held_for_the_survivor_before_is_no_edge(desk: Merging) -> None:
    gone, stays = await two(desk)
    for contact in (gone, stays, stays):
        await happened(desk, contact, "order.paid")
    await desk.work_off()
    where = {"event": "order.paid", "count": {"at_least": 2}, "scope": "ever"}
    await desk.publish(by_hand("loyal", LONG, entry={"triggers": [{"id": "t1", "on": "filter", "where": where}]}))
    await desk.merge(gone, stays)
    await desk.work_off()
    assert await desk.inside() == []


@pytest.mark.parametrize("who", ["gone", "stays"])
async def test_what_the_merged_record_did_in_a_workflow_is_an_edge_for_the_survivor(desk: Merging, who: str) -> None:
    welcome = await desk.publish(by_hand("welcome", LONG))
    gone, stays = await two(desk)
    await desk.enroll(welcome, gone if who == "gone" else stays)
    await desk.end_all()
    await desk.work_off()
    where = {"workflow": "welcome", "status": "completed"}
    await desk.publish(by_hand("next", LONG, entry={"triggers": [{"id": "t1", "on": "filter", "where": where}]}))
    await desk.merge(gone, stays)
    await desk.work_off()
    assert [record for record, _, _ in await desk.inside()] == ([stays] if who == "gone" else [])


@pytest.mark.parametrize("how", ["deleted", "merged"])
async def test_a_filter_around_a_record_that_is_gone_becomes_true(desk: Merging, how: str) -> None:
    where = {"property": "country", "op": "is", "value": "SE", "of": {"object": "contact", "match": "none"}}
    triggers = [{"id": "t1", "on": "filter", "where": where}]
    entry = {"triggers": triggers, "re_entry": {"allowed": True, "triggers": ["t1"]}}
    await desk.publish({**by_hand("swedeless", LONG, entry=entry), "object": "company"})
    gone = await desk.create("contact", email="ana@example.com", country="SE")
    stays = await desk.create("contact", first_name="A.", country="NO")
    company = await desk.create("company", name="Acme", domain="acme.example.com")
    await desk.work_off()
    await desk.associate(gone, company)
    await desk.associate(stays, company)
    await desk.work_off()
    await desk.end_all()
    before = len(await desk.decision_rows())
    await (desk.delete(gone) if how == "deleted" else desk.merge(gone, stays))
    await desk.work_off()
    assert [row["decision"] for row in await desk.decision_rows()][before:] == ["enrolled"]
