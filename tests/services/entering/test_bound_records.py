"""Each bound record runs on its own: opportunities where the switch says so, any other type always (rule E7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from domain.schema import PropertyType
from services.installation import Installation
from services.records.associating import Link
from services.records.merging import merge_records
from services.records.schema import NewProperty, create_object_type
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, gap, task
from tests.services.desk import Desk

CITY = {"id": "t2", "on": "changed", "property": "city"}


@dataclass
class Bound:
    """Records of one type that bind, and a workflow of contacts they lead into."""

    desk: Desk
    object: str
    many: bool

    def trigger(self) -> dict[str, Any]:
        where = {"property": "stage", "op": "is", "value": "Engaging"}
        return {"id": "t1", "on": "filter", "object": self.object, "where": where}

    async def publish(self, *, again: bool = True) -> str:
        triggers = [self.trigger(), CITY]
        re_entry = {"allowed": again, "triggers": [trigger["id"] for trigger in triggers]}
        definition = by_hand(
            "bound",
            [gap(days=9), task("call", f"Call about {{{{ {self.object}.name }}}}")],
            allow_multiple_opportunities=self.many,
            entry={"triggers": triggers, "re_entry": re_entry},
        )
        return await self.desk.publish(definition)

    async def contact(self, name: str = "ana") -> str:
        return await self.desk.create("contact", email=f"{name}@example.com")

    async def engage(self, contact: str, *names: str) -> list[str]:
        """Records of a contact that qualify, one after the other."""
        made = []
        for name in names:
            link = (Link(object="contact", id=contact),)
            made.append(await self.desk.create(self.object, link, name=name, stage="Engaging"))
            await self.desk.work_off()
        return made

    async def engage_again(self, record_id: str) -> None:
        for stage in ("Prospecting", "Engaging"):
            await self.desk.patch(record_id, stage=stage)
        await self.desk.work_off()

    async def told(self) -> list[str]:
        return [row["decision"] for row in await self.desk.decision_rows()]

    async def inside(self) -> list[tuple[str, str | None]]:
        """Contact and bound record of whoever is inside, in the order of entry."""
        return [(e["record_id"], e["bound_id"]) for e in await self.desk.enrollments() if e["status"] != "ended"]


async def appointments(desk: Desk) -> None:
    """A type of object somebody made, like the opportunity in what these tests use."""
    async with desk.inst.db.transaction() as tx:
        name = NewProperty(name="name", type=PropertyType.STRING, label="Name", unique=True)
        stage = NewProperty(name="stage", type=PropertyType.STRING, label="Stage")
        await create_object_type(tx, "appointment", [name, stage], now=desk.inst.clock.now())


@pytest.fixture(params=[("opportunity", True), ("appointment", True), ("appointment", False)])
async def bound(request: pytest.FixtureRequest, installation: Installation) -> Bound:
    """Opportunities with the switch on; appointments, which do not care for it."""
    found = Bound(Desk(installation), *request.param)
    if found.object == "appointment":
        await appointments(found.desk)
    return found


async def test_each_runs_beside_the_others_and_none_twice(bound: Bound) -> None:
    await bound.publish()
    ana, bo = await bound.contact(), await bound.contact("bo")
    first, second = await bound.engage(ana, "A", "B")
    (third,) = await bound.engage(bo, "C")
    await bound.engage_again(first)
    assert await bound.told() == ["enrolled", "enrolled", "enrolled", "absorbed_update"]
    assert await bound.inside() == [(ana, first), (ana, second), (bo, third)]


@pytest.mark.parametrize(("again", "told"), [(True, "enrolled"), (False, "re_entry_off")])
async def test_one_that_finished_runs_again_where_that_is_allowed_and_others_always_run(
    bound: Bound, again: bool, told: str
) -> None:
    await bound.publish(again=again)
    contact = await bound.contact()
    (first,) = await bound.engage(contact, "A")
    await bound.desk.end_all()
    await bound.engage_again(first)
    await bound.engage(contact, "B")
    assert await bound.told() == ["enrolled", told, "enrolled"]


@pytest.mark.parametrize("contact_first", [True, False])
async def test_the_contact_itself_runs_beside_what_is_bound(bound: Bound, contact_first: bool) -> None:
    await bound.publish(again=False)
    contact = await bound.contact()
    if not contact_first:
        await bound.engage(contact, "A")
    await bound.desk.patch(contact, city="Oslo")
    await bound.desk.work_off()
    if contact_first:
        await bound.engage(contact, "A")
    await bound.desk.patch(contact, city="Bergen")
    await bound.desk.work_off()
    assert await bound.told() == ["enrolled", "enrolled", "absorbed_update"]
    assert len({bound_id for _, bound_id in await bound.inside()}) == 2


async def test_what_is_edited_wakes_its_run(bound: Bound, runs: RecordingRuns) -> None:
    await bound.publish()
    (first,) = await bound.engage(await bound.contact(), "A")
    (mine,) = await bound.desk.enrollments()
    assert runs.signals == []
    await bound.desk.patch(first, name="A, larger")
    await bound.desk.work_off()
    assert [(run_id, name) for run_id, name, _ in runs.signals] == [(mine["run_id"], "record_changed")]


async def test_one_that_is_deleted_ends_its_own_run_only(bound: Bound) -> None:
    await bound.publish()
    contact = await bound.contact()
    first, second = await bound.engage(contact, "A", "B")
    await bound.desk.delete(first)
    await bound.desk.work_off()
    assert await bound.desk.ends() == [("bound_record_gone", None)]
    assert await bound.inside() == [(contact, second)]


async def test_one_that_goes_to_another_contact_leaves_its_run_behind_and_lets_the_other_in(bound: Bound) -> None:
    await bound.publish()
    ana, bo = await bound.contact(), await bound.contact("bo")
    first, second = await bound.engage(ana, "A", "B")
    await bound.desk.dissociate(first, ana)
    await bound.desk.associate(first, bo)
    await bound.desk.work_off()
    assert await bound.desk.ends() == [("bound_record_gone", "no longer associated")]
    assert await bound.inside() == [(ana, second), (bo, first)]


async def test_when_contacts_are_merged_each_goes_on_alone(bound: Bound) -> None:
    await bound.publish(again=False)
    gone, stays = await bound.contact(), await bound.contact("bo")
    deals = [(await bound.engage(contact, name))[0] for contact, name in ((gone, "A"), (stays, "B"))]
    async with bound.desk.inst.db.transaction() as tx:
        await merge_records(tx, await bound.desk.write(tx), "contact", gone, stays)
    await bound.desk.work_off()
    assert await bound.inside() == [(stays, deal) for deal in deals]
    await bound.desk.end_all()
    await bound.engage_again(deals[0])
    assert (await bound.told())[-1] == "re_entry_off"


@pytest.mark.parametrize("again", [True, False])
async def test_turning_the_switch_means_nothing_to_appointments(installation: Installation, again: bool) -> None:
    bound = Bound(Desk(installation), "appointment", many=True)
    await appointments(bound.desk)
    contact = await bound.contact()
    made = []
    for n, many in enumerate((True, False, True)):
        bound.many = many
        await bound.publish(again=again)
        made += await bound.engage(contact, f"A{n}")
        await bound.engage_again(made[0])
    assert await bound.inside() == [(contact, one) for one in made]
    assert await bound.told() == ["enrolled", "absorbed_update"] * 3
