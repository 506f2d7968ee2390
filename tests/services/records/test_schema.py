"""Adding object types, properties and options."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import Conflict, Invalid, NotFound
from domain.schema import PropertyType
from services.records.schema import (
    NewOption,
    NewProperty,
    add_property,
    change_property,
    create_object_type,
    relabel_object,
)
from store.database import Database
from store.schema import load_schema
from tests.fixtures.clock import START
from tests.fixtures.records import make_record

NUMBER = NewProperty(name="number", type=PropertyType.STRING, unique=True)


async def test_a_custom_object_type_holds_records_like_a_builtin_one(database: Database) -> None:
    async with database.transaction() as tx:
        await create_object_type(tx, "boat", [NUMBER], now=START)
        contact = await make_record(tx, "contact")
        boat = await make_record(tx, "boat", number="N-1", to=[contact])
    async with database.read() as read:
        stored = (await load_schema(read)).objects["boat"]
    assert boat.properties == {"number": "N-1"}
    assert (stored.label, stored.builtin, set(stored.properties)) == (
        "Boat",
        False,
        {"number", "created_at", "updated_at"},
    )


@pytest.mark.parametrize(
    ("name", "properties", "path"),
    [
        ("B", [NUMBER], "/name"),
        ("owner", [NUMBER], "/name"),
        ("boat", [], "/properties"),
        ("boat", [NUMBER, NUMBER], "/properties/1/name"),
        ("boat", [NUMBER, NewProperty(name="version", type=PropertyType.NUMBER)], "/properties/1/name"),
        ("boat", [NUMBER, NewProperty(name="kind", type=PropertyType.ENUM)], "/properties/1/options"),
        ("boat", [NewProperty(name="new", type=PropertyType.BOOL, unique=True)], "/properties/0/unique"),
        (
            "boat",
            [NUMBER, NewProperty(name="a", type=PropertyType.TEXT, options=(NewOption(value="x"),))],
            "/properties/1/options",
        ),
    ],
)
async def test_what_is_wrong_with_a_new_object_type_is_told_with_its_path(
    database: Database, name: str, properties: list[NewProperty], path: str
) -> None:
    async with database.transaction() as tx:
        with pytest.raises(Invalid) as refused:
            await create_object_type(tx, name, properties, now=START)
    assert [error.path for error in refused.value.errors] == [path]


async def test_a_name_is_given_once(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(Conflict):
            await create_object_type(tx, "contact", [NUMBER], now=START)
        with pytest.raises(Conflict):
            await add_property(tx, "contact", NewProperty(name="email", type=PropertyType.EMAIL), now=START)


async def test_of_two_who_add_the_same_property_one_is_told_that_it_exists(database: Database) -> None:
    async def add() -> bool:
        try:
            async with database.transaction() as tx:
                await add_property(tx, "contact", NewProperty(name="shoe_size", type=PropertyType.NUMBER), now=START)
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(add() for _ in range(4)))) == 1


async def test_a_new_property_can_be_written_at_once(database: Database) -> None:
    async with database.transaction() as tx:
        options = (NewOption(value="s", label="Small"), NewOption(value="l", label="Large"))
        added = await add_property(
            tx, "contact", NewProperty(name="size", type=PropertyType.ENUM, options=options), now=START
        )
        assert [option.order for option in added.options] == [0, 1]
        assert (await make_record(tx, "contact", size="l")).properties == {"size": "l"}


async def test_options_are_added_and_relabelled_and_never_lost(database: Database) -> None:
    async with database.transaction() as tx:
        named = [NewOption(value="tier_1", label="Gold"), NewOption(value="tier_0", label="Platinum", order=1)]
        await change_property(tx, "company", "tier", options=named)
        await change_property(tx, "opportunity", "stage", options=[NewOption(value="Won", label="Closed won")])
    async with database.read() as read:
        objects = (await load_schema(read)).objects
    tier, stage = objects["company"].properties["tier"], objects["opportunity"].properties["stage"]
    assert {option.value: option.label for option in tier.options} == {
        "tier_1": "Gold", "tier_0": "Platinum", "tier_2": "Tier 2", "tier_3": "Tier 3",
    }  # fmt: skip
    assert [option.label for option in stage.options if option.closed] == ["Closed won", "Lost"]


async def test_labels_can_be_changed(database: Database) -> None:
    async with database.transaction() as tx:
        await relabel_object(tx, "contact", "Person")
        await change_property(tx, "contact", "city", label="Town")
    async with database.read() as read:
        contact = (await load_schema(read)).objects["contact"]
    assert (contact.label, contact.properties["city"].label) == ("Person", "Town")


async def test_what_does_not_exist_cannot_be_changed(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await add_property(tx, "boat", NUMBER, now=START)
        with pytest.raises(NotFound):
            await relabel_object(tx, "boat", "Boat")
        with pytest.raises(NotFound):
            await change_property(tx, "contact", "nickname", label="Nickname")
        with pytest.raises(Invalid):
            await change_property(tx, "contact", "city", options=[NewOption(value="Oslo")])
