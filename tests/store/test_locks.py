"""Rows are locked in one order, and only as much as needed."""

from __future__ import annotations

import asyncio

from sqlalchemy import insert, update

from store.database import Database
from store.locks import (
    hold_door,
    lock_effect,
    lock_enrollments,
    lock_entry_key,
    lock_records,
    wait_for_entries,
)
from store.records import replace_record
from store.tables import entry_keys, workflows
from tests.fixtures.clock import START
from tests.fixtures.databases import until_somebody_waits
from tests.fixtures.records import stored_contact

ROUNDS = 20


async def test_locked_records_come_back_as_they_are_with_deleted_ones_and_without_missing_ones(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        kept, gone = await stored_contact(tx, first_name="Ana"), await stored_contact(tx)
        await replace_record(tx, gone.model_copy(update={"deleted_at": START}))
    async with database.transaction() as tx:
        found = await lock_records(tx, [gone.id, kept.id, "nobody"], write=False)
    assert found[kept.id] == kept
    assert found[gone.id].deleted_at == START
    assert set(found) == {kept.id, gone.id}


async def test_more_than_one_statement_may_name_are_locked_all_the_same(database: Database) -> None:
    async with database.transaction() as tx:
        kept = await stored_contact(tx)
    nobody = [f"nobody-{n}" for n in range(33_000)]
    async with database.transaction() as tx:
        assert await lock_records(tx, [*nobody, kept.id], write=True) == {kept.id: kept}
        assert await lock_enrollments(tx, nobody) == {}


async def test_writers_that_name_records_in_opposite_orders_never_deadlock(database: Database) -> None:
    async with database.transaction() as tx:
        records = [await stored_contact(tx, score=0) for _ in range(3)]

    async def raise_all(ids: list[str]) -> None:
        async with database.transaction() as tx:
            for record in (await lock_records(tx, ids, write=True)).values():
                score = record.properties["score"]
                assert isinstance(score, int)
                await replace_record(tx, record.model_copy(update={"properties": {"score": score + 1}}))

    ids = [record.id for record in records]
    await asyncio.gather(*(raise_all(ids if n % 2 else ids[::-1]) for n in range(ROUNDS)))

    async with database.transaction() as tx:
        locked = await lock_records(tx, ids, write=False)
    assert [record.properties["score"] for record in locked.values()] == [ROUNDS] * 3


async def test_readers_share_a_record_while_a_writer_waits(postgres_url: str) -> None:
    db = Database.open(postgres_url)
    async with db.transaction() as tx:
        record = await stored_contact(tx)
    async with db.transaction() as first, db.transaction() as second:
        await lock_records(first, [record.id], write=False)
        await lock_records(second, [record.id], write=False)
    written = asyncio.Event()

    async def write() -> None:
        async with db.transaction() as tx:
            await lock_records(tx, [record.id], write=True)
            written.set()

    async with db.transaction() as reader:
        await lock_records(reader, [record.id], write=False)
        task = asyncio.create_task(write())
        await until_somebody_waits(db)
        assert not written.is_set()
    await task
    await db.close()


async def test_some_records_can_be_written_and_others_only_read(postgres_url: str) -> None:
    db = Database.open(postgres_url)
    async with db.transaction() as tx:
        shared, written = await stored_contact(tx), await stored_contact(tx)
    async with db.transaction() as one, db.transaction() as other:
        found = await lock_records(one, [written.id, shared.id], write=[written.id])
        assert list(found) == [shared.id, written.id]
        await lock_records(other, [shared.id], write=False)
    await db.close()


async def test_whoever_asks_for_the_last_of_the_older_version_waits_for_those_who_are_entering(
    postgres_url: str,
) -> None:
    db = Database.open(postgres_url)
    async with db.transaction() as tx:
        await tx.run(insert(workflows).values(**WORKFLOW))
    waited = asyncio.Event()

    async def wait() -> None:
        async with db.transaction() as tx:
            await wait_for_entries(tx, str(WORKFLOW["id"]))
            waited.set()

    async with db.transaction() as entering, db.transaction() as another:
        assert await hold_door(entering, str(WORKFLOW["id"])) is not None
        assert await hold_door(another, str(WORKFLOW["id"])) is not None, "those who enter do not wait"
        task = asyncio.create_task(wait())
        await until_somebody_waits(db)
        assert not waited.is_set()
    await task
    await db.close()


async def test_an_entry_key_counts_from_nothing_and_is_made_once(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.run(insert(workflows).values(**WORKFLOW))

    async def enter() -> int:
        async with database.transaction() as tx:
            row = await lock_entry_key(tx, "w", "k", "r")
            await tx.run(update(entry_keys).values(entries=row["entries"] + 1))
            return int(row["entries"])

    assert sorted(await asyncio.gather(*(enter() for _ in range(ROUNDS)))) == list(range(ROUNDS))


async def test_what_is_not_there_is_locked_as_nothing(database: Database) -> None:
    async with database.transaction() as tx:
        assert await lock_enrollments(tx, ["nobody"]) == {}
        assert await lock_effect(tx, "nothing") is None


WORKFLOW = {
    "id": "w", "slug": "w", "name": "W", "folder": "", "object": "contact", "type": "standard", "draft": {},
    "draft_revision": 1, "is_on": True, "is_paused": False, "created_at": START, "updated_at": START,
}  # fmt: skip
