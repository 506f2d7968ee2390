"""The one door to the database."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from domain.builtin import COMMON
from domain.schema import ObjectType
from store.database import Database, Tx, driver_url
from store.schema import insert_object_type, load_account, load_schema, update_account
from store.tables import account, object_types, users
from tests.fixtures.clock import START

WRITERS = 50

NEW_TYPE = ObjectType(name="boat", label="Boat", builtin=False, properties={each.name: each for each in COMMON})

# A process of its own that adds one to a column as often as it has writers, all at once.
INCREMENT = f"""
import asyncio, sys
from sqlalchemy import select
from store.database import Database
from store.schema import update_account
from store.tables import account

async def add(db):
    async with db.transaction() as tx:
        before = await tx.scalar(select(account.c.schema_revision))
        await update_account(tx, schema_revision=before + 1)

async def main():
    db = Database.open(sys.argv[1])
    try:
        await asyncio.gather(*(add(db) for _ in range({WRITERS})))
    finally:
        await db.close()

asyncio.run(main())
"""


async def test_two_processes_with_fifty_writers_each_lose_no_update(sqlite_url: str) -> None:
    db = Database.open(sqlite_url)
    async with db.transaction() as tx:
        await update_account(tx, schema_revision=0)
    await db.close()

    command = [sys.executable, "-W", "error", "-c", INCREMENT, sqlite_url]
    processes = [await asyncio.create_subprocess_exec(*command, stderr=PIPE) for _ in range(2)]
    ends = [(await process.communicate())[1].decode() for process in processes]

    assert ends == ["", ""]
    db = Database.open(sqlite_url)
    async with db.read() as read:
        assert (await load_account(read)).schema_revision == 2 * WRITERS
    await db.close()


async def test_a_read_session_cannot_write(database: Database) -> None:
    async with database.read() as read:
        with pytest.raises(DBAPIError):
            await read.scalar(insert(object_types).values(name="x", label="X", builtin=False, created_at=START))
    async with database.read() as read:
        assert await read.one(select(object_types).where(object_types.c.name == "x")) is None


async def test_a_block_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await _add_type(tx, "x")
            raise ZeroDivisionError
    async with database.read() as read:
        assert await read.one(select(object_types).where(object_types.c.name == "x")) is None


async def test_a_savepoint_that_fails_leaves_the_rest_of_the_block(database: Database) -> None:
    async with database.transaction() as tx:
        await _add_type(tx, "kept")
        with pytest.raises(ZeroDivisionError):
            async with tx.savepoint():
                await _add_type(tx, "undone")
                raise ZeroDivisionError
    async with database.read() as read:
        rows = await read.all(select(object_types.c.name).where(object_types.c.builtin.is_(False)))
    assert [row["name"] for row in rows] == ["kept"]


async def test_a_read_session_sees_one_state_from_its_first_look_to_its_last(database: Database) -> None:
    async with database.read() as read:
        before = await read.scalar(select(account.c.name))
        async with database.transaction() as tx:
            await update_account(tx, name="renamed")
        assert await read.scalar(select(account.c.name)) == before
    async with database.read() as read:
        assert await read.scalar(select(account.c.name)) == "renamed"


async def test_insert_ignore_tells_how_many_rows_were_free(database: Database) -> None:
    rows = [
        {"id": str(n), "name": f"N{n}", "email": f"n{n}@example.com", "active": True, "created_at": START}
        for n in range(1000)
    ]
    async with database.transaction() as tx:
        assert await tx.insert_ignore(users, rows[:3]) == 3
        assert await tx.insert_ignore(users, rows) == 997
        assert await tx.insert_ignore(users, rows) == 0


async def test_run_tells_how_many_rows_were_touched(database: Database) -> None:
    async with database.transaction() as tx:
        assert await tx.run(update(object_types).values(label="x")) == 4
        assert await tx.run(insert(users), []) == 0


async def test_a_reference_to_nothing_is_refused(database: Database) -> None:
    with pytest.raises(DBAPIError):
        async with database.transaction() as tx:
            await tx.run(text("INSERT INTO unique_values VALUES ('contact', 'email', 'x', 'nobody')"))


async def test_a_schema_that_was_not_committed_is_not_remembered(database: Database) -> None:
    async with database.read() as read:
        before = await load_schema(read)
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await insert_object_type(tx, NEW_TYPE, START)
            assert NEW_TYPE.name in (await load_schema(tx)).objects
            undone = (await load_account(tx)).schema_revision
            raise ZeroDivisionError
    async with database.transaction() as tx:
        # Another alteration reaches the revision that the undone one had.
        await update_account(tx, schema_revision=undone)
    async with database.read() as read:
        assert await load_schema(read) == before


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///:memory:"])
def test_a_database_that_cannot_serve_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        driver_url(url)


def test_a_plain_address_gets_the_asynchronous_driver() -> None:
    assert driver_url("postgresql://u:p@h/d") == "postgresql+asyncpg://u:p@h/d"
    assert driver_url("sqlite:////var/x.db") == "sqlite+aiosqlite:////var/x.db"


async def _add_type(tx: Tx, name: str) -> None:
    await tx.run(insert(object_types).values(name=name, label="X", builtin=False, created_at=START))
