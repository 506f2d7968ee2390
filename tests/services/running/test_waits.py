"""What a wait finds when it asks, judged without a Temporal server; the runs are in ``tests/runs/test_waits.py``."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

import store.waits
from domain.messages import StepAnswer, StepCall
from services.installation import Installation
from services.intake.events import Happened, record_event
from services.running.waits import judge_wait
from store.tables import events
from store.waits import PER_LOOK
from tests.fixtures.statements import counting
from tests.runs.definitions import by_hand
from tests.services.desk import Desk


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def happens(desk: Desk, contact: str, room: str) -> None:
    async with desk.inst.db.transaction() as tx:
        happened = Happened(name="custom.joined", properties={"room": room})
        await record_event(tx, await desk.write(tx), contact, happened)


async def repeat(desk: Desk, times: int) -> None:
    """Have the only event there is so far happen so many times more."""
    async with desk.inst.db.transaction() as tx:
        row = await tx.one(select(events))
        assert row is not None
        await tx.run(insert(events), [{**row, "id": f"noise-{n}"} for n in range(times)])


async def test_an_event_is_found_behind_any_number_of_others(desk: Desk) -> None:
    where = {"event_property": "room", "op": "is", "value": "blue"}
    wait: dict[str, Any] = {"id": "one", "kind": "wait", "for_event": {"event": "custom.joined", "where": where}}
    workflow = await desk.publish(by_hand("rooms", [{**wait, "timeout": {"days": 2}}]))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.enroll(workflow, contact)
    await happens(desk, contact, "red")
    await repeat(desk, PER_LOOK)
    await happens(desk, contact, "blue")
    answer = await asked(desk, workflow)
    assert (answer.edge, answer.outcome) == ("matched", "done")


async def test_of_what_happened_before_entry_only_the_newest_is_looked_at_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.waits, "BEFORE_ENTRY", 10)
    monkeypatch.setattr(store.waits, "PER_LOOK", 5)
    blue = {"event": "custom.joined", "scope": "ever", "where": {"event_property": "room", "op": "is", "value": "blue"}}
    wait: dict[str, Any] = {"id": "one", "kind": "wait", "for_event": blue, "timeout": {"days": 2}}
    workflow = await desk.publish(by_hand("rooms", [wait]))
    looked = {}
    for noise in (9, 10, 40):
        contact = await desk.create("contact", external_id=f"c{noise}")
        await happens(desk, contact, "blue")
        for _ in range(noise):
            await happens(desk, contact, "red")
        await desk.enroll(workflow, contact)
        with counting() as statements:
            answer = await asked(desk, workflow)
        looked[noise] = answer.edge, sum("events" in each for each in statements)
    assert [edge for edge, _ in looked.values()] == ["matched", None, None]
    assert looked[40] == looked[10]
    for _ in range(12):
        await happens(desk, contact, "red")
    await happens(desk, contact, "blue")
    assert (await asked(desk, workflow, turn=1)).edge == "matched", "nothing that came since is left out"


async def asked(desk: Desk, workflow: str, *, turn: int = 0) -> StepAnswer:
    """What the wait of whoever entered last is told when it asks for the n-th time."""
    inside = (await desk.enrollments())[-1]
    call = StepCall(
        enrollment_id=inside["id"],
        workflow_id=workflow,
        version=1,
        step="one",
        n=1,
        now=desk.inst.clock.now(),
        turn=turn,
    )
    async with desk.inst.db.transaction() as tx:
        return await judge_wait(tx, desk.inst, call)
