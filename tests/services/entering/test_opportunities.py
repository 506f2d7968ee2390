"""Several opportunities of one contact, switched on and off while somebody is inside, and other types that bind."""

from __future__ import annotations

from typing import Any

import pytest

from domain.schema import PropertyType
from services.installation import Installation
from services.records.associating import Link
from services.records.schema import NewProperty, create_object_type
from tests.runs.definitions import by_hand, engaging, gap
from tests.services.desk import Desk

CITY = {"id": "t2", "on": "changed", "property": "city"}


def deals(*, many: bool, again: bool = True, triggers: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """Entered through opportunities, one at a time or many, and by a change of city."""
    found = [*(triggers or (engaging(), CITY))]
    re_entry = {"allowed": again, "triggers": [trigger["id"] for trigger in found]}
    entry = {"triggers": found, "re_entry": re_entry}
    return by_hand("deals", [gap(days=9)], allow_multiple_opportunities=many, entry=entry)


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def told(desk: Desk) -> list[str]:
    return [row["decision"] for row in await desk.decision_rows()]


async def engage(desk: Desk, contact: str, *names: str) -> list[str]:
    """Opportunities of a contact that qualify, one after the other."""
    link = (Link(object="contact", id=contact),)
    made = []
    for name in names:
        made.append(await desk.create("opportunity", link, name=name, stage="Engaging"))
        await desk.work_off()
    return made


async def appointments(desk: Desk) -> None:
    """Add a type of records of its own."""
    async with desk.inst.db.transaction() as tx:
        number = NewProperty(name="number", type=PropertyType.STRING, label="Number", unique=True)
        place = NewProperty(name="place", type=PropertyType.STRING, label="Place")
        await create_object_type(tx, "appointment", [number, place], now=desk.inst.clock.now())


async def qualify_again(desk: Desk, deal: str) -> None:
    for stage in ("Prospecting", "Engaging"):
        await desk.patch(deal, stage=stage)
    await desk.work_off()


async def test_switched_off_all_finish_and_nobody_new_enters_until_none_runs(desk: Desk) -> None:
    await desk.publish(deals(many=True))
    contact = await desk.create("contact", email="ana@example.com")
    first, second = await engage(desk, contact, "A", "B")
    await desk.publish(deals(many=False))
    await engage(desk, contact, "C")
    await qualify_again(desk, first)
    assert await told(desk) == ["enrolled", "enrolled", "already_active", "absorbed_update"]
    assert [e["bound_id"] for e in await desk.enrollments() if e["status"] != "ended"] == [first, second]
    await desk.end_all()
    await engage(desk, contact, "D")
    await engage(desk, contact, "E")
    assert (await told(desk))[4:] == ["enrolled", "already_active"]


@pytest.mark.parametrize("again", [True, False])
async def test_switched_on_who_runs_already_does_not_start_twice_and_others_join(desk: Desk, again: bool) -> None:
    await desk.publish(deals(many=False, again=again))
    contact = await desk.create("contact", email="ana@example.com")
    (first,) = await engage(desk, contact, "A")
    await desk.publish(deals(many=True, again=again))
    await qualify_again(desk, first)
    await engage(desk, contact, "B")
    assert await told(desk) == ["enrolled", "absorbed_update", "enrolled"]
    await desk.end_all()
    await qualify_again(desk, first)
    assert (await told(desk))[-1] == ("enrolled" if again else "re_entry_off")


async def test_once_ever_is_meant_for_the_contact_where_one_runs_at_a_time(desk: Desk) -> None:
    await desk.publish(deals(many=False, again=False))
    contact = await desk.create("contact", email="ana@example.com")
    await engage(desk, contact, "A")
    await desk.end_all()
    await engage(desk, contact, "B")
    assert await told(desk) == ["enrolled", "re_entry_off"]


@pytest.mark.parametrize(("many", "second"), [(True, "enrolled"), (False, "already_active")])
@pytest.mark.parametrize("contact_first", [True, False])
async def test_a_contact_trigger_and_an_opportunity_trigger_share_the_workflow(
    desk: Desk, many: bool, second: str, contact_first: bool
) -> None:
    await desk.publish(deals(many=many))
    contact = await desk.create("contact", email="ana@example.com")
    if contact_first:
        await desk.patch(contact, city="Oslo")
        await desk.work_off()
        await engage(desk, contact, "A")
    else:
        await engage(desk, contact, "A")
        await desk.patch(contact, city="Oslo")
        await desk.work_off()
    assert await told(desk) == ["enrolled", second]


async def test_switched_on_the_contact_itself_does_not_run_beside_who_runs_under_its_key(desk: Desk) -> None:
    """One that entered while the switch was off counts under the contact's own key, whatever it is bound to."""
    await desk.publish(deals(many=False))
    contact = await desk.create("contact", email="ana@example.com")
    await engage(desk, contact, "A")
    workflow = await desk.publish(deals(many=True))
    await desk.patch(contact, city="Oslo")
    await desk.work_off()
    assert await desk.enroll(workflow, contact) == "already_active"
    assert await told(desk) == ["enrolled", "already_active", "already_active"]
    await desk.end_all()
    assert await desk.enroll(workflow, contact) == "enrolled"


async def test_appointments_of_before_do_not_keep_the_first_opportunity_out(desk: Desk) -> None:
    await appointments(desk)
    booked = {"id": "t3", "on": "filter", "object": "appointment", "where": {"property": "place", "op": "known"}}
    await desk.publish(deals(many=False, again=False, triggers=(engaging(), booked)))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.create("appointment", (Link(object="contact", id=contact),), number="1", place="Oslo")
    await desk.work_off()
    await desk.end_all()
    await engage(desk, contact, "A")
    assert await told(desk) == ["enrolled", "enrolled"]
