"""What a wait finds when it asks, judged without a Temporal server; the runs are in ``tests/runs/test_waits.py``."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from domain.messages import StepCall
from services.events import Happened, record_event
from services.installation import Installation
from services.waits import judge_wait
from store.tables import events
from store.waits import PER_LOOK
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
    (inside,) = await desk.enrollments()
    call = StepCall(
        enrollment_id=inside["id"], workflow_id=workflow, version=1, step="one", n=1, now=desk.inst.clock.now()
    )
    async with desk.inst.db.transaction() as tx:
        answer = await judge_wait(tx, desk.inst, call)
    assert (answer.edge, answer.outcome) == ("matched", "done")
