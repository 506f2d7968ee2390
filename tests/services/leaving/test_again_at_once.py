"""Two passages that end at the same time: what was remembered once comes again once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, text

from domain.messages import EndCall
from services.installation import Installation
from services.records.associating import Link
from services.running.steps import finish_enrollment
from store.tables import changes, entry_keys
from tests.runs.definitions import by_hand, engaging, gap
from tests.services.desk import Desk

LONG = [gap(days=9)]


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def somebody_waits(desk: Desk) -> None:
    """Until another transaction waits for a lock, as only PostgreSQL lets it come that far."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(20):
        while True:
            async with desk.inst.db.read() as read:
                if await read.scalar(waiting):
                    return


def deals(several: bool) -> dict[str, Any]:
    entry = {"triggers": [engaging()], "re_entry": {"allowed": True, "triggers": ["t1"]}, "while_active": "again"}
    return by_hand("deals", LONG, entry=entry, allow_multiple_opportunities=several)


async def test_what_is_remembered_once_is_one_new_passage_when_two_end_at_once(desk: Desk) -> None:
    await desk.publish(deals(True))
    contact = await desk.create("contact", email="ana@example.com")
    link = (Link(object="contact", id=contact),)
    for name in ("One", "Two"):
        await desk.create("opportunity", link, name=name, stage="Engaging")
    await desk.work_off()
    await desk.publish(deals(False))
    await desk.create("opportunity", link, name="Three", stage="Engaging")
    await desk.work_off()
    inside = [e for e in await desk.enrollments() if e["status"] != "ended"]
    assert len(inside) == 2
    async with desk.inst.db.read() as read:
        assert [r["key"] for r in await read.all(select(entry_keys).where(entry_keys.c.again.is_not(None)))] == [
            contact
        ]
    begun = asyncio.Event()

    async def end(n: int) -> None:
        async with desk.inst.db.transaction() as tx:
            await finish_enrollment(tx, desk.inst, EndCall(enrollment_id=inside[n]["id"], now=desk.inst.clock.now()))
            begun.set()
            if n == 0 and desk.inst.db.dialect == "postgresql":
                await somebody_waits(desk)

    first = asyncio.ensure_future(end(0))
    await begun.wait()
    second = asyncio.ensure_future(end(1))
    await asyncio.gather(first, second)
    async with desk.inst.db.read() as read:
        rows = await read.all(select(changes).where(changes.c.kind == "enrollment"))
    causes = len([r for r in rows if "again" in (r["detail"] or {})])
    await desk.work_off()
    for _ in range(3):
        await desk.end_all()
        await desk.work_off()
    found = await desk.enrollments()
    assert (causes, len(found)) == (1, 3), [r["decision"] for r in await desk.decision_rows()]


async def test_the_same_in_a_workflow_as_it_is_by_default(desk: Desk) -> None:
    """The contact itself and one opportunity are inside; the contact's trigger is remembered; both end at once."""
    city = {"id": "t2", "on": "changed", "property": "city"}
    entry = {
        "triggers": [engaging(), city],
        "re_entry": {"allowed": True, "triggers": ["t1", "t2"]},
        "while_active": "again",
    }
    await desk.publish(by_hand("deals", LONG, entry=entry))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.create("opportunity", (Link(object="contact", id=contact),), name="One", stage="Engaging")
    for name in ("Oslo", "Bergen"):
        await desk.patch(contact, city=name)
        await desk.work_off()
    inside = [e for e in await desk.enrollments() if e["status"] != "ended"]
    assert len(inside) == 2
    begun = asyncio.Event()

    async def end(n: int) -> None:
        async with desk.inst.db.transaction() as tx:
            await finish_enrollment(tx, desk.inst, EndCall(enrollment_id=inside[n]["id"], now=desk.inst.clock.now()))
            begun.set()
            if n == 0 and desk.inst.db.dialect == "postgresql":
                await somebody_waits(desk)

    first = asyncio.ensure_future(end(0))
    await begun.wait()
    await asyncio.gather(first, asyncio.ensure_future(end(1)))
    for _ in range(4):
        await desk.work_off()
        await desk.end_all()
    # The opportunity, the contact, and the contact once more.
    assert len(await desk.enrollments()) == 3, [r["decision"] for r in await desk.decision_rows()]
