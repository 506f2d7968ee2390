"""Goals reached after a workflow was gone through to the end: they convert, end nobody, and stay counted."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from sqlalchemy import insert, select

from services.installation import Installation
from services.records.associating import Link
from services.telling.report import Report, make_report
from store.database import Row
from store.ids import new_id
from store.tables import messages, workflows
from tests.runs.definitions import by_hand, follow_up, gap
from tests.services.desk import Desk

OSLO = {"id": "moved", "where": {"property": "city", "op": "is", "value": "Oslo"}}


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def report(desk: Desk, slug: str = "journey") -> Report:
    async with desk.inst.db.read() as read:
        found = await read.one(select(workflows).where(workflows.c.slug == slug))
        assert found is not None
        return await make_report(read, found)


async def emailed(desk: Desk, *, of: Collection[str] | None = None) -> None:
    """Everybody who ever entered, or these records, got an email at once."""
    for row in await desk.enrollments():
        if of is None or row["record_id"] in of:
            await _message(desk, row)


async def _message(desk: Desk, row: Row) -> None:
    now = desk.inst.clock.now()
    async with desk.inst.db.transaction() as tx:
        await tx.run(
            insert(messages), id=new_id(now), effect_key=new_id(now), enrollment_id=row["id"],
            workflow_id=row["workflow_id"], step="gap", record_id=row["record_id"], channel="email", status="sent",
            sender="us", recipient="them", text="Hi", created_at=now, sent_at=now,
        )  # fmt: skip


async def journey(desk: Desk, *goals: dict[str, Any]) -> list[str]:
    """Two contacts who went through to the end."""
    workflow_id = await desk.publish(by_hand("journey", [gap(days=1)], exit={"goals": list(goals)}))
    people = [await desk.create("contact", email=f"c{n}@example.com") for n in range(2)]
    for contact in people:
        await desk.enroll(workflow_id, contact)
    await desk.work_off()
    return people


async def test_a_goal_reached_after_the_end_converts_whoever_got_an_email(desk: Desk) -> None:
    ana, bo = await journey(desk, OSLO)
    await desk.end_all()
    await emailed(desk, of={ana})
    for contact in (ana, bo):
        await desk.patch(contact, city="Oslo")
    await desk.work_off()
    found = await report(desk)
    assert (found.totals.converted, found.totals.email_conversion) == (1, 0.5)
    assert (found.totals.goal, found.totals.conversion) == (0, 0.0)
    assert [(goal.reached, goal.converted) for goal in found.goals] == [(0, 1)]
    assert {row["end_reason"] for row in await desk.enrollments()} == {"completed"}


async def test_it_stays_counted_and_counts_once(desk: Desk) -> None:
    ana, _ = await journey(desk, OSLO)
    await desk.end_all()
    await emailed(desk)
    for city in ("Oslo", "Bergen", "Oslo"):
        await desk.patch(ana, city=city)
        await desk.work_off()
    assert (await report(desk)).totals.converted == 1
    await desk.patch(ana, city="Bergen")
    await desk.work_off()
    assert (await report(desk)).totals.converted == 1


async def test_whoever_left_for_another_reason_is_converted_by_nothing_afterwards(desk: Desk) -> None:
    barred = {"suppress": {"property": "country", "op": "is", "value": "SE"}}
    workflow_id = await desk.publish(by_hand("journey", [gap(days=1)], exit={"goals": [OSLO]}, entry=barred))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.enroll(workflow_id, contact)
    await desk.patch(contact, country="SE")
    await desk.work_off()
    await emailed(desk)
    await desk.patch(contact, city="Oslo")
    await desk.work_off()
    assert [row["end_reason"] for row in await desk.enrollments()] == ["suppressed"]
    assert (await report(desk)).totals.converted == 0


async def test_an_opportunity_won_after_the_end_converts_its_contact(desk: Desk) -> None:
    await desk.publish(follow_up("follow-up", wait={"days": 1}))
    contact = await desk.create("contact", email="ana@example.com")
    deal = await desk.create("opportunity", links=(Link(object="contact", id=contact),), stage="Engaging")
    await desk.work_off()
    await desk.end_all()
    await emailed(desk)
    await desk.patch(deal, stage="Won")
    await desk.work_off()
    found = await report(desk, "follow-up")
    assert (found.totals.converted, found.totals.goal) == (1, 0)
