"""What a worker does besides its runs."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

import worker
from services.installation import Installation
from store.idempotency import KEPT
from store.tables import idempotency
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, gap
from tests.services.relaying.test_intake import Desk


async def test_a_worker_clears_what_is_past_its_days_again_and_again_until_it_is_stopped(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "HOUSE_FIRST_S", 0)
    monkeypatch.setattr(worker, "HOUSE_EVERY_S", 0.01)
    stop = asyncio.Event()
    clearing = asyncio.create_task(worker.keep_house(installation, 730, stop))
    for key in ("first", "second"):
        await _claimed_long_ago(installation, key)
        while await _keys(installation):
            await asyncio.sleep(0.01)
    stop.set()
    await clearing


async def test_a_worker_that_is_stopped_before_its_first_clearing_ends_at_once(installation: Installation) -> None:
    await _claimed_long_ago(installation, "old")
    stop = asyncio.Event()
    clearing = asyncio.create_task(worker.keep_house(installation, 730, stop))
    await asyncio.sleep(0)
    stop.set()
    await clearing
    assert await _keys(installation) == 1


async def test_a_worker_ends_whose_run_is_over_also_after_an_hour_in_which_temporal_did_not_answer(
    installation: Installation, runs: RecordingRuns, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(installation)
    journey = await desk.publish(by_hand("journey", [gap(days=1)]))
    for address in ("a@b.no", "c@d.no"):
        await desk.enroll(journey, await desk.create("contact", email=address))
    await desk.work_off()
    runs.ends[runs.started[0].run_id] = "terminated"
    runs.ends[runs.started[1].run_id] = "not found"
    runs.down = True
    monkeypatch.setattr(worker, "HOUSE_FIRST_S", 0)
    monkeypatch.setattr(worker, "HOUSE_EVERY_S", 0.01)
    stop = asyncio.Event()
    keeping = asyncio.create_task(worker.keep_house(installation, 730, stop))
    await _claimed_long_ago(installation, "first")
    while await _keys(installation):
        await asyncio.sleep(0.01)
    runs.down = False
    while not any(entry.getMessage() == "runs_not_found" for entry in caplog.records):
        await asyncio.sleep(0.01)
    stop.set()
    await keeping
    assert await desk.ends() == [("failed", "its run was terminated in Temporal")]
    said = next(entry for entry in caplog.records if entry.getMessage() == "runs_not_found")
    assert (vars(said)["runs"], said.levelname) == (1, "WARNING")


async def _claimed_long_ago(inst: Installation, key: str) -> None:
    at = inst.clock.now() - KEPT - timedelta(seconds=1)
    async with inst.db.transaction() as tx:
        await tx.run(insert(idempotency).values(api_key_id="k", key=key, request_hash="h", created_at=at))


async def _keys(inst: Installation) -> int:
    async with inst.db.read() as read:
        found: int = await read.scalar(select(func.count()).select_from(idempotency))
    return found
