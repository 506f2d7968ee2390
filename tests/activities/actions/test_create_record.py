"""create_record: values, associations, a value that is taken, and that nothing is created twice or in a circle."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from activities.actions.create_record import ACTION
from domain.base import Json
from services.installation import Installation
from store import tables
from store.associations import find_association
from tests.activities.calls import act
from tests.activities.properties import mistakes, properties_of
from tests.builders import make_record, make_user, stand_at_action

DEAL: dict[str, Json] = {
    "object": "opportunity",
    "properties": {
        "name": "Renewal of {{ contact.first_name }}",
        "close_value": {"property": "score"},
        "product": {"property": "birthday"},
        "close_date": {"now": {"days": 30}},
        "stage": "Engaging",
    },
}


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (DEAL, []),
        ({"object": "house", "properties": {"name": "x"}}, [("/object", "unknown_object")]),
        ({"object": "company", "properties": {"nam": "x"}}, [("/properties/nam", "unknown_property")]),
        ({"object": "company", "properties": {"created_at": {"now": {}}}}, [("/properties/created_at", "wrong_value")]),
        ({"object": "company", "properties": {"employees": "many"}}, [("/properties/employees", "wrong_type")]),
        ({"object": "company", "properties": {"name": {"now": {}}}}, [("/properties/name", "wrong_type")]),
        (
            {"object": "company", "properties": {"employees": {"property": "city"}}},
            [("/properties/employees", "wrong_type")],
        ),
        (
            {"object": "ticket", "properties": {"subject": "x"}, "associate": [{"of": {"object": "opportunity"}}]},
            [("/associate/0", "wrong_value")],
        ),
    ],
)
def test_a_mistake_is_found_when_it_is_saved(config: dict[str, Json], found: list[tuple[str, str]]) -> None:
    assert mistakes(ACTION, config) == found


async def test_a_record_is_created_once_with_its_values_and_associations(installation: Installation) -> None:
    company = await make_record(installation, "company", {"name": "Acme"})
    values: dict[str, Json] = {"first_name": "Ann", "score": 7, "birthday": "2000-02-29"}
    contact = await make_record(installation, "contact", values, company)
    config: dict[str, Json] = {**DEAL, "associate": [{}, {"of": {"object": "company"}, "label": "buyer"}]}
    standing = await stand_at_action(installation, contact, "create_record", config)

    assert await act(standing, "create_record") == await act(standing, "create_record")

    result = (await standing.visit())["result"]
    assert (result["created"], result["taken"]) == (True, None)
    made = await properties_of(installation, result["record"])
    assert made["name"] == "Renewal of Ann"
    assert (made["close_value"], made["product"], made["close_date"]) == (7, "2000-02-29", "2027-03-31")
    created = [row for row in await standing.rows(tables.changes) if row["cause_id"] == standing.enrollment.id]
    assert [row["kind"] for row in created].count("created") == 1
    assert {row["depth"] for row in created} == {1}
    async with installation.db.read() as read:
        labels = [await find_association(read, each.id, result["record"]) for each in (contact, company)]
    assert [each.label if each else "missing" for each in labels] == [None, "buyer"]


async def test_a_unique_value_that_is_taken_names_the_record_that_has_it(installation: Installation) -> None:
    other = await make_record(installation, "contact", {"email": "ann@example.com", "city": "Oslo"})
    company = await make_record(installation, "company", {"name": "Acme"})
    config: dict[str, Json] = {"object": "contact", "properties": {"email": "ANN@example.com", "city": "Bergen"}}
    standing = await stand_at_action(installation, company, "create_record", config)

    answer = await act(standing, "create_record")

    assert answer.outcome == "done"
    assert (await standing.visit())["result"] == {"record": other.id, "created": False, "taken": "email"}
    assert (await properties_of(installation, other.id))["city"] == "Oslo"
    async with installation.db.read() as read:
        assert await find_association(read, company.id, other.id) is None


async def test_of_many_at_once_one_creates_and_the_others_find_it(installation: Installation) -> None:
    companies = [await make_record(installation, "company", {"name": f"Acme {n}"}) for n in range(6)]
    config: dict[str, Json] = {"object": "contact", "properties": {"email": "ann@example.com"}}
    standing = [
        await stand_at_action(installation, each, "create_record", config, slug=f"w{n}")
        for n, each in enumerate(companies)
    ]

    await asyncio.gather(*(act(each, "create_record") for each in standing))

    results = [(await each.visit())["result"] for each in standing]
    assert sum(each["created"] for each in results) == 1
    assert len({each["record"] for each in results}) == 1
    async with installation.db.read() as read:
        made = select(func.count()).select_from(tables.records).where(tables.records.c.object == "contact")
        assert await read.scalar(made) == 1


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"name": "x", "tier": "{{ contact.city }}"}, "wrong_value"),
        ({"name": "x", "owner": "nobody"}, "broken_reference"),
        ({"name": "{{ contact.city | divided_by: 0 }}"}, "bad_template"),
    ],
)
async def test_what_cannot_be_written_fails_and_creates_nothing(
    installation: Installation, properties: dict[str, Json], reason: str
) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    standing = await stand_at_action(
        installation, contact, "create_record", {"object": "company", "properties": properties}
    )

    answer = await act(standing, "create_record")

    assert (answer.outcome, answer.reason) == ("failed", reason)
    assert [row["object"] for row in await standing.rows(tables.records)] == ["contact"]


async def test_a_user_becomes_the_owner(installation: Installation) -> None:
    user = await make_user(installation, "Olav")
    contact = await make_record(installation, "contact", {"owner": user.id})
    config: dict[str, Json] = {"object": "ticket", "properties": {"subject": "x", "owner": {"property": "owner"}}}
    standing = await stand_at_action(installation, contact, "create_record", config)

    await act(standing, "create_record")

    made = (await standing.visit())["result"]["record"]
    assert (await properties_of(installation, made))["owner"] == user.id
