"""A first delay that an entry planned by values that changed meanwhile is asked for anew."""

from __future__ import annotations

import asyncio

import pytest

from domain.records import Cause
from services.authoring.live import change_live
from services.entering.enrolling import EnrollRequest, enroll
from services.installation import Installation
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import anchored, by_hand, gap
from tests.services.desk import Desk


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def move_clock(desk: Desk, timezone: str) -> None:
    async with desk.inst.db.transaction() as tx:
        values = {"timezone": timezone}
        await change_live(tx, desk.inst, "journey", values, cause=Cause(kind="api"), now=desk.inst.clock.now())


def told_to_ask_again(runs: RecordingRuns) -> int:
    return sum(payload.get("retime") is True for _, _, payload in runs.signals)


# SQLite has one writer: there an entry commits before the settings change, or reads them after it.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_an_entry_that_commits_behind_a_change_of_settings_asks_again(desk: Desk, runs: RecordingRuns) -> None:
    workflow_id = await desk.publish(by_hand("journey", [gap(days=1)]))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.work_off()
    planned, commit = asyncio.Event(), asyncio.Event()

    async def enter_slowly() -> None:
        request = EnrollRequest(workflow_id=workflow_id, record_id=contact, cause=Cause(kind="api"))
        async with desk.inst.db.transaction() as tx:
            await enroll(tx, request, now=desk.inst.clock.now())
            planned.set()
            await commit.wait()

    entering = asyncio.create_task(enter_slowly())
    await planned.wait()
    await move_clock(desk, "Asia/Tokyo")
    await desk.work_off()
    assert told_to_ask_again(runs) == 0, "nobody is inside yet"
    commit.set()
    await entering
    await desk.work_off()
    assert len(runs.started) == 1
    assert told_to_ask_again(runs) == 1


async def test_the_date_of_an_associated_record_is_left_to_the_run(desk: Desk, runs: RecordingRuns) -> None:
    anchor = {"property": "close_date", "of": "opportunity", "time": "18:00"}
    definition = by_hand("renewal", [anchored("day", hours=-1)])
    workflow_id = await desk.publish(definition | {"type": "date_property", "anchor": anchor})
    deal = await desk.create("opportunity", name="Deal", stage="Engaging", close_date="2099-03-01")
    contact = await desk.create("contact", email="ana@example.com")
    await desk.associate(contact, deal)
    await desk.work_off()
    assert await desk.enroll(workflow_id, contact) == "enrolled"
    await desk.work_off()
    (start,) = runs.started
    assert "state" not in start.start, "the entry read a date it did not lock"


async def test_an_entry_planned_by_what_holds_is_not_asked_again(desk: Desk, runs: RecordingRuns) -> None:
    workflow_id = await desk.publish(by_hand("journey", [gap(days=1)]))
    await move_clock(desk, "Asia/Tokyo")
    await desk.work_off()
    await desk.enroll(workflow_id, await desk.create("contact", email="ana@example.com"))
    await desk.work_off()
    assert len(runs.started) == 1
    assert told_to_ask_again(runs) == 0
