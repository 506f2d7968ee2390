"""A change is judged for the workflows that mention what it touched, however many others are published."""

from __future__ import annotations

from typing import Any

import pytest

from services.installation import Installation
from services.versions import forget_contents
from tests.fixtures.statements import counting
from tests.runs.definitions import by_hand, engaging, gap
from tests.services.desk import Desk

OTHERS: tuple[dict[str, Any], ...] = (
    {"id": "t1", "on": "filter", "where": {"property": "lifecycle_stage", "op": "is", "value": "customer"}},
    {"id": "t1", "on": "changed", "property": "job_title"},
    {"id": "t1", "on": "event", "event": "order.paid"},
    {"id": "t1", "on": "created", "object": "company"},
    engaging(),
)
"""Triggers that do not mention the city of a contact."""


def entered_by(slug: str, trigger: dict[str, Any]) -> dict[str, Any]:
    return by_hand(slug, [gap(days=9)], entry={"triggers": [trigger]})


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def sent_for_a_move(desk: Desk, email: str) -> list[str]:
    """What a relay asks of the database to judge that a contact moved to Oslo; nothing is remembered from before."""
    contact = await desk.create("contact", email=email)
    await desk.work_off()
    await desk.patch(contact, city="Oslo")
    forget_contents()
    with counting() as sent:
        await desk.work_off()
    return sent


async def few_are_examined(desk: Desk, *, others: int) -> None:
    where = {"property": "city", "op": "is", "value": "Oslo"}
    for slug, city in (("moved", "Oslo"), ("elsewhere", "Bergen")):
        await desk.publish(entered_by(slug, {"id": "t1", "on": "filter", "where": {**where, "value": city}}))
    alone = await sent_for_a_move(desk, "ana@example.com")
    for n in range(others):
        await desk.publish(entered_by(f"other{n}", OTHERS[n % len(OTHERS)]))
    among_many = await sent_for_a_move(desk, "bo@example.com")
    examined = [statement for statement in among_many if " FROM versions" in " ".join(statement.split())]
    assert (len(examined), len(among_many)) == (2, len(alone))
    assert await desk.decisions() == {"enrolled": 2}


async def test_a_changed_property_has_two_of_102_workflows_examined(desk: Desk) -> None:
    await few_are_examined(desk, others=100)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_changed_property_has_two_of_1_000_workflows_examined(desk: Desk) -> None:
    await few_are_examined(desk, others=998)
