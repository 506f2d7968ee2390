"""Leaving because of what becomes of records: an opportunity that is deleted, unlinked or moved to another contact."""

from __future__ import annotations

import pytest

from services.installation import Installation
from services.records.associating import Link
from tests.runs.definitions import by_hand, engaging, gap, won
from tests.services.desk import Desk

LONG = [gap(days=9)]


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def test_an_opportunity_moved_to_another_contact_ends_the_one_and_lets_in_the_other(desk: Desk) -> None:
    await desk.publish(by_hand("deals", LONG, entry={"triggers": [engaging()]}))
    ana, bo = [await desk.create("contact", email=f"{name}@example.com") for name in ("ana", "bo")]
    deal = await desk.create("opportunity", (Link(object="contact", id=ana),), name="Moved", stage="Engaging")
    kept = await desk.create("opportunity", (Link(object="contact", id=ana),), name="Kept", stage="Engaging")
    await desk.work_off()
    await desk.associate(deal, bo)
    await desk.dissociate(deal, ana)
    # The reason is in the transaction of the write: no relay has looked yet.
    assert await desk.ends() == [("bound_record_gone", "no longer associated")]
    await desk.work_off()
    inside = [(e["record_id"], e["bound_id"]) for e in await desk.enrollments() if e["status"] != "ended"]
    assert inside == [(ana, kept), (bo, deal)]


async def test_unlinking_what_nobody_is_bound_to_ends_nobody(desk: Desk) -> None:
    workflow = await desk.publish(by_hand("plain", LONG))
    contact = await desk.create("contact", email="ana@example.com")
    deal = await desk.create("opportunity", (Link(object="contact", id=contact),), name="Deal")
    await desk.enroll(workflow, contact)
    await desk.dissociate(contact, deal)
    assert await desk.ends() == []


@pytest.mark.parametrize(("stage_after", "ends"), [("Engaging", []), ("Won", [("goal", "won")])])
async def test_a_goal_of_an_associated_record_that_was_over_before_the_entry_ends_nobody(
    desk: Desk, stage_after: str, ends: list[tuple[str, str]]
) -> None:
    workflow = await desk.publish(by_hand("deals", LONG, exit={"goals": [won()]}))
    contact = await desk.create("contact", email="ana@example.com")
    deal = await desk.create("opportunity", (Link(object="contact", id=contact),), name="Deal", stage="Engaging")
    await desk.patch(deal, stage="Won")
    await desk.patch(deal, stage="Engaging")
    assert await desk.enroll(workflow, contact) == "enrolled"
    if stage_after == "Won":
        await desk.patch(deal, stage="Won")
    await desk.work_off()
    assert await desk.ends() == ends
