"""A trigger that finds somebody inside is remembered, where the workflow asks for it, and judged anew at their end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.messages import EndCall
from domain.records import Cause
from services.entering.by_hand import unenroll
from services.entering.enrolling import EnrollRequest, enroll
from services.installation import Installation
from services.records.associating import Link
from services.running.steps import finish_enrollment
from store.tables import entry_keys
from tests.fixtures.databases import until_it_waits
from tests.runs.definitions import by_hand, engaging, gap
from tests.services.desk import Desk

LONG = [gap(days=9)]


def changed(property: str = "city", **parts: Any) -> dict[str, Any]:
    """A trigger on every change of a property."""
    return {"id": "t1", "on": "changed", "property": property, **parts}


def again(*triggers: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A workflow that is entered again at the end by whoever was triggered meanwhile."""
    found = list(triggers) or [changed()]
    re_entry = {"allowed": True, "triggers": [trigger["id"] for trigger in found]}
    entry = {"triggers": found, "re_entry": re_entry, "while_active": "again"}
    return by_hand("again", LONG, **{"entry": {**entry, **parts.pop("entry", {})}, **parts})


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def end_first(desk: Desk) -> None:
    """End the only active enrollment, as its run does when it comes to the end."""
    (active,) = [e for e in await desk.enrollments() if e["status"] != "ended"]
    async with desk.inst.db.transaction() as tx:
        await finish_enrollment(tx, desk.inst, EndCall(enrollment_id=active["id"], now=desk.inst.clock.now()))


async def told(desk: Desk) -> list[str]:
    return [row["decision"] for row in await desk.decision_rows()]


@pytest.mark.parametrize("end", ["by its run", "by hand"])
async def test_many_triggers_inside_are_one_new_passage_at_the_end(desk: Desk, end: str) -> None:
    await desk.publish(again())
    contact = await desk.create("contact", email="ana@example.com")
    for city in ("Oslo", "Bergen", "Tromsø"):
        await desk.patch(contact, city=city)
        await desk.work_off()
    assert await told(desk) == ["enrolled", "absorbed_update", "absorbed_update"]
    if end == "by its run":
        await end_first(desk)
    else:
        async with desk.inst.db.transaction() as tx:
            await unenroll(tx, (await desk.enrollments())[0]["id"], now=desk.inst.clock.now())
    await desk.work_off()
    assert (await told(desk))[3:] == ["enrolled"]
    first, second = await desk.enrollments()
    assert (first["status"], second["end_reason"], second["n"], second["trigger"]) == ("ended", None, 2, "t1")
    await end_first(desk)
    await desk.work_off()
    assert len(await desk.enrollments()) == 2


async def test_what_an_earlier_release_remembered_is_judged_too(desk: Desk) -> None:
    await desk.publish(again())
    contact = await desk.create("contact", email="ana@example.com")
    for city in ("Oslo", "Bergen"):
        await desk.patch(contact, city=city)
        await desk.work_off()
    async with desk.inst.db.transaction() as tx:
        kept = await tx.scalar(select(entry_keys.c.again))
        await tx.run(update(entry_keys).values(again={**kept, "change_id": "of an earlier release"}))
    await end_first(desk)
    await desk.work_off()
    assert (await told(desk))[2:] == ["enrolled"]


async def test_the_decision_says_that_the_trigger_is_remembered(desk: Desk) -> None:
    await desk.publish(again())
    contact = await desk.create("contact", email="ana@example.com")
    for city in ("Oslo", "Bergen"):
        await desk.patch(contact, city=city)
    await desk.work_off()
    seen = (await desk.decision_rows())[-1]["seen"]
    assert [each["what"] for each in seen] == ["remembered: it is judged again when this passage ends"]


async def test_what_was_remembered_is_judged_as_things_are_at_the_end(desk: Desk) -> None:
    suppress = {"property": "country", "op": "is", "value": "NO"}
    await desk.publish(again(entry={"suppress": suppress}))
    contact = await desk.create("contact", email="ana@example.com")
    for city in ("Oslo", "Bergen"):
        await desk.patch(contact, city=city)
    await desk.work_off()
    await desk.patch(contact, country="NO")
    await desk.work_off()
    assert await told(desk) == ["enrolled", "absorbed_update", "suppressed"]
    assert await desk.ends() == [("suppressed", None)]


async def test_without_it_nothing_is_remembered_and_by_hand_neither(desk: Desk) -> None:
    await desk.publish(again(entry={"while_active": "ignore"}))
    other = await desk.publish({**again(), "slug": "other"})
    contact = await desk.create("contact", email="ana@example.com")
    await desk.enroll(other, contact)
    await desk.enroll(other, contact)
    async with desk.inst.db.read() as read:
        assert [row["again"] for row in await read.all(select(entry_keys))] == [None]
    await end_first(desk)
    for city in ("Oslo", "Bergen"):
        await desk.patch(contact, city=city)
    await desk.work_off()
    async with desk.inst.db.read() as read:
        kept = [row["again"] for row in await read.all(select(entry_keys).order_by(entry_keys.c.workflow_id))]
    assert [k is not None for k in kept] == [False, True]


async def test_a_trigger_that_may_not_let_in_again_is_not_remembered(desk: Desk) -> None:
    north = changed("country", id="t2")
    await desk.publish(again(changed(), north, entry={"re_entry": {"allowed": True, "triggers": ["t2"]}}))
    contact = await desk.create("contact", email="ana@example.com")
    for city in ("Oslo", "Bergen"):
        await desk.patch(contact, city=city)
    await desk.work_off()
    await end_first(desk)
    await desk.work_off()
    assert await told(desk) == ["enrolled", "absorbed_update"]


async def test_where_one_opportunity_runs_at_a_time_the_other_one_follows(desk: Desk) -> None:
    await desk.publish(again(engaging(), allow_multiple_opportunities=False))
    contact = await desk.create("contact", email="ana@example.com")
    link = (Link(object="contact", id=contact),)
    deals = [await desk.create("opportunity", link, name=name, stage="Engaging") for name in ("One", "Two")]
    await desk.work_off()
    assert await told(desk) == ["enrolled", "already_active"]
    await end_first(desk)
    await desk.work_off()
    assert [e["bound_id"] for e in await desk.enrollments()] == deals


async def test_a_record_that_is_deleted_enters_nothing_again(desk: Desk) -> None:
    await desk.publish(again())
    contact = await desk.create("contact", email="ana@example.com")
    for city in ("Oslo", "Bergen"):
        await desk.patch(contact, city=city)
    await desk.work_off()
    await desk.delete(contact)
    await desk.work_off()
    assert await told(desk) == ["enrolled", "absorbed_update"]


async def test_a_workflow_that_sets_itself_off_is_stopped_in_the_end(desk: Desk) -> None:
    """Each passage changes what lets in: the depth of the remembered cause grows until the loop is stopped."""
    await desk.publish(again())
    contact = await desk.create("contact", email="ana@example.com")
    await desk.patch(contact, city="0")
    await desk.work_off()
    for n in range(1, 25):
        active = [e for e in await desk.enrollments() if e["status"] != "ended"]
        if not active:
            break
        await desk.patch_as(active[0], contact, city=str(n))
        await desk.work_off()
        await end_first(desk)
        await desk.work_off()
    assert (await told(desk))[-1] == "loop_stopped"
    assert len(await desk.enrollments()) == 21


async def test_the_change_that_lets_in_is_not_remembered_as_another_trigger(desk: Desk) -> None:
    """Two triggers are alternatives: what fires both of them is one reason to enter."""
    await desk.publish(again(changed(), changed("country", id="t2")))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.patch(contact, city="Oslo", country="NO")
    await desk.work_off()
    assert await told(desk) == ["enrolled", "absorbed_update"]
    await end_first(desk)
    await desk.work_off()
    assert await told(desk) == ["enrolled", "absorbed_update"]


async def test_what_was_remembered_about_who_entered_before_many_ran_follows_too(desk: Desk) -> None:
    """Whoever entered while the switch was off has the contact's key; its opportunity's trigger has one of its own."""
    await desk.publish(again(engaging(), allow_multiple_opportunities=False))
    contact = await desk.create("contact", email="ana@example.com")
    deal = await desk.create("opportunity", (Link(object="contact", id=contact),), name="One", stage="Engaging")
    await desk.work_off()
    await desk.publish(again(engaging(), allow_multiple_opportunities=True))
    for stage in ("Prospecting", "Engaging"):
        await desk.patch(deal, stage=stage)
    await desk.work_off()
    assert await told(desk) == ["enrolled", "absorbed_update"]
    await end_first(desk)
    await desk.work_off()
    assert await told(desk) == ["enrolled", "absorbed_update", "enrolled"]


async def test_what_is_remembered_while_the_end_is_written_is_not_lost(desk: Desk) -> None:
    """The opportunity that runs is deleted while another one finds the contact inside."""
    workflow = await desk.publish(again(engaging(), allow_multiple_opportunities=False))
    contact = await desk.create("contact", email="ana@example.com")
    link = (Link(object="contact", id=contact),)
    first = await desk.create("opportunity", link, name="One", stage="Engaging")
    await desk.work_off()
    second = await desk.create("opportunity", link, name="Two")
    db = desk.inst.db
    async with db.transaction() as tx:
        request = EnrollRequest(
            workflow_id=workflow, record_id=contact, bound_id=second, trigger="t1", cause=Cause(kind="api")
        )
        assert (await enroll(tx, request, now=desk.inst.clock.now())).decision == "already_active"
        deleting = asyncio.ensure_future(desk.delete(first))
        await until_it_waits(db, deleting)
    await deleting
    await desk.work_off()
    inside = [(e["bound_id"], e["end_reason"]) for e in await desk.enrollments()]
    assert inside == [(first, "bound_record_gone"), (second, None)]
