"""What contacts agree to, as workflows see it: edges, gates, lists, merges; and whom nobody looks at."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from domain.errors import NotFound
from domain.facts import SubscriptionState
from domain.messages import EndCall
from domain.touches import keys_touched
from services.installation import Installation
from services.lists.lists import create_list
from services.records.associating import Link
from services.records.merging import merge_records
from services.records.subscriptions import Grounds, change_type, create_type, set_subscriptions, type_or_404
from services.running.steps import finish_enrollment
from store.candidates import triggers_reading
from store.changes import Stamp, change_of
from store.subscriptions import load_states, page_history
from store.tables import changes, subscription_history, subscriptions
from tests.fixtures.databases import until_it_waits
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk

LONG = [gap(days=9)]
SUBSCRIBED: dict[str, Any] = {"subscription": "newsletter", "op": "is", "value": "subscribed"}
UNSUBSCRIBED: dict[str, Any] = {**SUBSCRIBED, "value": "unsubscribed"}


class Consents(Desk):
    """A desk that contacts tell what they want."""

    async def types(self, *slugs: str) -> None:
        async with self.inst.db.transaction() as tx:
            for slug in slugs:
                await create_type(tx, slug, (await self.write(tx)).stamp, name=None, description="")

    async def change(self, slug: str, **values: str | bool) -> None:
        async with self.inst.db.transaction() as tx:
            await change_type(tx, slug, (await self.write(tx)).stamp, **values)

    async def say(self, contact: str, state: SubscriptionState, slug: str = "newsletter") -> None:
        async with self.inst.db.transaction() as tx:
            stamp = (await self.write(tx)).stamp
            await set_subscriptions(tx, contact, {slug: state}, stamp, Grounds(source="checkout"))

    async def states(self, contact: str) -> dict[str, SubscriptionState]:
        async with self.inst.db.read() as read:
            return (await load_states(read, [contact]))[contact]

    async def merge(self, gone: str, stays: str) -> None:
        async with self.inst.db.transaction() as tx:
            await merge_records(tx, await self.write(tx), "contact", gone, stays)

    async def told(self, kind: str = "subscription") -> list[Any]:
        async with self.inst.db.read() as read:
            return await read.all(select(changes).where(changes.c.kind == kind).order_by(changes.c.seq))


@pytest.fixture
async def desk(installation: Installation) -> Consents:
    made = Consents(installation)
    await made.types("newsletter", "offers")
    return made


def filtered(slug: str, where: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return by_hand(slug, LONG, entry={"triggers": [{"id": "t1", "on": "filter", "where": where}]}, **parts)


async def test_a_filter_fires_at_the_moment_of_the_consent_and_for_its_type_only(desk: Consents) -> None:
    contact = await desk.create("contact", email="ana@example.com")
    await desk.say(contact, "unsubscribed")
    await desk.publish(filtered("news", SUBSCRIBED))
    await desk.publish(filtered("offers", {**SUBSCRIBED, "subscription": "offers"}))
    await desk.work_off()
    assert await desk.decisions() == {}
    await desk.say(contact, "subscribed")
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1}
    (decision,) = await desk.decision_rows()
    assert [(seen["what"], seen["value"]) for seen in decision["seen"]] == [
        ("is subscribed for newsletter", "subscribed")
    ]
    async with desk.inst.db.read() as read:
        examined = await triggers_reading(read, keys_touched(change_of((await desk.told())[-1])))
    assert len(examined) == 1, "only the workflow that mentions the type is looked at"


async def test_one_consent_fires_once_together_with_another_fact(desk: Consents) -> None:
    where = {"all": [SUBSCRIBED, {"property": "city", "op": "is", "value": "Oslo"}]}
    await desk.publish(filtered("news", where))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.work_off()
    # Both are committed before anybody looks: the first alone did not make it true.
    await desk.patch(contact, city="Oslo")
    await desk.say(contact, "subscribed")
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1}


async def test_quick_edges_are_judged_as_they_were(desk: Consents) -> None:
    await desk.publish(filtered("news", SUBSCRIBED))
    contact = await desk.create("contact", email="ana@example.com")
    for state in ("subscribed", "unsubscribed", "subscribed", "subscribed", "unsubscribed"):
        await desk.say(contact, state)
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1, "absorbed_update": 1}
    assert [row["detail"]["after"] for row in await desk.told()] == [
        {"newsletter": state} for state in ("subscribed", "unsubscribed", "subscribed", "unsubscribed")
    ]


async def test_the_gate_sees_a_consent_taken_back_though_no_relay_looked(desk: Consents) -> None:
    workflow = await desk.publish(by_hand("news", LONG, exit={"when": UNSUBSCRIBED}))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.enroll(workflow, contact)
    await desk.say(contact, "unsubscribed")
    (inside,) = await desk.enrollments()
    async with desk.inst.db.transaction() as tx:
        call = EndCall(enrollment_id=inside["id"], now=desk.inst.clock.now())
        answer = await finish_enrollment(tx, desk.inst, call)
    assert (answer.kind, answer.reason) == ("left", "exit_condition")
    assert await desk.enroll(workflow, await desk.create("contact", email="ben@example.com")) == "enrolled"


async def test_goals_suppression_and_what_must_go_on_holding_ask_for_it(desk: Consents) -> None:
    goal = {"id": "won", "where": {**SUBSCRIBED, "subscription": "offers"}}
    leaves = {"goals": [goal], "when_entry_no_longer_holds": True}
    definition = filtered("news", SUBSCRIBED, exit=leaves)
    definition["entry"]["suppress"] = {**UNSUBSCRIBED, "subscription": "offers"}
    await desk.publish(definition)
    found = [await desk.create("contact", email=f"{n}@example.com") for n in range(4)]
    await desk.say(found[3], "unsubscribed", "offers")
    for contact in found:
        await desk.say(contact, "subscribed")
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 3, "suppressed": 1}
    await desk.say(found[0], "subscribed", "offers")
    await desk.say(found[1], "unsubscribed")
    await desk.say(found[2], "unsubscribed", "offers")
    await desk.work_off()
    assert await desk.ends() == [("goal", "won"), ("no_longer_matches", "t1"), ("suppressed", None)]


async def test_a_consent_of_an_associated_contact_lets_its_company_in(desk: Consents) -> None:
    where = {"related": {"object": "contact"}, "where": SUBSCRIBED}
    await desk.publish({**filtered("accounts", where), "object": "company"})
    ana = await desk.create("contact", email="ana@example.com")
    acme = await desk.create("company", (Link(object="contact", id=ana),), name="Acme")
    await desk.work_off()
    await desk.say(ana, "subscribed")
    await desk.work_off()
    assert [e["record_id"] for e in await desk.enrollments()] == [acme]


async def test_a_dynamic_list_follows_consents(desk: Consents) -> None:
    ana, ben = [await desk.create("contact", email=f"{name}@example.com") for name in ("ana", "ben")]
    await desk.say(ana, "subscribed")
    async with desk.inst.db.transaction() as tx:
        await create_list(tx, desk.inst, "readers", "contact", (await desk.write(tx)).stamp, where=SUBSCRIBED)
    await desk.work_off()
    await desk.say(ben, "subscribed")
    await desk.say(ana, "not_specified")
    await desk.work_off()
    assert [row["record_id"] for row in await desk.told("list_joined")] == [ana, ben]
    assert [row["record_id"] for row in await desk.told("list_left")] == [ana]


async def test_of_two_merged_contacts_the_stricter_state_counts(desk: Consents) -> None:
    await desk.types("surveys")
    gone, stays = [await desk.create("contact", email=f"{name}@example.com") for name in ("gone", "stays")]
    await desk.say(gone, "unsubscribed")
    await desk.say(stays, "subscribed")
    await desk.say(gone, "subscribed", "offers")
    await desk.say(gone, "subscribed", "surveys")
    await desk.say(stays, "unsubscribed", "surveys")
    workflow = await desk.publish(by_hand("news", LONG, exit={"when": UNSUBSCRIBED}))
    await desk.enroll(workflow, stays)
    await desk.merge(gone, stays)
    assert await desk.states(stays) == {"newsletter": "unsubscribed", "offers": "subscribed", "surveys": "unsubscribed"}
    assert await desk.states(gone) == {}
    said = (await desk.told())[-1]
    assert (said["record_id"], said["detail"]["subscriptions"]) == (stays, ["newsletter", "offers"])
    async with desk.inst.db.read() as read:
        history = await page_history(read, stays, after=None, limit=50)
    assert len(history) == 7, "what either said, and what the merge changed"
    await desk.work_off()
    assert await desk.ends() == [("exit_condition", None)]


async def test_a_deleted_contact_leaves_no_consent_behind(desk: Consents) -> None:
    contact = await desk.create("contact", email="ana@example.com")
    await desk.say(contact, "subscribed")
    await desk.delete(contact)
    async with desk.inst.db.read() as read:
        for table in (subscriptions, subscription_history):
            assert await read.all(select(table)) == []
    with pytest.raises(NotFound):
        await desk.say(contact, "subscribed")


async def test_a_consent_that_wakes_nobody_triggers_nobody(desk: Consents) -> None:
    await desk.publish(filtered("news", SUBSCRIBED))
    contact = await desk.create("contact", email="ana@example.com")
    async with desk.inst.db.transaction() as tx:
        stamp = (await desk.write(tx)).stamp
        quiet = Stamp(now=stamp.now, cause=stamp.cause, wake=False)
        await set_subscriptions(tx, contact, {"newsletter": "subscribed"}, quiet, Grounds())
    await desk.work_off()
    assert await desk.decisions() == {}


async def test_two_who_change_different_things_of_a_type_at_once_both_have_their_way(desk: Consents) -> None:
    db = desk.inst.db
    async with db.transaction() as tx:
        await change_type(tx, "newsletter", (await desk.write(tx)).stamp, name="Monthly")
        archiving = asyncio.ensure_future(desk.change("newsletter", archived=True))
        await until_it_waits(db, archiving)
    await archiving
    async with db.read() as read:
        found = await type_or_404(read, "newsletter")
    assert (found.name, found.archived) == ("Monthly", True)
