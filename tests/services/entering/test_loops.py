"""A workflow is kept from feeding on records it created itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.records import Cause
from services.installation import Installation
from services.records.associating import Link
from services.records.records import create_record
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk

LONG = [gap(days=9)]


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


@pytest.mark.parametrize("object", ["contact", "opportunity"])
async def test_what_an_enrollment_created_lets_nobody_into_its_own_workflow_but_into_others(
    desk: Desk, object: str
) -> None:
    binds = {"object": "opportunity"} if object == "opportunity" else {}
    entry = {"triggers": [{"id": "t1", "on": "created", **binds}]}
    maker = await desk.publish(by_hand("maker", LONG, entry=entry))
    await desk.publish(by_hand("other", LONG, entry=entry))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.enroll(maker, contact)
    await desk.work_off()
    before = len(await desk.decision_rows())
    (made_by,) = [e for e in await desk.enrollments() if e["workflow_id"] == maker]
    links = (Link(object="contact", id=contact),) if binds else ()
    async with desk.inst.db.transaction() as tx:
        write = replace(await desk.write(tx), cause=Cause(kind="enrollment", id=made_by["id"], depth=1))
        await create_record(tx, write, object, {"external_id": "made"}, links)
    await desk.work_off()
    told = {row["workflow_id"]: row for row in (await desk.decision_rows())[before:]}
    assert told[maker]["decision"] == "loop_stopped"
    assert told[maker]["detail"] == f"maker created the record itself, in enrollment {made_by['id']}"
    assert sorted(row["decision"] for row in told.values()) == ["enrolled", "loop_stopped"]
