"""An explanation says what an entry then does, on any state, and writes nothing."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from domain.base import utc_text
from domain.errors import Invalid, NotFound
from domain.records import Cause
from services.authoring.pausing import pause_workflow
from services.authoring.workflows import turn_off
from services.entering.by_hand import Ask, enroll_by_hand
from services.entering.enrolling import Decided, EnrollRequest, enroll
from services.installation import Installation
from services.intake.events import Happened, record_event
from services.records.associating import Link
from services.telling.explaining import Asked, explain
from services.telling.explanations import Case, Explanation
from services.workflow_views import find
from store.tables import enrollments, entry_decisions, entry_keys
from tests.fixtures.clock import FixedClock
from tests.runs.definitions import by_hand, engaging, gap, of_opportunity
from tests.services.desk import Desk

ROUNDS = 24
CITY = {"id": "t2", "on": "changed", "property": "city"}
EVENT = {"id": "t3", "on": "event", "event": "form.submitted",
         "where": {"event_property": "form", "op": "is", "value": "trial"}}  # fmt: skip
DECISIONS = {
    "no_record", "workflow_off", "workflow_paused", "already_active", "absorbed_update", "re_entry_off", "suppressed",
    "goal_already_met", "exit_already_met", "enrolled",
}  # fmt: skip


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def explained(desk: Desk, slug: str, record: str, bound: str | None = None, **asked: Any) -> Explanation:
    async with desk.inst.db.read() as read:
        wanted = Asked(record_id=record, bound_id=bound, **{"limit": 20, **asked})
        return await explain(read, await find(read, slug), wanted, now=desk.inst.clock.now())


class Undone(Exception):
    """Takes back what a transaction did."""


async def really(desk: Desk, slug: str, contact: str, bound: str | None, trigger: str | None) -> Decided:
    """What an entry decides on this state, which it leaves as it was."""
    found: list[Decided] = []
    now = desk.inst.clock.now()
    with pytest.raises(Undone):
        async with desk.inst.db.transaction() as tx:
            workflow = await find(tx, slug)
            if trigger is None:
                ask = Ask(object="contact", record_id=contact, bound_object=bound and "opportunity", bound_id=bound)
                found.append(await enroll_by_hand(tx, workflow, ask, cause=Cause(kind="api"), now=now))
            else:
                request = EnrollRequest(
                    workflow_id=workflow["id"], record_id=contact, bound_id=bound, trigger=trigger,
                    cause=Cause(kind="api"),
                )  # fmt: skip
                found.append(await enroll(tx, request, now=now))
            raise Undone
    return found[0]


async def counted(desk: Desk) -> list[int]:
    async with desk.inst.db.read() as read:
        tables = (entry_decisions, enrollments, entry_keys)
        return [await read.scalar(select(func.count()).select_from(table)) for table in tables]


async def drawn(desk: Desk, random: Random, clock: FixedClock, n: int) -> tuple[str, list[str]]:
    """Somebody with a past, and a workflow in some state; the opportunities, one of a stranger among them."""
    slug = f"journey-{n}"
    allowed = random.random() < 0.6
    late = utc_text(clock.now() + timedelta(hours=1))
    definition = by_hand(
        slug,
        [gap(days=9)],
        allow_multiple_opportunities=random.random() < 0.5,
        entry={
            "triggers": [engaging(), CITY, EVENT],
            "re_entry": {"allowed": allowed, "triggers": random.sample(["t1", "t2", "t3"], 2)},
            "suppress": {"property": "country", "op": "is", "value": "NO"},
            "while_active": random.choice(["ignore", "again"]) if allowed else "ignore",
        },
        exit={
            "goals": [{"id": "won", "where": of_opportunity("stage", "is", "Won")}],
            "when": {"property": "city", "op": "is", "value": "Oslo"},
        },
        **({"settings": {"turn_off_at": late}} if random.random() < 0.1 else {}),
    )  # fmt: skip
    workflow = await desk.publish(definition)
    contact = await desk.create("contact", email=f"{slug}@example.com")
    mine = (Link(object="contact", id=contact),)
    deals = [await desk.create("opportunity", mine, name=name) for name in "AB"]
    for _ in range(random.randrange(3)):
        bound = random.choice([None, *deals])
        request = EnrollRequest(workflow_id=workflow, record_id=contact, bound_id=bound, cause=Cause(kind="api"))
        async with desk.inst.db.transaction() as tx:
            await enroll(tx, request, now=clock.now())
        if random.random() < 0.6:
            await desk.end_all()
    if random.random() < 0.2:
        await desk.publish({**definition, "allow_multiple_opportunities": random.random() < 0.5, "settings": {}})
    await desk.patch(contact, country=random.choice(["NO", "SE", "SE"]), city=random.choice(["Oslo", "Rome", "Rome"]))
    if random.random() < 0.3:
        await desk.patch(deals[0], stage="Won")
    await unlucky(desk, n, contact, deals)
    clock.advance(timedelta(hours=2))
    return contact, [*deals, await desk.create("opportunity", name="A stranger's")]


async def unlucky(desk: Desk, n: int, contact: str, deals: list[str]) -> None:
    """Sometimes the workflow lets nobody in, or something is gone."""
    slug, now = f"journey-{n}", desk.inst.clock.now()
    async with desk.inst.db.transaction() as tx:
        match n % 8:
            case 0:
                await turn_off(tx, desk.inst, slug, now=now)
            case 1:
                await pause_workflow(tx, desk.inst, slug, now=now)
    match n % 10:
        case 3:
            await desk.dissociate(contact, deals[1])
        case 5:
            await desk.delete(contact)


async def test_it_says_what_an_entry_then_does_and_writes_nothing(desk: Desk, clock: FixedClock) -> None:
    random = Random(9)
    seen: Counter[str] = Counter()
    for n in range(ROUNDS):
        slug = f"journey-{n}"
        contact, deals = await drawn(desk, random, clock, n)
        before = await counted(desk)
        for bound in (None, *deals):
            case = (await explained(desk, slug, contact, bound)).case
            for outlook, trigger in [(case.by_hand, None), *((one.if_fired, one.id) for one in case.triggers)]:
                made = await really(desk, slug, contact, bound, trigger)
                mine = (made.decision, made.enrollment_id if made.decision != "enrolled" else None)
                assert (outlook.decision, outlook.enrollment_id) == mine, (n, bound, trigger, outlook)
                seen[outlook.decision] += 1
        assert await counted(desk) == before
    assert set(seen) == DECISIONS, seen


def trial(**parts: Any) -> dict[str, Any]:
    entry = {
        "triggers": [{"id": "t1", "on": "filter", "where": {"property": "lifecycle_stage", "op": "is", "value": "mql"}},
                     CITY, EVENT, {"id": "t4", "on": "created"}, engaging() | {"id": "t5"}],
        "suppress": {"property": "country", "op": "is", "value": "NO"},
    }  # fmt: skip
    return by_hand("trial", [gap(days=9)], entry=entry, **parts)


def trigger_of(case: Case, id: str) -> tuple[bool | None, str, list[tuple[str, str, bool]]]:
    found = next(one for one in case.triggers if one.id == id)
    return found.holds, found.says, [(each.what, each.shown, each.holds) for each in found.seen]


async def test_each_trigger_tells_whether_it_holds_with_readable_values(desk: Desk) -> None:
    await desk.publish(trial())
    contact = await desk.create("contact", email="ana@example.com", lifecycle_stage="lead", country="NO", city="Rome")
    case = (await explained(desk, "trial", contact)).case
    assert [one.id for one in case.triggers] == ["t1", "t2", "t3", "t4"], "t5 is about opportunities"
    assert trigger_of(case, "t1") == (
        False, "it does not hold now", [("Lifecycle stage is Marketing qualified lead", "Lead", False)],
    )  # fmt: skip
    assert trigger_of(case, "t2")[2] == [("City is what it changes to", "Rome", True)]
    assert trigger_of(case, "t3") == (False, "form.submitted never happened", [])
    assert trigger_of(case, "t4")[0] is True
    assert (case.by_hand.decision, case.by_hand.why) == ("suppressed", "Country is NO")
    assert [(each.what, each.shown) for each in case.by_hand.seen] == [("Country is NO", "NO")]
    assert [(each.kind, each.holds) for each in case.checks] == [("suppressed", True)]


async def test_an_event_is_judged_as_of_when_it_happened(desk: Desk) -> None:
    where = {"all": [EVENT["where"], {"property": "city", "op": "is", "value": "Rome"}]}
    event = {**EVENT, "where": where}
    await desk.publish(by_hand("trial", [gap(days=9)], entry={"triggers": [event]}))
    contact = await desk.create("contact", email="ana@example.com", city="Rome")
    await submit(desk, contact, "trial")
    await desk.patch(contact, city="Oslo")
    await submit(desk, contact, "other")
    held = trigger_of((await explained(desk, "trial", contact)).case, "t3")
    assert held[0] is True
    assert [each[:2] for each in held[2]] == [("form of the event is trial", "trial"), ("City is Rome", "Rome")]
    await submit(desk, contact, "trial")
    assert trigger_of((await explained(desk, "trial", contact)).case, "t3")[0] is True, "an earlier one was"
    other = await desk.create("contact", email="bo@example.com", city="Oslo")
    await submit(desk, other, "trial")
    holds, says, seen = trigger_of((await explained(desk, "trial", other)).case, "t3")
    assert (holds, says.endswith("but not as it asks for")) == (False, True)
    assert seen[-1] == ("City is Rome", "Oslo", False)


async def submit(desk: Desk, record_id: str, form: str) -> None:
    async with desk.inst.db.transaction() as tx:
        happened = Happened(name="form.submitted", properties={"form": form})
        await record_event(tx, await desk.write(tx), record_id, happened)


async def test_each_opportunity_is_told_by_itself_in_pages(desk: Desk) -> None:
    await desk.publish(trial(allow_multiple_opportunities=True))
    contact = await desk.create("contact", email="ana@example.com")
    mine = (Link(object="contact", id=contact),)
    deals = [await desk.create("opportunity", mine, name=name, stage="Engaging") for name in ("A", "B", "C")]
    await desk.work_off()
    await desk.patch(deals[1], stage="Prospecting")
    found = await explained(desk, "trial", contact, limit=2)
    assert [each.bound and (each.bound.id, each.bound.name) for each in found.about] == [
        (deals[0], "A"),
        (deals[1], "B"),
    ]
    assert [each.by_hand.decision for each in found.about] == ["absorbed_update", "absorbed_update"]
    assert [trigger_of(each, "t5")[0] for each in found.about] == [True, False]
    assert [each.passages[0].is_active for each in found.about] == [True, True]
    rest = await explained(desk, "trial", contact, after=deals[1])
    assert [each.bound and each.bound.id for each in rest.about] == [deals[2]]
    assert (await explained(desk, "trial", contact, deals[2])).about == []


async def test_why_names_the_earlier_passage_and_who_may_come_again(desk: Desk) -> None:
    workflow = await desk.publish(trial())
    contact = await desk.create("contact", email="ana@example.com")
    await desk.enroll(workflow, contact)
    inside = (await explained(desk, "trial", contact)).case
    assert inside.by_hand.why is not None
    assert inside.by_hand.why.startswith("entered 2027-03-01")
    await desk.end_all()
    case = (await explained(desk, "trial", contact)).case
    assert (case.by_hand.decision, case.entries) == ("re_entry_off", 1)
    assert case.by_hand.why is not None
    assert "; went through to the end 2027-03-01" in case.by_hand.why
    assert case.by_hand.why.endswith("; nobody enters it twice")


@pytest.mark.parametrize("several", [True, False])
async def test_an_old_passage_is_found_behind_many_newer_ones_about_something_else(desk: Desk, several: bool) -> None:
    named = {"property": "name", "op": "known"}
    triggers = [engaging(), {"id": "t2", "on": "filter", "object": "company", "where": named}]
    entry = {"triggers": triggers, "re_entry": {"allowed": True, "triggers": []}}
    definition = by_hand("again", [gap(days=9)], allow_multiple_opportunities=several, entry=entry)
    workflow = await desk.publish(definition)
    contact = await desk.create("contact", email="ana@example.com")
    mine = (Link(object="contact", id=contact),)
    deal = await desk.create("opportunity", mine, name="Deal")
    firm = await desk.create("company", mine, name="Acme")
    for bound in (deal, *[firm] * 51):
        request = EnrollRequest(workflow_id=workflow, record_id=contact, bound_id=bound, cause=Cause(kind="api"))
        async with desk.inst.db.transaction() as tx:
            assert (await enroll(tx, request, now=desk.inst.clock.now())).decision == "enrolled"
        await desk.end_all()
    (first, *_, newest) = [each["id"] for each in await desk.enrollments()]
    case = (await explained(desk, "again", contact, deal)).case
    assert [each.enrollment_id for each in case.passages] == [first]
    assert case.triggers[0].if_fired.decision == "re_entry_off"
    assert str(case.triggers[0].if_fired.why).startswith("entered 2027-03-01 ")
    other = (await explained(desk, "again", contact, firm)).case
    assert other.passages[0].enrollment_id == newest
    assert len(other.passages) == 5
    alone = (await explained(desk, "again", contact)).case
    assert [each.enrollment_id for each in alone.passages] == ([] if several else [first])


async def test_a_draft_a_stranger_and_another_object(desk: Desk) -> None:
    await desk.draft(trial())
    contact = await desk.create("contact", email="ana@example.com")
    company = await desk.create("company", name="Acme")
    found = await explained(desk, "trial", contact)
    assert (found.case.by_hand.decision, found.state) == ("workflow_off", "never published, so nobody enters")
    with pytest.raises(NotFound, match="no record nobody"):
        await explained(desk, "trial", "nobody")
    with pytest.raises(Invalid, match="is about contact records"):
        await explained(desk, "trial", company)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Oslo"])
async def test_its_time_to_turn_off_is_told_in_the_zone_of_the_workflow(
    desk: Desk, clock: FixedClock, zone: str
) -> None:
    at = clock.now() + timedelta(hours=1)
    await desk.publish(trial(settings={"turn_off_at": utc_text(at), "timezone": zone}))
    contact = await desk.create("contact", email="ana@example.com")
    hour = f"{at.hour + (zone != 'UTC'):02d}"
    assert (await explained(desk, "trial", contact)).state == f"on until 2027-03-01 {hour}:{at:%M} ({zone})"
    clock.advance(timedelta(hours=2))
    found = await explained(desk, "trial", contact)
    assert found.case.by_hand.decision == "workflow_off"
    assert found.state == f"turned off: its time came on 2027-03-01 {hour}:{at:%M} ({zone}), so nobody enters"
