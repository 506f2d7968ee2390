"""The SQLite driver: long reads leave the loop free, and a cancelled writer leaves nothing behind."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from sqlalchemy import text, update

from store.database import Database
from store.sqlite_driver import taken
from store.tables import account

SQLITE_BUSY_RECOVERY = 261
"""The extended code of a database another process is recovering."""

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


async def test_a_writer_does_not_queue_behind_long_reads(one: Database) -> None:
    async def count() -> int:
        async with one.read() as read:
            return int(await read.scalar(LONG))

    reads = [asyncio.create_task(count()) for _ in range(12)]
    await asyncio.sleep(0)
    async with one.transaction() as tx:
        await tx.run(update(account).values(name="meanwhile"))
    assert not all(read.done() for read in reads)
    assert await asyncio.gather(*reads) == [3_000_000] * 12
    await one.close()


def test_a_database_that_is_mended_after_a_crash_is_waited_for() -> None:
    mending = sqlite3.OperationalError("database is locked")
    mending.sqlite_errorcode = SQLITE_BUSY_RECOVERY

    def begin() -> None:
        raise mending

    assert not taken(begin, last=False)
    with pytest.raises(sqlite3.OperationalError):
        taken(begin, last=True)


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
