"""Whom a reply ends: the enrollment that sent the message, in the transaction of the event, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert

from domain.errors import Invalid, RefusedError
from domain.messages import EndCall
from services.installation import Installation
from services.intake.events import Happened, Whose, send_event
from services.records.associating import Link
from services.records.merging import merge_records
from services.running.steps import finish_enrollment
from store.ids import new_id
from store.tables import messages
from tests.runs.definitions import by_hand, email, gap
from tests.services.desk import Desk

STOPS = {"stop_on_reply": True}
STEPS = [email("hello", "Hello"), gap(days=9)]


class Post(Desk):
    """A desk at which messages leave and replies come in; no relay looks unless a test says so."""

    async def inside(self, slug: str, contact: str, **parts: Any) -> str:
        """Publish a workflow, let the record in; the id of the message it was sent."""
        workflow = await self.publish(by_hand(slug, STEPS, **{"exit": STOPS, **parts}))
        assert await self.enroll(workflow, contact) == "enrolled"
        return await self.sent((await self.enrollments())[-1])

    async def sent(self, enrollment: Any) -> str:
        """A message an enrollment sent; its id."""
        now = self.inst.clock.now()
        row = {
            "id": new_id(now), "effect_key": f"{enrollment['id']}:hello:1", "enrollment_id": enrollment["id"],
            "workflow_id": enrollment["workflow_id"], "step": "hello", "record_id": enrollment["record_id"],
            "channel": "email", "status": "sent", "sender": "us@example.com", "recipient": "ana@example.com",
            "subject": "Hello", "text": "Hello", "created_at": now,
        }  # fmt: skip
        async with self.inst.db.transaction() as tx:
            await tx.run(insert(messages), row)
        return str(row["id"])

    async def reply(self, contact: str, message: Any = None, name: str = "message.replied", **carried: Any) -> None:
        """A contact replies."""
        properties = {**carried, **({"message": message} if message is not None else {})}
        async with self.inst.db.transaction() as tx:
            happened = Happened(name=name, properties=properties, external_id=carried.get("id"))
            await send_event(tx, await self.write(tx), Whose(object="contact", id=contact), happened)


@pytest.fixture
def desk(installation: Installation) -> Post:
    return Post(installation)


async def test_a_reply_ends_the_enrollment_it_answers_before_any_relay_looks(desk: Post) -> None:
    contact = await desk.create("contact", email="ana@example.com")
    message = await desk.inside("welcome", contact)
    await desk.reply(contact, message)
    assert await desk.ends() == [("replied", message)]
    (ended,) = await desk.enrollments()
    async with desk.inst.db.transaction() as tx:
        call = EndCall(enrollment_id=ended["id"], now=desk.inst.clock.now())
        answer = await finish_enrollment(tx, desk.inst, call)
    assert (answer.kind, answer.reason) == ("left", "replied"), "the gate lets nothing of the run commit any more"
    await desk.work_off()
    assert await desk.ends() == [("replied", message)]


async def test_a_reply_to_anything_else_ends_nobody(desk: Post) -> None:
    ana, bo = [await desk.create("contact", email=f"{name}@example.com") for name in ("ana", "bo")]
    mine = await desk.inside("welcome", ana)
    quiet = await desk.inside("quiet", ana, exit={})
    await desk.enroll((await desk.enrollments())[0]["workflow_id"], bo)
    await desk.reply(ana)
    await desk.reply(ana, quiet)
    await desk.reply(ana, mine, name="sms.received")
    await desk.reply(ana, mine, machine=True)
    await desk.work_off()
    assert await desk.ends() == []
    await desk.reply(ana, mine, machine=False)
    assert [e["record_id"] for e in await desk.enrollments() if e["status"] == "ended"] == [ana]


async def test_whoever_of_the_contacts_answers_ends_the_enrollment_of_the_company(desk: Post) -> None:
    ana, bo = [await desk.create("contact", email=f"{name}@example.com") for name in ("ana", "bo")]
    acme = await desk.create("company", (Link(object="contact", id=ana),), name="Acme")
    message = await desk.inside("accounts", acme, object="company")
    await desk.reply(bo, message)
    assert await desk.ends() == [("replied", message)]


async def test_the_same_reply_again_and_a_reply_to_who_left_end_nobody_else(desk: Post) -> None:
    again = {"re_entry": {"allowed": True, "triggers": []}}
    contact = await desk.create("contact", email="ana@example.com")
    message = await desk.inside("welcome", contact, entry=again)
    await desk.reply(contact, message, id="r-1")
    workflow = (await desk.enrollments())[0]["workflow_id"]
    assert await desk.enroll(workflow, contact) == "enrolled"
    await desk.reply(contact, message, id="r-1")
    await desk.reply(contact, message, id="r-2")
    assert [e["status"] for e in await desk.enrollments()] == ["ended", "starting"]


async def test_a_goal_the_reply_meets_counts_as_the_goal(desk: Post) -> None:
    answered = {"id": "answered", "where": {"event": "message.replied"}}
    contact = await desk.create("contact", email="ana@example.com")
    message = await desk.inside("welcome", contact, exit={**STOPS, "goals": [answered]})
    await desk.reply(contact, message)
    assert await desk.ends() == [("goal", "answered")]


async def test_a_goal_that_leads_elsewhere_is_reached_and_the_reply_ends_all_the_same(desk: Post) -> None:
    answered = {"id": "answered", "where": {"event": "message.replied"}, "go_to": "gap"}
    contact = await desk.create("contact", email="ana@example.com")
    message = await desk.inside("welcome", contact, exit={**STOPS, "goals": [answered]})
    await desk.reply(contact, message)
    assert await desk.ends() == [("replied", message)]


async def test_a_reply_ends_who_went_on_under_another_record_since(desk: Post) -> None:
    old, new = [await desk.create("contact", email=f"{name}@example.com") for name in ("old", "new")]
    message = await desk.inside("welcome", old)
    async with desk.inst.db.transaction() as tx:
        await merge_records(tx, await desk.write(tx), "contact", old, new)
    await desk.reply(new, message)
    assert await desk.ends() == [("replied", message)]


async def test_replies_and_merges_at_the_same_time_wait_for_each_other(desk: Post) -> None:
    old, new, other = [await desk.create("contact", email=f"{name}@example.com") for name in ("old", "new", "other")]
    message = await desk.inside("welcome", old)

    async def merge() -> None:
        async with desk.inst.db.transaction() as tx:
            await merge_records(tx, await desk.write(tx), "contact", old, new)

    outcomes = await asyncio.gather(merge(), desk.reply(other, message), return_exceptions=True)
    assert outcomes[0] is None
    if outcomes[1] is not None:
        assert isinstance(outcomes[1], RefusedError)
        assert outcomes[1].code == "conflict"
        await desk.reply(other, message)
    assert await desk.ends() == [("replied", message)]


async def test_a_reply_to_a_message_nobody_sent_is_refused_with_its_place(desk: Post) -> None:
    contact = await desk.create("contact", email="ana@example.com")
    for wrong, path in (("m-1", "/properties/message"), (5, "/properties/message")):
        with pytest.raises(Invalid) as refused:
            await desk.reply(contact, wrong)
        assert [error.path for error in refused.value.errors] == [path]
    with pytest.raises(Invalid) as refused:
        await desk.reply(contact, machine="yes")
    assert [error.path for error in refused.value.errors] == ["/properties/machine"]


async def test_a_reply_to_a_passage_that_a_merge_ended_ends_the_one_that_goes_on(desk: Post) -> None:
    workflow = await desk.publish(by_hand("welcome", STEPS, exit=STOPS))
    gone = await desk.create("contact", email="ana@example.com")
    stays = await desk.create("contact", first_name="A.")
    for each in (gone, stays):
        await desk.enroll(workflow, each)
    older, newer = await desk.enrollments()
    message = await desk.sent(newer)
    async with desk.inst.db.transaction() as tx:
        await merge_records(tx, await desk.write(tx), "contact", gone, stays)
    await desk.reply(stays, message)
    ends = {e["id"]: e["end_reason"] for e in await desk.enrollments()}
    assert ends == {older["id"]: "replied", newer["id"]: "record_merged"}
