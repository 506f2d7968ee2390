"""Workflows that are turned off at the time their settings name."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.errors import Invalid
from services.authoring.turning_off import turn_off_due
from services.authoring.workflows import turn_off, turn_on
from services.installation import Installation
from services.records.records import update_record
from store.tables import workflows
from tests.fixtures.clock import START, FixedClock
from tests.fixtures.databases import until_it_waits
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk

AT = "2027-03-01T11:00:00+01:00"
"""An hour after ``START``."""


def until(at: str | None) -> dict[str, Any]:
    return by_hand("soon", [gap(days=9)], settings={"turn_off_at": at})


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def is_on(desk: Desk) -> tuple[bool, object]:
    async with desk.inst.db.read() as read:
        row = await read.one(select(workflows.c.is_on, workflows.c.turn_off_at))
    assert row is not None
    return bool(row["is_on"]), row["turn_off_at"]


async def swept(desk: Desk) -> None:
    """Let a relay run until the workflow is turned off."""
    stop = asyncio.Event()
    relay = asyncio.create_task(desk.relay.run_forever(stop))
    try:
        async with asyncio.timeout(30):
            while (await is_on(desk))[0]:
                await asyncio.sleep(0.01)
    finally:
        stop.set()
        await relay


async def test_nobody_enters_from_that_instant_on_and_those_inside_stay(desk: Desk, clock: FixedClock) -> None:
    workflow = await desk.publish(until(AT))
    first, second = [await desk.create("contact", email=f"c{n}@example.com") for n in range(2)]
    clock.advance(timedelta(minutes=59, seconds=59))
    assert await desk.enroll(workflow, first) == "enrolled"
    clock.advance(timedelta(seconds=1))
    assert await desk.enroll(workflow, second) == "workflow_off"
    assert await is_on(desk) == (True, START + timedelta(hours=1))
    await swept(desk)
    assert await is_on(desk) == (False, None)
    assert [e["end_reason"] for e in await desk.enrollments()] == [None]


async def test_before_its_time_nothing_is_turned_off(desk: Desk, clock: FixedClock) -> None:
    await desk.publish(until(AT))
    clock.advance(timedelta(minutes=59))
    assert await turn_off_due(desk.inst) == 0
    assert (await is_on(desk))[0]


async def test_who_turns_it_on_after_its_time_turns_it_on_for_good(desk: Desk, clock: FixedClock) -> None:
    workflow = await desk.publish(until(AT))
    clock.advance(timedelta(hours=2))
    async with desk.inst.db.transaction() as tx:
        await turn_on(tx, desk.inst, "soon", now=clock.now())
    assert await is_on(desk) == (True, None)
    contact = await desk.create("contact", email="ana@example.com")
    assert await desk.enroll(workflow, contact) == "enrolled"


async def test_publishing_gives_it_another_time_or_none_and_refuses_one_that_passed(
    desk: Desk, clock: FixedClock
) -> None:
    await desk.publish(until(AT))
    await desk.publish(until("2027-03-02T10:00:00Z"))
    assert await is_on(desk) == (True, START + timedelta(hours=25))
    await desk.publish(until(None))
    assert await is_on(desk) == (True, None)
    with pytest.raises(Invalid) as refused:
        await desk.publish(until("2027-03-01T09:00:00Z"))
    assert [(e.path, e.code) for e in refused.value.errors] == [("/settings/turn_off_at", "wrong_value")]
    assert await is_on(desk) == (True, None)


async def test_who_waits_for_the_record_does_not_enter_what_is_turned_off_meanwhile(desk: Desk) -> None:
    workflow = await desk.publish(until(None))
    contact = await desk.create("contact", email="ana@example.com")
    async with desk.inst.db.transaction() as tx:
        await update_record(tx, await desk.write(tx), contact, {"city": "Oslo"})
        await turn_off(tx, desk.inst, "soon", now=desk.inst.clock.now())
        entering = asyncio.ensure_future(desk.enroll(workflow, contact))
        await until_it_waits(desk.inst.db, entering)
    assert await entering == "workflow_off"
