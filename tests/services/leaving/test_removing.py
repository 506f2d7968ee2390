"""Workflows that take a record out of others when it enters: whom they end, and that no race lets two survive."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from services.installation import Installation
from services.records.associating import Link
from services.relaying.relay import Relay
from store.tables import changes, enrollments, workflows
from tests.runs.definitions import by_hand, engaging, gap
from tests.services.desk import Desk

LONG = [gap(days=9)]


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def inside(desk: Desk, record_id: str) -> list[str]:
    """The slugs a record is active in."""
    async with desk.inst.db.read() as read:
        rows = await read.all(
            select(workflows.c.slug)
            .join(enrollments, enrollments.c.workflow_id == workflows.c.id)
            .where(enrollments.c.record_id == record_id, enrollments.c.status != "ended")
            .order_by(workflows.c.slug)
        )
    return [row["slug"] for row in rows]


@pytest.mark.parametrize(
    ("remove_from", "stays"),
    [
        ("none", ["one", "two"]),
        ([], ["one", "two"]),
        (["one"], ["two"]),
        (["one", "two"], []),
        ("all", []),
    ],
)
async def test_entering_ends_what_the_record_runs_in_the_workflows_named(
    desk: Desk, remove_from: Any, stays: list[str]
) -> None:
    ids = [await desk.publish(by_hand(slug, LONG)) for slug in ("one", "two")]
    ids.append(await desk.publish(by_hand("strong", LONG, entry={"triggers": [], "remove_from": remove_from})))
    contact = await desk.create("contact", email="ana@example.com")
    other = await desk.create("contact", email="bo@example.com")
    for workflow in ids[:2]:
        await desk.enroll(workflow, contact)
        await desk.enroll(workflow, other)
    assert await desk.enroll(ids[2], contact) == "enrolled"
    assert await inside(desk, contact) == sorted([*stays, "strong"])
    assert await inside(desk, other) == ["one", "two"]
    assert await desk.ends() == [("removed_by_workflow", "strong")] * (2 - len(stays))


async def test_whoever_does_not_enter_is_taken_out_of_nothing(desk: Desk) -> None:
    weak = await desk.publish(by_hand("weak", LONG))
    suppress = {"property": "country", "op": "is", "value": "NO"}
    strong = await desk.publish(
        by_hand("strong", LONG, entry={"triggers": [], "remove_from": "all", "suppress": suppress})
    )
    contact = await desk.create("contact", email="ana@example.com", country="NO")
    await desk.enroll(weak, contact)
    assert await desk.enroll(strong, contact) == "suppressed"
    assert await inside(desk, contact) == ["weak"]


async def test_every_opportunity_of_a_contact_is_taken_out_of_another_workflow_and_none_of_its_own(desk: Desk) -> None:
    await desk.publish(by_hand("deals", LONG, entry={"triggers": [engaging()], "remove_from": "all"}))
    contact = await desk.create("contact", email="ana@example.com")
    for name in ("One", "Two"):
        await desk.create("opportunity", (Link(object="contact", id=contact),), name=name, stage="Engaging")
    await desk.work_off()
    assert await inside(desk, contact) == ["deals", "deals"]
    strong = await desk.publish(by_hand("strong", LONG, entry={"triggers": [], "remove_from": ["deals"]}))
    await desk.enroll(strong, contact)
    assert await inside(desk, contact) == ["strong"]


async def test_two_workflows_that_remove_each_other_at_the_same_instant_leave_exactly_one(desk: Desk) -> None:
    await mutual_removal(desk, rounds=20)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_two_workflows_that_remove_each_other_leave_exactly_one_in_each_of_200_rounds(desk: Desk) -> None:
    await mutual_removal(desk, rounds=200)


async def mutual_removal(desk: Desk, *, rounds: int) -> None:
    """Fresh contacts, two triggers each at once, two relays: through deals, by its own property, or by hand."""
    random = Random(20)
    slugs = {"red": "blue", "blue": "red"}
    for slug in slugs:
        await desk.draft(by_hand(slug, LONG))
    ids = {slug: await desk.publish(_remover(slug, other)) for slug, other in slugs.items()}
    relays = [desk.relay, Relay(desk.inst, "relay-2")]
    survivors = set()
    for n in range(rounds):
        contact = await desk.create("contact", email=f"c{n}@example.com")
        deals = {
            slug: await desk.create("opportunity", (Link(object="contact", id=contact),), name=slug) for slug in slugs
        }
        ways = [random.choice(("deal", "property", "hand")) for _ in slugs]
        causes = [
            _cause(desk, way, slug, ids[slug], contact=contact, deal=deals[slug])
            for way, slug in zip(ways, random.sample(sorted(slugs), 2), strict=True)
        ]
        await asyncio.gather(*causes, *(_work_off(relay) for relay in relays))
        await asyncio.gather(*(_work_off(relay) for relay in relays))
        left = await inside(desk, contact)
        assert len(left) == 1, f"round {n}: {left}"
        survivors.update(left)
    assert survivors == set(slugs)
    assert await desk.decisions() == {"enrolled": 2 * rounds}
    async with desk.inst.db.read() as read:
        ended = await read.scalar(select(func.count()).where(enrollments.c.end_reason == "removed_by_workflow"))
        tried = await read.scalar(select(func.max(changes.c.attempts)))
    assert (ended, tried) == (rounds, 0)


_PROPERTY = {"red": "city", "blue": "country"}


def _remover(slug: str, other: str) -> dict[str, Any]:
    """Entered through a property of the contact or a deal about it; removes from the other."""
    triggers = [
        {"id": "t1", "on": "changed", "object": "opportunity", "property": "product", "to": [slug]},
        {"id": "t2", "on": "changed", "property": _PROPERTY[slug], "to": [slug]},
    ]
    return by_hand(slug, LONG, entry={"triggers": triggers, "remove_from": [other]})


async def _cause(desk: Desk, way: str, slug: str, workflow: str, *, contact: str, deal: str) -> None:
    """Give one workflow its reason to take the contact in."""
    match way:
        case "deal":
            await desk.patch(deal, product=slug)
        case "property":
            await desk.patch(contact, **{_PROPERTY[slug]: slug})
        case _:
            await desk.enroll(workflow, contact)


async def _work_off(relay: Relay) -> None:
    while (await relay.look()).changes:
        await relay.drain_once()
