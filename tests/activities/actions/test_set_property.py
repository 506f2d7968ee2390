"""set_property: what is written where, what is refused, and that it counts once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from activities.actions.set_property import ACTION, SetPropertyConfig
from domain.base import Json
from domain.builtin import BUILTIN
from domain.catalogue import ConfigScope
from domain.schema import Schema
from services.installation import Installation
from services.records.records import associate
from store import tables
from store.records import get_record
from tests.activities.calls import act
from tests.builders import make_record, make_user, stand_at_action
from tests.fixtures.databases import until_it_waits, until_they_wait
from tests.fixtures.records import writing


async def _properties(inst: Installation, record_id: str) -> Mapping[str, Json]:
    async with inst.db.read() as read:
        record = await get_record(read, record_id)
    assert record is not None
    return record.properties


SHAPES: list[dict[str, Json]] = [
    {"property": "city", "value": "Oslo"},
    {"property": "city", "value": None},
    {"property": "score", "value": 7},
    {"property": "sms_opted_out", "value": True},
    {"property": "last_touched_at", "value": {"now": {}}},
    {"property": "city", "value": {"property": "country"}},
    {"property": "stage", "value": "Won", "of": {"object": "opportunity"}, "only_forward": True},
]


@pytest.mark.parametrize("config", SHAPES)
def test_every_published_shape_still_parses_and_is_found_right(config: dict[str, Json]) -> None:
    scope = ConfigScope(schema_=Schema(objects=BUILTIN), object="contact", bound_objects=("opportunity",))

    assert list(ACTION.check(SetPropertyConfig.model_validate(config), scope)) == []


@pytest.mark.parametrize(
    ("config", "path", "code"),
    [
        ({"property": "nonsense", "value": 1}, "/property", "unknown_property"),
        ({"property": "city", "value": "x", "of": {"object": "house"}}, "/of/object", "unknown_object"),
        ({"property": "created_at", "value": {"now": {}}}, "/property", "wrong_value"),
        ({"property": "score", "value": "many"}, "/value", "wrong_type"),
        ({"property": "lifecycle_stage", "value": "king"}, "/value", "unknown_option"),
        ({"property": "birthday", "value": "soon"}, "/value", "wrong_value"),
        ({"property": "city", "value": {"now": {}}}, "/value", "wrong_type"),
        ({"property": "score", "value": {"property": "city"}}, "/value", "wrong_type"),
        ({"property": "city", "value": {"property": "nonsense"}}, "/value/property", "unknown_property"),
        ({"property": "city", "value": "x", "only_forward": True}, "/only_forward", "wrong_value"),
    ],
)
def test_a_mistake_is_found_when_the_definition_is_saved(config: dict[str, Json], path: str, code: str) -> None:
    scope = ConfigScope(schema_=Schema(objects=BUILTIN), object="contact")

    findings = ACTION.check(SetPropertyConfig.model_validate(config), scope)

    assert [(f.path, f.code) for f in findings] == [(path, code)]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"property": "city", "value": "Oslo"}, "Oslo"),
        ({"property": "city", "value": None}, None),
        ({"property": "city", "value": {"property": "country"}}, "NO"),
        ({"property": "city", "value": {"property": "language"}}, None),
        ({"property": "last_touched_at", "value": {"now": {}}}, "2027-03-01T09:00:00.000000Z"),
        ({"property": "birthday", "value": {"now": {"days": -1}}}, "2027-02-28"),
    ],
)
async def test_the_record_gets_the_value(installation: Installation, config: dict[str, Json], expected: Json) -> None:
    contact = await make_record(installation, "contact", {"city": "Bergen", "country": "NO"})
    standing = await stand_at_action(installation, contact, "set_property", config)

    answer = await act(standing, "set_property")

    name = str(config["property"])
    assert answer.outcome == "done"
    assert (await _properties(installation, contact.id)).get(name) == expected
    before = contact.properties.get(name)
    assert (await standing.visit())["result"] == {"before": before, "after": expected, "records": 1}


async def test_the_same_call_twice_is_one_change_caused_by_the_enrollment(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Bergen"})
    standing = await stand_at_action(installation, contact, "set_property", {"property": "city", "value": "Oslo"})

    assert await act(standing, "set_property") == await act(standing, "set_property")

    changes = [row for row in await standing.rows(tables.changes) if row["kind"] == "updated"]
    causes = [(row["cause_kind"], row["cause_id"], row["depth"]) for row in changes]
    assert causes == [("enrollment", standing.enrollment.id, 1)]


async def test_the_bound_record_is_meant_when_neither_match_nor_label_is_written(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Bergen"})
    mine = await make_record(installation, "opportunity", {"name": "Mine", "stage": "Engaging"}, contact)
    other = await make_record(installation, "opportunity", {"name": "Other", "stage": "Engaging"}, contact)
    config: dict[str, Json] = {"property": "stage", "value": "Won", "of": {"object": "opportunity"}}
    standing = await stand_at_action(installation, contact, "set_property", config, bound=mine)

    assert (await act(standing, "set_property")).outcome == "done"

    assert (await _properties(installation, mine.id))["stage"] == "Won"
    assert (await _properties(installation, mine.id))["is_closed"] is True
    assert (await _properties(installation, other.id))["stage"] == "Engaging"


@pytest.mark.parametrize(("match", "written"), [("all", 2), ("latest", 1)])
async def test_many_associated_records_are_written(installation: Installation, match: str, written: int) -> None:
    contact = await make_record(installation, "contact", {"city": "Bergen"})
    deals = [await make_record(installation, "opportunity", {"name": name}, contact) for name in ("One", "Two")]
    config: dict[str, Json] = {"property": "product", "value": "X", "of": {"object": "opportunity", "match": match}}
    standing = await stand_at_action(installation, contact, "set_property", config)

    await act(standing, "set_property")

    values = [(await _properties(installation, deal.id)).get("product") for deal in deals]
    assert values == [None, "X"] if written == 1 else ["X", "X"]
    assert (await standing.visit())["result"]["records"] == written


async def test_without_an_associated_record_the_step_is_skipped(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Bergen"})
    config: dict[str, Json] = {"property": "product", "value": "X", "of": {"object": "opportunity"}}
    standing = await stand_at_action(installation, contact, "set_property", config)

    answer = await act(standing, "set_property")

    assert (answer.outcome, answer.reason) == ("skipped", "no_record")


async def test_a_value_that_does_not_fit_fails_the_step_and_writes_none_of_the_records(
    installation: Installation,
) -> None:
    contact = await make_record(installation, "contact", {"external_id": "c1"})
    one = await make_record(installation, "opportunity", {"name": "One"}, contact)
    two = await make_record(installation, "opportunity", {"name": "Two"}, contact)
    config: dict[str, Json] = {
        "property": "external_id", "value": "same", "of": {"object": "opportunity", "match": "all"},
    }  # fmt: skip
    standing = await stand_at_action(installation, contact, "set_property", config)

    answer = await act(standing, "set_property")

    assert (answer.outcome, answer.reason) == ("failed", "wrong_value")
    for deal in (one, two):
        assert "external_id" not in await _properties(installation, deal.id)


@pytest.mark.parametrize(("stands_at", "expected"), [("lead", "mql"), ("customer", "customer"), (None, "mql")])
async def test_only_forward_never_goes_back(installation: Installation, stands_at: str | None, expected: str) -> None:
    contact = await make_record(installation, "contact", {"city": "Bergen", "lifecycle_stage": stands_at})
    config: dict[str, Json] = {"property": "lifecycle_stage", "value": "mql", "only_forward": True}
    standing = await stand_at_action(installation, contact, "set_property", config)

    assert (await act(standing, "set_property")).outcome == "done"

    assert (await _properties(installation, contact.id))["lifecycle_stage"] == expected


async def test_a_user_who_is_not_there_cannot_become_the_owner(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Bergen"})
    standing = await stand_at_action(installation, contact, "set_property", {"property": "owner", "value": "nobody"})

    answer = await act(standing, "set_property")

    assert (answer.outcome, answer.reason) == ("failed", "broken_reference")


async def test_a_user_can_become_the_owner(installation: Installation) -> None:
    user = await make_user(installation, "Olav")
    contact = await make_record(installation, "contact", {"city": "Bergen"})
    standing = await stand_at_action(installation, contact, "set_property", {"property": "owner", "value": user.id})

    assert (await act(standing, "set_property")).outcome == "done"
    assert (await _properties(installation, contact.id))["owner"] == user.id


async def test_what_is_associated_while_the_locks_are_waited_for_has_its_place_in_line(
    installation: Installation,
) -> None:
    """Locked behind the others, it would wait for whoever has it and waits for one of them."""
    older, newer = [await make_record(installation, "opportunity", {"name": name}) for name in ("Older", "Newer")]
    contact = await make_record(installation, "contact", {}, newer)
    config: dict[str, Json] = {"property": "product", "value": "GTX", "of": {"object": "opportunity", "match": "all"}}
    standing = await stand_at_action(installation, contact, "set_property", config)
    db = installation.db

    async def relabel() -> None:
        async with db.transaction() as tx:
            await associate(tx, await writing(tx), older.id, contact.id, "main")

    async with db.transaction() as tx:
        await associate(tx, await writing(tx), older.id, contact.id)
        acting = asyncio.ensure_future(act(standing, "set_property"))
        await until_it_waits(db, acting)
        relabelling = asyncio.ensure_future(relabel())
        await until_they_wait(db, 2)
    assert (await acting).outcome == "done"
    await relabelling
    assert [(await _properties(installation, each.id))["product"] for each in (older, newer)] == ["GTX", "GTX"]
