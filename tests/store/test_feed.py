"""The feed wakes a waiting loop for whoever commits."""

from __future__ import annotations

import asyncio
import gc
import sys

import asyncpg
import pytest
from sqlalchemy import insert, text

from domain.records import Cause
from store.changes import Stamp, append_change
from store.database import Database, Tx
from store.tables import deliveries
from tests.fixtures.clock import START
from tests.fixtures.records import stored_contact

LONG_S = 60.0
"""Never waited for: a feed that misses a commit runs into the test's time limit."""

STAMP = Stamp(now=START, cause=Cause(kind="system"))

COMMIT = """
import asyncio, sys
from datetime import datetime, UTC
from store.database import Database
from store.tables import deliveries
from sqlalchemy import insert

async def main():
    db = Database.open(sys.argv[1])
    now = datetime(2027, 3, 1, tzinfo=UTC)
    async with db.transaction() as tx:
        await tx.run(insert(deliveries).values(id="d", enrollment_id="e", kind="leave", due_at=now, payload={}))
    await db.close()

asyncio.run(main())
"""


async def test_the_first_wait_returns_at_once(database: Database) -> None:
    await database.changes().wait(LONG_S)


async def test_a_wait_without_commits_ends_with_its_time(database: Database) -> None:
    feed = database.changes()
    await feed.wait(LONG_S)
    await feed.wait(0.05)


async def test_a_change_of_this_process_wakes_every_feed(database: Database) -> None:
    feeds = [database.changes(), database.changes()]
    for feed in feeds:
        await feed.wait(LONG_S)
    waits = [asyncio.create_task(feed.wait(LONG_S)) for feed in feeds]
    async with database.transaction() as tx:
        await _add_delivery(tx)
    await asyncio.gather(*waits)


async def test_a_commit_between_two_waits_is_not_missed(database: Database) -> None:
    feed = database.changes()
    await feed.wait(LONG_S)
    async with database.transaction() as tx:
        record = await stored_contact(tx)
        await append_change(tx, record, "created", STAMP)
    await feed.wait(LONG_S)


async def test_a_commit_of_another_process_wakes_the_feed(database: Database) -> None:
    feed = database.changes()
    await feed.wait(LONG_S)
    wait = asyncio.create_task(feed.wait(LONG_S))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", COMMIT, database.url)
    await wait
    assert await process.wait() == 0


async def test_a_feed_that_was_cancelled_while_waiting_can_be_closed_and_used_again(database: Database) -> None:
    feed = database.changes()
    await feed.wait(LONG_S)
    wait = asyncio.create_task(feed.wait(LONG_S))
    await asyncio.sleep(0)
    wait.cancel()
    await asyncio.wait([wait])
    await feed.close()
    await feed.wait(LONG_S)


async def test_a_feed_whose_connection_was_lost_listens_anew(postgres_url: str) -> None:
    db = Database.open(postgres_url)
    feed = db.changes()
    await feed.wait(LONG_S)
    async with db.transaction() as tx:
        await tx.all(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"))
    await feed.wait(LONG_S)
    await feed.wait(LONG_S)
    wait = asyncio.create_task(feed.wait(LONG_S))
    async with db.transaction() as tx:
        await _add_delivery(tx)
    await wait
    await db.close()


async def _add_delivery(tx: Tx) -> None:
    row = {"id": "d", "enrollment_id": "e", "kind": "leave", "due_at": START, "payload": {}}
    await tx.run(insert(deliveries).values(**row))


async def test_a_wait_cancelled_before_it_listens_leaves_no_connection_behind(
    postgres_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def never(*_: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncpg.Connection, "add_listener", never)
    db = Database.open(postgres_url)
    waiting = asyncio.create_task(db.changes().wait(LONG_S))
    await reached.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    await db.close()
    del db, waiting
    gc.collect()
    assert "garbage collector" not in caplog.text
