"""Rows of records."""

from __future__ import annotations

from sqlalchemy import select

from domain.base import Properties
from store.database import Database
from store.records import (
    claim_unique_values,
    find_by_unique,
    free_unique_values,
    get_record,
    get_records,
    page_records,
    replace_record,
)
from store.tables import records
from tests.fixtures.clock import START
from tests.fixtures.records import stored_contact


async def test_a_record_comes_back_with_its_properties_as_written(database: Database) -> None:
    properties: Properties = {"first_name": "Ána", "score": 12, "ratio": 0.5, "vip": True, "tags": ["a", "b"]}
    async with database.transaction() as tx:
        record = await stored_contact(tx, **properties)
    async with database.read() as read:
        found = await get_record(read, record.id)
    assert found == record
    assert found is not None
    assert found.properties == properties
    assert found.created_at == START


async def test_a_deleted_record_is_neither_got_nor_listed_nor_found(database: Database) -> None:
    async with database.transaction() as tx:
        kept, gone = await stored_contact(tx), await stored_contact(tx)
        await claim_unique_values(tx, gone, {"email": "ana@example.com"})
        await replace_record(tx, gone.model_copy(update={"deleted_at": START}))
    async with database.read() as read:
        assert await get_record(read, gone.id) is None
        assert await get_records(read, [gone.id, kept.id]) == [kept]
        assert await page_records(read, "contact", limit=10) == [kept]
        assert await find_by_unique(read, "contact", "email", "ana@example.com") is None


async def test_pages_meet_every_record_once_also_while_records_are_added(database: Database) -> None:
    async with database.transaction() as tx:
        made = [(await stored_contact(tx)).id for _ in range(7)]
    met: list[str] = []
    async with database.transaction() as tx:
        while page := await page_records(tx, "contact", after=met[-1] if met else None, limit=3):
            met += [record.id for record in page]
            if len(met) == 3:
                made.append((await stored_contact(tx)).id)
    assert met == made


async def test_a_page_holds_what_satisfies_a_condition(database: Database) -> None:
    async with database.transaction() as tx:
        made = [await stored_contact(tx) for _ in range(3)]
        where = records.c.id != made[1].id
        assert await page_records(tx, "contact", where=where, limit=10) == [made[0], made[2]]


async def test_a_unique_value_has_one_holder_until_it_is_freed(database: Database) -> None:
    async with database.transaction() as tx:
        first, second = await stored_contact(tx), await stored_contact(tx)
        assert await claim_unique_values(tx, first, {"email": "a@example.com", "external_id": "1"}) is None
        assert await claim_unique_values(tx, second, {"external_id": "1"}) == "external_id"
        await free_unique_values(tx, first, {"external_id"})
        assert await claim_unique_values(tx, second, {"external_id": "1"}) is None
        assert await find_by_unique(tx, "contact", "email", "a@example.com") == first
        await free_unique_values(tx, first)
        assert await find_by_unique(tx, "contact", "email", "a@example.com") is None


async def test_ids_of_one_instant_sort_by_creation(database: Database) -> None:
    async with database.transaction() as tx:
        made = [(await stored_contact(tx)).id for _ in range(50)]
        rows = await tx.all(select(records.c.id).order_by(records.c.id))
    assert [row["id"] for row in rows] == made
