"""The SQLite driver: long reads leave the loop free, and a cancelled writer leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text, update

from store.database import Database
from store.tables import account

LONG = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) AS n FROM n"
)


@pytest.fixture
async def one(sqlite_url: str) -> Database:
    return Database.open(sqlite_url)


async def test_a_long_read_does_not_hold_up_the_loop(one: Database) -> None:
    async with one.read() as read:
        counting = asyncio.create_task(read.scalar(LONG))
        turns = 0
        while not counting.done():
            await asyncio.sleep(0)
            turns += 1
        assert await counting == 3_000_000
    # Without a thread the loop gets two or three turns: before the statement and after it.
    assert turns > 50
    await one.close()


async def test_a_writer_cancelled_while_it_waits_for_the_lock_writes_nothing_and_frees_it(
    one: Database, sqlite_url: str
) -> None:
    other = Database.open(sqlite_url)
    begun = asyncio.Event()

    async def write() -> None:
        begun.set()
        async with other.transaction() as tx:
            await tx.run(update(account).values(name="never"))

    async with one.transaction() as tx:
        await tx.run(update(account).values(name="first"))
        waiting = asyncio.create_task(write())
        await begun.wait()
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
    # The thread that waits for the lock outlives the task; it must give the lock back.
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with one.transaction() as tx:
        assert await tx.scalar(text("SELECT name FROM account")) == "first"
    async with other.transaction() as tx:
        await tx.run(update(account).values(name="second"))
    async with one.read() as read:
        assert await read.scalar(text("SELECT name FROM account")) == "second"
    await other.close()
    await one.close()
