"""Every yes and every no leaves a row with who caused it and what was seen, whichever way somebody came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import RowMapping

from domain.jobs import EnrollmentCall
from domain.records import Cause
from services.authoring.pausing import pause_workflow
from services.authoring.workflows import turn_off
from services.entering.by_hand import Ask, enroll_by_hand
from services.installation import Installation
from services.intake.events import Happened, record_event
from services.jobs.bulk_audiences import Order
from services.jobs.bulk_enrollment import enroll_page, request_bulk, request_existing
from services.records.associating import Link
from services.workflow_views import find
from store.jobs import Job
from tests.runs.definitions import by_hand, gap, of_opportunity
from tests.services.desk import Desk

MQL = {"property": "lifecycle_stage", "op": "is", "value": "mql"}
FORM = {"event_property": "form", "op": "is", "value": "trial"}
TRIGGERS = [
    {"id": "t1", "on": "filter", "where": MQL},
    {"id": "t2", "on": "event", "event": "form.submitted", "where": FORM},
]


def journey(**entry: Any) -> dict[str, Any]:
    """Entered by a filter, by an event and by hand; kept out by what a record says about itself."""
    return by_hand(
        "journey",
        [gap(days=9)],
        allow_multiple_opportunities=False,
        entry={"triggers": TRIGGERS, "suppress": {"property": "country", "op": "is", "value": "NO"}, **entry},
        exit={
            "goals": [{"id": "won", "where": of_opportunity("stage", "is", "Won")}],
            "when": {"property": "city", "op": "is", "value": "Oslo"},
        },
    )


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def by_filter(desk: Desk, contact: str) -> tuple[str, str | None]:
    await desk.patch(contact, lifecycle_stage="mql")
    await desk.work_off()
    return "api", None


async def by_event(desk: Desk, contact: str) -> tuple[str, str | None]:
    async with desk.inst.db.transaction() as tx:
        happened = Happened(name="form.submitted", properties={"form": "trial"})
        made = await record_event(tx, await desk.write(tx), contact, happened)
    await desk.work_off()
    return "event", made.id


async def by_call(desk: Desk, contact: str) -> tuple[str, str | None]:
    now = desk.inst.clock.now()
    async with desk.inst.db.transaction() as tx:
        workflow, ask = await find(tx, "journey"), Ask(object="contact", record_id=contact)
        await enroll_by_hand(tx, workflow, ask, cause=Cause(kind="api", id="key-1"), now=now)
    return "api", "key-1"


async def by_bulk(desk: Desk, contact: str) -> tuple[str, str | None]:
    async with desk.inst.db.transaction() as tx:
        workflow = await find(tx, "journey")
        order = Order(workflow="journey", workflow_id=workflow["id"], object="contact", ids=1)
        job = await request_bulk(tx, desk.inst, workflow, order, ids=[contact], now=desk.inst.clock.now())
    return "bulk", (await worked(desk, job)).id


async def by_publishing(desk: Desk, contact: str) -> tuple[str, str | None]:
    """Whoever matches when it is published: here whoever was made to, while no relay looked."""
    await desk.patch(contact, lifecycle_stage="mql")
    async with desk.inst.db.transaction() as tx:
        version = (await find(tx, "journey"))["version"]
        job = await request_existing(tx, desk.inst, "journey", version, now=desk.inst.clock.now())
    return "publish", (await worked(desk, job)).id


async def worked(desk: Desk, job: Job) -> Job:
    await enroll_page(desk.inst, EnrollmentCall(job_id=job.id))
    return job


Way = Callable[[Desk, str], Awaitable[tuple[str, str | None]]]
WAYS: dict[str, tuple[Way, str | None, list[Any]]] = {
    "filter": (by_filter, "t1", ["mql"]),
    "event": (by_event, "t2", ["trial"]),
    "call": (by_call, None, []),
    "bulk": (by_bulk, None, []),
    "existing": (by_publishing, "t1", ["mql"]),
}
"""How somebody comes, by which trigger, and the values that one sees."""


async def last_decision(desk: Desk) -> RowMapping:
    return (await desk.decision_rows())[-1]


async def suppressed(desk: Desk, contact: str) -> None:
    await desk.patch(contact, country="NO")


async def won(desk: Desk, contact: str) -> None:
    await desk.create("opportunity", (Link(object="contact", id=contact),), name="Deal", stage="Won")


async def in_oslo(desk: Desk, contact: str) -> None:
    await desk.patch(contact, city="Oslo")


async def inside(desk: Desk, contact: str) -> None:
    await by_call(desk, contact)


async def inside_about_a_deal(desk: Desk, contact: str) -> None:
    deal = await desk.create("opportunity", (Link(object="contact", id=contact),), name="Deal")
    async with desk.inst.db.transaction() as tx:
        ask = Ask(object="contact", record_id=contact, bound_object="opportunity", bound_id=deal)
        workflow = await find(tx, "journey")
        await enroll_by_hand(tx, workflow, ask, cause=Cause(kind="api", id="key-1"), now=desk.inst.clock.now())


async def inside_before(desk: Desk, contact: str) -> None:
    await by_call(desk, contact)
    await desk.end_all()


async def paused(desk: Desk, contact: str) -> None:
    async with desk.inst.db.transaction() as tx:
        await pause_workflow(tx, desk.inst, "journey", now=desk.inst.clock.now())


async def nothing(desk: Desk, contact: str) -> None:
    """Nothing stands in the way."""


SITUATIONS: dict[str, tuple[Callable[[Desk, str], Awaitable[None]], list[Any]]] = {
    "enrolled": (nothing, []),
    "workflow_paused": (paused, []),
    "already_active": (inside_about_a_deal, []),
    "absorbed_update": (inside, []),
    "re_entry_off": (inside_before, []),
    "suppressed": (suppressed, ["NO"]),
    "goal_already_met": (won, ["Won"]),
    "exit_already_met": (in_oslo, ["Oslo"]),
}
"""What leads to a decision, and the values that it sees after those of the trigger."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("decision", SITUATIONS)
async def test_each_decision_by_each_way_is_a_row_with_cause_and_values(desk: Desk, decision: str, way: str) -> None:
    await desk.publish(journey())
    contact = await desk.create("contact", email="ana@example.com")
    prepare, values = SITUATIONS[decision]
    await prepare(desk, contact)
    await desk.work_off()
    before = len(await desk.decision_rows())
    come, trigger, trigger_saw = WAYS[way]
    cause = await come(desk, contact)
    assert len(await desk.decision_rows()) == before + 1
    row = await last_decision(desk)
    assert (row["decision"], row["record_id"], row["trigger"]) == (decision, contact, trigger)
    assert (row["cause_kind"], row["cause_id"]) == cause
    assert [each["value"] for each in row["seen"]] == [*trigger_saw, *values]
    assert (row["change_seq"] is not None) == (way in ("filter", "event"))


@pytest.mark.parametrize("way", ["call", "bulk"])
@pytest.mark.parametrize("decision", ["workflow_off", "no_record"])
async def test_who_asks_a_workflow_that_is_off_or_for_who_is_gone_leaves_a_row(
    desk: Desk, decision: str, way: str
) -> None:
    await desk.publish(journey())
    contact = await desk.create("contact", email="ana@example.com")
    if decision == "no_record":
        await desk.delete(contact)
    else:
        async with desk.inst.db.transaction() as tx:
            await turn_off(tx, desk.inst, "journey", now=desk.inst.clock.now())
    cause = await WAYS[way][0](desk, contact)
    (row,) = await desk.decision_rows()
    assert (row["decision"], row["cause_kind"], row["cause_id"]) == (decision, *cause)


async def test_what_was_remembered_names_the_cause_it_had(desk: Desk) -> None:
    again = {"while_active": "again", "re_entry": {"allowed": True, "triggers": ["t2"]}}
    await desk.publish(journey(**again))
    contact = await desk.create("contact", email="ana@example.com")
    await by_call(desk, contact)
    cause = await by_event(desk, contact)
    await desk.end_all()
    await desk.work_off()
    taken, remembered = (await desk.decision_rows())[1:]
    assert (taken["decision"], remembered["decision"]) == ("absorbed_update", "enrolled")
    for row in (taken, remembered):
        assert (row["cause_kind"], row["cause_id"], row["trigger"]) == (*cause, "t2")
        assert row["seen"][0]["value"] == "trial"
    assert remembered["change_seq"] > taken["change_seq"]
