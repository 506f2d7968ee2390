"""What a change means, judged without a Temporal server: edges, pages, order, and what a relay survives."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import func, select, update

import services.relaying.judgement
import services.relaying.relay
import services.versions
from domain.records import Change
from services.installation import Installation
from services.records.associating import Link
from services.relaying.relay import Relay
from store.database import Database, Tx
from store.intake import LEASE, add_delivery
from store.tables import changes, deliveries, enrollments, workflows
from tests.fixtures.breaking import break_version
from tests.fixtures.clock import FixedClock
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, engaging, follow_up, gap, of_opportunity
from tests.services.desk import Desk


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def test_an_opportunity_created_with_its_contact_enters_once(desk: Desk) -> None:
    await desk.publish(follow_up("follow-up", wait={"days": 1}))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.create("opportunity", (Link(object="contact", id=contact),), name="Deal", stage="Engaging")
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1}


async def test_a_contact_created_with_an_opportunity_that_matches_enters_once(desk: Desk) -> None:
    await desk.publish(follow_up("follow-up", wait={"days": 1}))
    deal = await desk.create("opportunity", name="Deal", stage="Engaging")
    await desk.work_off()
    await desk.create("contact", (Link(object="opportunity", id=deal),), email="ana@example.com")
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1}


@pytest.mark.parametrize("created", ["contact", "opportunity"])
async def test_a_condition_on_associated_records_fires_once_for_a_linked_creation(desk: Desk, created: str) -> None:
    trigger = {"id": "t1", "on": "filter", "where": of_opportunity("stage", "is", "Engaging")}
    await desk.publish(by_hand("near", [gap(days=1)], entry={"triggers": [trigger]}))
    if created == "opportunity":
        contact = await desk.create("contact", email="ana@example.com")
        await desk.work_off()
        await desk.create("opportunity", (Link(object="contact", id=contact),), name="Deal", stage="Engaging")
    else:
        deal = await desk.create("opportunity", name="Deal", stage="Engaging")
        await desk.work_off()
        await desk.create("contact", (Link(object="opportunity", id=deal),), email="ana@example.com")
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1}


async def test_a_new_label_lets_nobody_in_who_matched_under_the_old_one(desk: Desk) -> None:
    trigger = {"id": "t1", "on": "filter", "where": of_opportunity("stage", "is", "Engaging")}
    again = {"allowed": True, "triggers": ["t1"]}
    await desk.publish(by_hand("near", [gap(days=1)], entry={"triggers": [trigger], "re_entry": again}))
    contact = await desk.create("contact", email="ana@example.com")
    deal = await desk.create("opportunity", name="Deal", stage="Engaging")
    await desk.work_off()
    await desk.associate(contact, deal)
    await desk.work_off()
    await desk.associate(contact, deal, "buyer")
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1}


async def test_a_deletion_lets_in_who_asks_for_the_absence(desk: Desk) -> None:
    none = {"property": "stage", "op": "is", "value": "Engaging", "of": {"object": "opportunity", "match": "none"}}
    contact = await desk.create("contact", email="ana@example.com")
    deal = await desk.create("opportunity", (Link(object="contact", id=contact),), name="Deal", stage="Engaging")
    await desk.work_off()
    trigger = {"id": "t1", "on": "filter", "where": none}
    await desk.publish(by_hand("free", [gap(days=1)], entry={"triggers": [trigger]}))
    await desk.delete(deal)
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1}


async def test_a_change_that_concerns_more_than_a_page_reaches_everybody_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.relaying.judgement, "PAGE", 2)
    where = {"property": "country", "op": "is", "value": "NO", "of": {"object": "company"}}
    await desk.publish(
        by_hand(
            "tier", [gap(days=1)],
            entry={"triggers": [{"id": "a_trigger_with_quite_a_long_name_indeed", "on": "filter", "where": where}]},
            exit={"when": {"property": "name", "op": "is", "value": "Gone", "of": {"object": "company"}}},
        )
    )  # fmt: skip
    company = await desk.create("company", name="Acme", domain="acme.example.com")
    for n in range(5):
        await desk.create("contact", (Link(object="company", id=company),), email=f"c{n}@example.com")
    await desk.work_off()
    await desk.patch(company, country="NO")
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 5}
    await desk.patch(company, name="Gone")
    await desk.work_off()
    async with desk.inst.db.read() as read:
        left = await read.scalar(select(func.count()).where(enrollments.c.end_reason == "exit_condition"))
    assert left == 5


@pytest.mark.parametrize("page", [1, 2, 7, 8])
async def test_whoever_enters_with_one_bound_record_is_let_in_page_by_page_and_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(services.relaying.judgement, "PAGE", page)
    where = {"property": "country", "op": "is", "value": "NO"}
    bound = {"id": "t1", "on": "filter", "object": "company", "where": where}
    await desk.publish(by_hand("accounts", [gap(days=1)], entry={"triggers": [bound]}))
    await desk.publish(by_hand("second", [gap(days=1)], entry={"triggers": [bound]}))
    company = await desk.create("company", name="Acme", domain="acme.example.com")
    for n in range(7):
        await desk.create("contact", (Link(object="company", id=company),), email=f"c{n}@example.com")
    await desk.work_off()
    in_each: list[int] = []
    judge = services.relaying.relay.judge_page

    async def counting(tx: Tx, change: Change, *, now: datetime) -> str | None:
        before = await tx.scalar(select(func.count()).select_from(enrollments))
        cursor = await judge(tx, change, now=now)
        in_each.append(await tx.scalar(select(func.count()).select_from(enrollments)) - before)
        return cursor

    monkeypatch.setattr(services.relaying.relay, "judge_page", counting)
    await desk.patch(company, country="NO")
    await desk.work_off()
    assert max(in_each) == page
    assert await desk.decisions() == {"enrolled": 14}
    assert {e["bound_id"] for e in await desk.enrollments()} == {company}


async def test_where_one_runs_at_a_time_a_contact_without_opportunity_waits_too(desk: Desk) -> None:
    again = {"allowed": True, "triggers": []}
    workflow = await desk.publish(
        follow_up(
            "one", wait={"days": 1}, allow_multiple_opportunities=False,
            entry={"triggers": [engaging()], "re_entry": again},
        )
    )  # fmt: skip
    contact = await desk.create("contact", email="ana@example.com")
    await desk.create("opportunity", (Link(object="contact", id=contact),), name="Deal", stage="Engaging")
    await desk.work_off()
    assert await desk.enroll(workflow, contact) == "already_active"


async def test_a_delivery_that_cannot_be_made_stops_no_other(desk: Desk, runs: RecordingRuns) -> None:
    broken = await desk.publish(by_hand("broken", [gap(days=1)]))
    whole = await desk.publish(by_hand("whole", [gap(days=1)]))
    first = await desk.create("contact", email="a@example.com")
    second = await desk.create("contact", email="b@example.com")
    await desk.enroll(broken, first)
    await desk.enroll(whole, second)
    await break_version(desk.inst.db, "broken")
    services.versions.forget_contents()
    await desk.relay.drain_once()
    assert [run.slug for run in runs.started] == ["whole"]
    async with desk.inst.db.read() as read:
        rows = await read.all(select(deliveries.c.attempts, deliveries.c.error))
    assert [row["attempts"] for row in rows] == [1]
    assert rows[0]["error"]


async def test_a_start_whose_process_died_is_carried_by_a_relay_once_its_lease_is_over(
    desk: Desk, runs: RecordingRuns, clock: FixedClock
) -> None:
    workflow = await desk.publish(by_hand("journey", [gap(days=1)]))
    contact = await desk.create("contact", email="a@example.com")
    await desk.enroll(workflow, contact, starter="an-api-that-died")
    await desk.work_off()
    assert runs.started == []
    clock.advance(LEASE)
    await desk.work_off()
    assert [run.slug for run in runs.started] == ["journey"]


async def test_news_that_was_tried_keeps_its_id_and_newer_news_gets_its_own(desk: Desk) -> None:
    async with desk.inst.db.transaction() as tx:
        now = desk.inst.clock.now()
        await add_delivery(tx, "e", "record_changed", {"record_id": "a", "version": 1}, now=now)
        await add_delivery(tx, "e", "record_changed", {"record_id": "a", "version": 2}, now=now)
        await add_delivery(tx, "e", "record_changed", {"record_id": "b", "version": 1}, now=now)
        await tx.run(update(deliveries).values(attempts=1))
        await add_delivery(tx, "e", "record_changed", {"record_id": "a", "version": 3}, now=now)
        rows = await tx.all(select(deliveries.c.payload).order_by(deliveries.c.seq))
    assert [(r["payload"]["record_id"], r["payload"]["version"]) for r in rows] == [("a", 2), ("b", 1), ("a", 3)]


async def test_two_relays_judge_one_contact_inside_and_outside_without_a_deadlock(
    database: Database, installation: Installation
) -> None:
    desk = Desk(installation)
    inside = await desk.publish(
        by_hand("inside", [gap(days=1)], exit={"when": {"property": "city", "op": "is", "value": "Nowhere"}})
    )
    where = {"property": "city", "op": "known"}
    again = {"allowed": True, "triggers": ["t1"]}
    await desk.publish(
        by_hand(
            "outside",
            [gap(days=1)],
            entry={"triggers": [{"id": "t1", "on": "filter", "where": where}], "re_entry": again},
        )
    )
    deals = [await desk.create("opportunity", name=f"Deal {n}") for n in range(6)]
    contact = await desk.create(
        "contact", tuple(Link(object="opportunity", id=deal) for deal in deals), email="ana@example.com"
    )
    await desk.enroll(inside, contact)
    await desk.work_off()
    for n in range(6):
        await desk.patch(contact, city=f"City {n}")
        await desk.patch(contact, city=None)
    other = Relay(installation, "relay-2")

    async def run(relay: Relay) -> None:
        async def open_changes() -> int:
            async with database.read() as read:
                return int(await read.scalar(select(func.count()).where(changes.c.done_at.is_(None))) or 0)

        while await open_changes():
            await relay.drain_once()

    await asyncio.gather(run(desk.relay), run(other))
    async with database.read() as read:
        failed = await read.scalar(select(func.count()).where(changes.c.attempts > 0))
    assert failed == 0


async def test_news_of_a_record_keeps_that_its_run_has_to_time_anew(desk: Desk) -> None:
    await desk.publish(by_hand("waits", [gap(days=1)]))
    async with desk.inst.db.read() as read:
        workflow = str(await read.scalar(select(workflows.c.id)))
    record = await desk.create("contact", email="ana@example.com")
    await desk.enroll(workflow, record)
    (inside,) = await desk.enrollments()
    async with desk.inst.db.transaction() as tx:
        now = desk.inst.clock.now()
        for version, more in ((2, {"retime": True}), (3, {})):
            news = {"record_id": record, "version": version, **more}
            await add_delivery(tx, inside["id"], "record_changed", news, now=now)
    async with desk.inst.db.read() as read:
        told = await read.all(select(deliveries.c.payload).where(deliveries.c.kind == "record_changed"))
    assert [row["payload"] for row in told] == [{"record_id": record, "version": 3, "retime": True}]
