"""One fact lets a record in once, however late it is judged and whatever else was written meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from services.installation import Installation
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk

AGAIN = {"re_entry": {"allowed": True, "triggers": ["t1"]}, "while_active": "again"}
VALUABLE = {"property": "close_value", "op": "gte", "value": 1000}
IN_OSLO = {"property": "city", "op": "is", "value": "Oslo", "of": {"object": "company"}}


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


def filtered(where: dict[str, Any], **more: Any) -> dict[str, Any]:
    trigger = {"id": "t1", "on": "filter", "where": where, **more}
    return by_hand("once", [gap(days=1)], entry={"triggers": [trigger], **AGAIN})


async def people(desk: Desk, count: int = 1) -> list[str]:
    return [await desk.create("contact", email=f"{n}@example.com") for n in range(count)]


async def test_an_opportunity_that_is_linked_and_then_becomes_valuable_is_one_fact(desk: Desk) -> None:
    await desk.publish(filtered(VALUABLE, object="opportunity"))
    (contact,) = await people(desk)
    deal = await desk.create("opportunity", name="Deal")
    await desk.associate(contact, deal)
    await desk.patch(deal, close_value=5000)
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1}


async def test_a_company_that_moves_right_behind_the_link_lets_its_contacts_in_once(desk: Desk) -> None:
    await desk.publish(filtered(IN_OSLO))
    contacts = await people(desk, 2)
    company = await desk.create("company", name="Acme", domain="acme.example")
    for contact in contacts:
        await desk.associate(contact, company)
    await desk.patch(company, city="Oslo")
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 2}


async def test_a_company_that_is_made_and_linked_at_once_lets_its_contact_in_once(desk: Desk) -> None:
    await desk.publish(filtered(IN_OSLO))
    (contact,) = await people(desk)
    company = await desk.create("company", name="Acme", domain="acme.example", city="Oslo")
    await desk.associate(contact, company)
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1}


async def test_each_opportunity_is_a_fact_of_its_own(desk: Desk) -> None:
    await desk.publish(filtered(VALUABLE, object="opportunity"))
    (contact,) = await people(desk)
    for name in ("One", "Two"):
        deal = await desk.create("opportunity", name=name)
        await desk.associate(contact, deal)
        await desk.patch(deal, close_value=5000)
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 2}


async def test_what_a_record_becomes_by_itself_is_judged_edge_by_edge(desk: Desk) -> None:
    await desk.publish(filtered({"property": "city", "op": "is", "value": "Oslo"}))
    (contact,) = await people(desk)
    for city in ("Oslo", "Bergen", "Oslo"):
        await desk.patch(contact, city=city)
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1, "absorbed_update": 1}


async def test_what_comes_true_anew_once_all_was_judged_lets_in_anew(desk: Desk) -> None:
    await desk.publish(filtered(IN_OSLO))
    (contact,) = await people(desk)
    company = await desk.create("company", name="Acme", domain="acme.example", city="Oslo")
    await desk.associate(contact, company)
    await desk.work_off()
    for city in ("Bergen", "Oslo"):
        await desk.patch(company, city=city)
        await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1, "absorbed_update": 1}
