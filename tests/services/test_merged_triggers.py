"""Triggers around a merge: what happened just before it, and what it makes true itself, lets in the one that stays."""

from __future__ import annotations

import pytest

from services.events import Happened, record_event
from services.installation import Installation
from tests.runs.definitions import by_hand, gap
from tests.services.test_merging import Merging, two

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
