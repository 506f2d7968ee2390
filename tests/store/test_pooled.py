"""Connections to PostgreSQL that the server ended, or that lay idle for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.exc import DBAPIError

from store import pooled
from store.database import Database, Read
from store.transient import is_transient
from tests.fixtures.databases import on_a_thread

BACKEND = text("SELECT pg_backend_pid()")
BACKENDS = text("SELECT pid FROM pg_stat_activity")
END = text("SELECT pg_terminate_backend(CAST(:pid AS integer))")
PING = ";"


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Database]:
    db = Database.open(postgres_url)
    yield db
    await db.close()


async def used(db: Database, many: int) -> dict[int, Any]:
    """The connections that so many reads at once have, by their process of the server."""

    async def one(inside: asyncio.Barrier) -> tuple[int, Any]:
        async with db.read() as read:
            await inside.wait()
            return int(await read.scalar(BACKEND)), await driver(read)

    barrier = asyncio.Barrier(many)
    return dict(await asyncio.gather(*(one(barrier) for _ in range(many))))


async def driver(read: Read) -> Any:
    return (await read._connection.get_raw_connection()).driver_connection


async def asked(db: Database) -> list[str]:
    """What the pooled connection is asked by one read that follows another."""
    said: list[str] = []
    async with db.read() as read:
        (await driver(read)).add_query_logger(lambda record: said.append(record.query))
    said.clear()
    async with db.read() as read:
        assert await read.scalar(text("SELECT 1")) == 1
    await asyncio.sleep(0)  # The driver tells in the next round of the loop.
    return said


async def end(url: str, pids: Iterable[int]) -> None:
    """Have the server end these, and return when they are gone."""
    other = Database.open(url)
    async with other.transaction() as tx:
        for pid in pids:
            assert await tx.scalar(END, pid=pid)
    left = {*pids}
    while left:
        async with other.read() as read:
            left &= {row["pid"] for row in await read.all(BACKENDS)}
    await other.close()


async def test_nobody_gets_a_connection_that_the_server_ended(postgres: Database, postgres_url: str) -> None:
    before = await used(postgres, 3)
    await end(postgres_url, before)
    while not all(connection.is_closed() for connection in before.values()):
        await asyncio.sleep(0)
    assert not set(before) & set(await used(postgres, 3))
    async with postgres.transaction() as tx:
        assert await tx.scalar(BACKEND) not in before


async def test_one_that_ended_while_nobody_could_notice_may_be_tried_again(
    postgres: Database, postgres_url: str
) -> None:
    before = await used(postgres, 1)
    # The loop stands still meanwhile: the driver has not heard of it when the connection is used next.
    on_a_thread(lambda: asyncio.run(end(postgres_url, before)))
    with pytest.raises(DBAPIError) as lost:
        async with postgres.transaction() as tx:
            await tx.scalar(BACKEND)
    assert is_transient(lost.value)
    async with postgres.transaction() as tx:
        assert await tx.scalar(BACKEND) not in before


async def test_a_connection_just_used_is_not_asked_whether_it_lives(postgres: Database) -> None:
    assert PING not in await asked(postgres)


async def test_one_that_lay_idle_is_asked(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooled, "ASKED_AFTER_S", 0)
    assert PING in await asked(postgres)


async def test_one_that_does_not_answer_is_replaced(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooled, "ASKED_AFTER_S", 0)
    async with postgres.read() as read:
        before = await read.scalar(BACKEND)

    def lost(dialect: PGDialect_asyncpg, _connection: object) -> None:
        # As the driver puts it when the network drops the connection under the question.
        raise dialect.loaded_dbapi.InterfaceError("connection is closed")

    monkeypatch.setattr(PGDialect_asyncpg, "do_ping", lost)
    async with postgres.read() as read:
        assert await read.scalar(BACKEND) != before


async def test_a_server_that_is_away_with_its_socket_is_waited_for(tmp_path: Path) -> None:
    db = Database.open(f"postgresql://somebody@/followthrough?host={tmp_path}")
    with pytest.raises(ConnectionRefusedError) as refused:
        async with db.read() as read:
            await read.scalar(BACKEND)
    assert is_transient(refused.value)
    await db.close()
