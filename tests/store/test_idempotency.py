"""Idempotency keys."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from store.database import Database, Tx
from store.idempotency import Held, claim, forget, release, settle
from tests.fixtures.clock import START

LOCK = timedelta(minutes=1)
KEPT = timedelta(days=7)


async def test_a_key_that_is_running_is_held_and_an_answered_one_answers(database: Database) -> None:
    async with database.transaction() as tx:
        assert await _claim(tx) is None
        assert await _claim(tx) == Held(request_hash="h", status=None, headers={}, body=None)
        await settle(tx, "me", "k", status=201, headers={"Location": "/x"}, body="{}")
        assert await _claim(tx, digest="other") == Held(
            request_hash="h", status=201, headers={"Location": "/x"}, body="{}"
        )


async def test_a_key_belongs_to_its_caller(database: Database) -> None:
    async with database.transaction() as tx:
        assert await _claim(tx) is None
        assert await _claim(tx, caller="you") is None


async def test_a_released_key_is_free_and_an_answer_cannot_be_released(database: Database) -> None:
    async with database.transaction() as tx:
        await _claim(tx)
        await release(tx, "me", "k")
        assert await _claim(tx) is None
        await settle(tx, "me", "k", status=200, headers={}, body=None)
        await release(tx, "me", "k")
        assert await _claim(tx) is not None


async def test_a_call_that_never_ended_loses_its_key_when_its_lock_runs_out(database: Database) -> None:
    async with database.transaction() as tx:
        await _claim(tx)
        assert await _claim(tx, now=START + LOCK / 2) is not None
        assert await _claim(tx, now=START + LOCK) is None
        assert await _claim(tx, now=START + LOCK) is not None


async def test_an_old_answer_is_forgotten(database: Database) -> None:
    async with database.transaction() as tx:
        await _claim(tx)
        await settle(tx, "me", "k", status=200, headers={}, body=None)
        assert await _claim(tx, now=START + KEPT) is not None
        assert await _claim(tx, now=START + KEPT + LOCK) is None
        assert await forget(tx, START + 2 * KEPT) == 1


async def test_of_many_callers_at_once_one_gets_the_key(database: Database) -> None:
    async def call() -> bool:
        async with database.transaction() as tx:
            return await _claim(tx) is None

    assert sum(await asyncio.gather(*(call() for _ in range(8)))) == 1


async def _claim(tx: Tx, *, caller: str = "me", digest: str = "h", now: datetime = START) -> Held | None:
    return await claim(tx, caller, "k", request_hash=digest, now=now, locked_until=now + LOCK, kept_since=now - KEPT)
