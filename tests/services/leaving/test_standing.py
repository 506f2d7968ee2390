"""What a record did in a workflow is told when it becomes true: to whoever asks, once."""

from __future__ import annotations

import asyncio

import pytest

from services.authoring.workflows import delete_workflow
from services.entering.by_hand import unenroll
from services.installation import Installation
from services.records.associating import Link
from services.records.records import update_record
from tests.fixtures.databases import until_it_waits
from tests.runs.definitions import by_hand, engaging, gap
from tests.services.desk import Desk

LONG = [gap(days=9), gap("second", days=9)]
CUSTOMER = {"property": "lifecycle_stage", "op": "is", "value": "customer"}


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def entered(desk: Desk, trigger: str) -> int:
    """How often a trigger fired and let somebody in."""
    fired = [row for row in await desk.decision_rows() if row["trigger"] == trigger]
    return [row["decision"] for row in fired].count("enrolled")


async def test_a_goal_that_jumps_is_told_when_it_is_reached_and_not_again_at_the_end(desk: Desk) -> None:
    goal = {"id": "g1", "name": "Customer", "where": CUSTOMER, "go_to": "second"}
    welcome = await desk.publish(by_hand("welcome", LONG, exit={"goals": [goal]}))
    where = {"workflow": "welcome", "status": "met_goal"}
    entry = {
        "triggers": [{"id": "met", "on": "filter", "where": where}],
        "re_entry": {"allowed": True, "triggers": ["met"]},
    }
    await desk.publish(by_hand("after", LONG, entry=entry))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.enroll(welcome, contact)
    await desk.work_off()
    await desk.patch(contact, lifecycle_stage="customer")
    await desk.work_off()
    assert await entered(desk, "met") == 1
    await desk.end_all()
    await desk.work_off()
    assert await entered(desk, "met") == 1


async def test_who_deletes_a_workflow_tells_of_those_inside_behind_whoever_writes_them(desk: Desk) -> None:
    """Changes of one record are in the order of their commits, as each is written under its lock."""
    plain = await desk.publish(by_hand("plain", LONG))
    left = {"not": {"workflow": "plain", "status": "active"}}
    await desk.publish(by_hand("after", LONG, entry={"triggers": [{"id": "t1", "on": "filter", "where": left}]}))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.enroll(plain, contact)
    db = desk.inst.db

    async def delete() -> None:
        async with db.transaction() as tx:
            await delete_workflow(tx, "plain", if_match="*", inside="leave", now=desk.inst.clock.now())

    async with db.transaction() as tx:
        await update_record(tx, await desk.write(tx), contact, {"city": "Oslo"})
        deleting = asyncio.ensure_future(delete())
        await until_it_waits(db, deleting)
        assert not deleting.done()
    await deleting
    assert await desk.ends() == [("workflow_deleted", None)]


async def test_of_two_passages_that_end_at_the_same_moment_the_second_knows_of_the_first(desk: Desk) -> None:
    """Both share the record; had each seen the other inside, nobody would ever say that the record is out."""
    await desk.publish(by_hand("deals", LONG, entry={"triggers": [engaging()]}))
    out = {"all": [{"not": {"workflow": "deals", "status": "active"}}, {"workflow": "deals", "status": "enrolled"}]}
    await desk.publish(by_hand("after", LONG, entry={"triggers": [{"id": "out", "on": "filter", "where": out}]}))
    contact = await desk.create("contact", email="ana@example.com")
    for name in ("One", "Two"):
        await desk.create("opportunity", (Link(object="contact", id=contact),), name=name, stage="Engaging")
    await desk.work_off()
    first, second = [e["id"] for e in await desk.enrollments()]
    db, now = desk.inst.db, desk.inst.clock.now()

    async def leave() -> None:
        async with db.transaction() as tx:
            await unenroll(tx, second, now=now)

    async with db.transaction() as tx:
        await unenroll(tx, first, now=now)
        leaving = asyncio.ensure_future(leave())
        await until_it_waits(db, leaving)
    await leaving
    await desk.work_off()
    assert await entered(desk, "out") == 1
