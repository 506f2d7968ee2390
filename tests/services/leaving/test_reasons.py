"""Leaving because what let somebody in no longer holds: at the gate, by a change, and only who a filter let in."""

from __future__ import annotations

from typing import Any

import pytest

from domain.messages import StepCall
from services.installation import Installation
from services.records.associating import Link
from services.running.steps import plan_delay
from tests.runs.definitions import by_hand, engaging, gap
from tests.services.desk import Desk

LEAD = {"property": "lifecycle_stage", "op": "is", "value": "lead"}
STEPS = [gap(days=1), gap("second", days=9)]


def leads(*triggers: dict[str, Any], stays: bool = True) -> dict[str, Any]:
    """A workflow left by whoever no longer matches what let them in."""
    found = list(triggers) or [{"id": "t1", "on": "filter", "where": LEAD}]
    return by_hand("leads", STEPS, entry={"triggers": found}, exit={"when_entry_no_longer_holds": stays})


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


@pytest.mark.parametrize(("stays", "ends"), [(True, [("no_longer_matches", "t1")]), (False, [])])
async def test_a_change_that_ends_the_match_ends_the_enrollment_where_asked(desk: Desk, stays: bool, ends: Any) -> None:
    await desk.publish(leads(stays=stays))
    contact = await desk.create("contact", email="ana@example.com", lifecycle_stage="lead")
    await desk.work_off()
    await desk.patch(contact, lifecycle_stage="mql")
    await desk.work_off()
    assert await desk.ends() == ends


async def test_the_gate_ends_it_before_any_relay_looks(desk: Desk) -> None:
    await desk.publish(leads())
    contact = await desk.create("contact", email="ana@example.com", lifecycle_stage="lead")
    await desk.work_off()
    await desk.patch(contact, lifecycle_stage="mql")
    (enrollment,) = await desk.enrollments()
    call = StepCall(
        enrollment_id=enrollment["id"], workflow_id=enrollment["workflow_id"], version=1, step="second", n=1,
        now=desk.inst.clock.now(),
    )  # fmt: skip
    async with desk.inst.db.transaction() as tx:
        answer = await plan_delay(tx, desk.inst, call)
    assert (answer.kind, answer.reason, answer.detail) == ("left", "no_longer_matches", "t1")
    assert await desk.ends() == [("no_longer_matches", "t1")]


async def test_who_came_by_hand_or_by_another_kind_of_trigger_stays(desk: Desk) -> None:
    changed = {"id": "t2", "on": "changed", "property": "city"}
    workflow = await desk.publish(leads({"id": "t1", "on": "filter", "where": LEAD}, changed))
    by_trigger = await desk.create("contact", email="ana@example.com", lifecycle_stage="mql")
    by_hand_ = await desk.create("contact", email="bo@example.com", lifecycle_stage="mql")
    await desk.patch(by_trigger, city="Oslo")
    await desk.enroll(workflow, by_hand_)
    await desk.work_off()
    for contact in (by_trigger, by_hand_):
        await desk.patch(contact, lifecycle_stage="customer")
    await desk.work_off()
    assert (await desk.decisions(), await desk.ends()) == ({"enrolled": 2}, [])


async def test_only_the_enrollment_whose_opportunity_stops_matching_ends(desk: Desk) -> None:
    await desk.publish(leads(engaging()))
    contact = await desk.create("contact", email="ana@example.com")
    link = (Link(object="contact", id=contact),)
    deals = [await desk.create("opportunity", link, name=name, stage="Engaging") for name in ("One", "Two")]
    await desk.work_off()
    await desk.patch(deals[0], stage="Prospecting")
    await desk.work_off()
    ended = {e["bound_id"]: e["end_reason"] for e in await desk.enrollments()}
    assert ended == {deals[0]: "no_longer_matches", deals[1]: None}


@pytest.mark.parametrize("binds", [False, True])
async def test_what_the_condition_reads_through_an_association_counts(desk: Desk, binds: bool) -> None:
    where = {"property": "country", "op": "is", "value": "NO", "of": {"object": "company"}}
    trigger = {"id": "t1", "on": "filter", "where": where, **({"object": "opportunity"} if binds else {})}
    await desk.publish(leads(trigger))
    company = await desk.create("company", name="Acme", domain="acme.example.com", country="NO")
    await desk.work_off()
    to_company = () if binds else (Link(object="company", id=company),)
    contact = await desk.create("contact", to_company, email="ana@example.com")
    if binds:
        await desk.create(
            "opportunity", (Link(object="contact", id=contact), Link(object="company", id=company)), name="Deal"
        )
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1}
    await desk.patch(company, country="SE")
    await desk.work_off()
    assert await desk.ends() == [("no_longer_matches", "t1")]


@pytest.mark.parametrize(
    ("stays", "decisions", "ends"),
    [
        (False, ["enrolled", "absorbed_update"], []),
        (True, ["enrolled", "re_entry_off"], [("no_longer_matches", "t1")]),
    ],
)
@pytest.mark.parametrize("relays_lag", [True, False])
async def test_a_record_that_matches_stops_and_matches_again_at_once_enters_once_and_the_reasons_are_kept(
    desk: Desk, stays: bool, decisions: list[str], ends: Any, relays_lag: bool
) -> None:
    await desk.publish(leads(stays=stays))
    contact = await desk.create("contact", email="ana@example.com")
    for stage in ("lead", "mql", "lead"):
        await desk.patch(contact, lifecycle_stage=stage)
        if not relays_lag:
            await desk.work_off()
    await desk.work_off()
    rows = await desk.decision_rows()
    assert [row["decision"] for row in rows] == decisions
    assert all([seen["value"] for seen in row["seen"]] == ["lead"] for row in rows)
    assert await desk.ends() == ends
    assert len(await desk.enrollments()) == 1
