"""Idempotency keys."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from store.database import Database, Tx
from store.idempotency import KEPT, Claim, Held, claim, release, renew, settle
from tests.fixtures.clock import START

LOCK = timedelta(minutes=1)


async def test_a_key_that_is_running_is_held_and_an_answered_one_answers(database: Database) -> None:
    async with database.transaction() as tx:
        assert await _claim(tx) is None
        assert await _claim(tx) == Held(request_hash="h", status=None, headers={}, body=None)
        await settle(tx, _mine(), status=201, headers={"Location": "/x"}, body="{}")
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
        await release(tx, _mine())
        assert await _claim(tx) is None
        await settle(tx, _mine(), status=200, headers={}, body=None)
        await release(tx, _mine())
        assert await _claim(tx) is not None


async def test_a_call_that_never_ended_loses_its_key_when_its_lock_runs_out(database: Database) -> None:
    async with database.transaction() as tx:
        await _claim(tx)
        assert await _claim(tx, now=START + LOCK / 2) is not None
        assert await _claim(tx, now=START + LOCK) is None
        assert await _claim(tx, now=START + LOCK) is not None


async def test_a_call_that_lost_its_key_neither_answers_for_it_nor_frees_it(database: Database) -> None:
    async with database.transaction() as tx:
        await _claim(tx)
        await _claim(tx, digest="later", now=START + LOCK)
        assert await renew(tx, _mine(), locked_until=START + 3 * LOCK) is None
        assert not await settle(tx, _mine(), status=201, headers={}, body="mine")
        await release(tx, _mine())
        assert await _claim(tx, now=START + LOCK) == Held(request_hash="later", status=None, headers={}, body=None)
        assert await settle(tx, _mine(now=START + LOCK), status=201, headers={}, body="theirs")
        assert not await settle(tx, _mine(now=START + LOCK), status=201, headers={}, body="twice")


async def test_a_call_that_goes_on_can_hold_its_key_longer(database: Database) -> None:
    async with database.transaction() as tx:
        await _claim(tx)
        held = await renew(tx, _mine(), locked_until=START + 2 * LOCK)
        assert held is not None
        assert await _claim(tx, now=START + LOCK) is not None
        assert await settle(tx, held, status=201, headers={}, body=None)


async def test_an_old_answer_is_forgotten(database: Database) -> None:
    async with database.transaction() as tx:
        await _claim(tx)
        await settle(tx, _mine(), status=200, headers={}, body=None)
        assert await _claim(tx, now=START + KEPT) is not None
        assert await _claim(tx, now=START + KEPT + LOCK) is None


async def test_of_many_callers_at_once_one_gets_the_key(database: Database) -> None:
    async def call() -> bool:
        async with database.transaction() as tx:
            return await _claim(tx) is None

    assert sum(await asyncio.gather(*(call() for _ in range(8)))) == 1


async def _claim(tx: Tx, *, caller: str = "me", digest: str = "h", now: datetime = START) -> Held | None:
    return await claim(tx, _mine(caller, now), request_hash=digest, now=now, kept_since=now - KEPT)


def _mine(caller: str = "me", now: datetime = START) -> Claim:
    return Claim(api_key_id=caller, key="k", locked_until=now + LOCK)
