"""What a relay does besides judging and carrying, and how long it holds what it judges."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import select

import services.relaying.judgement
import services.relaying.relay
from domain.records import Change
from services.entering.by_hand import unenroll
from services.installation import Installation
from services.records.associating import Link
from services.relaying.relay import Relay
from services.running.deliveries import deliver_now
from store.database import Tx
from store.intake import LEASE, Waiting
from store.tables import changes
from tests.fixtures.clock import FixedClock
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk

ENOUGH_S = 10


class Busy(Relay):
    """Never without work."""

    async def _work_off(self, waiting: Waiting) -> int:
        return 1


async def test_waiting_jobs_begin_however_much_there_is_to_judge(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, stop = asyncio.Event(), asyncio.Event()

    async def begin_waiting(inst: Installation) -> None:
        begun.set()

    monkeypatch.setattr(services.relaying.relay, "begin_waiting", begin_waiting)
    running = asyncio.create_task(Busy(installation, "relay-1").run_forever(stop))
    try:
        await asyncio.wait_for(begun.wait(), ENOUGH_S)
    finally:
        stop.set()
        await running


async def test_a_judgement_of_many_pages_holds_its_change_to_the_end(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, clock: FixedClock
) -> None:
    desk = Desk(installation)
    monkeypatch.setattr(services.relaying.judgement, "PAGE", 1)
    where = {"property": "country", "op": "is", "value": "NO", "of": {"object": "company"}}
    await desk.publish(
        by_hand("tier", [gap(days=1)], entry={"triggers": [{"id": "t1", "on": "filter", "where": where}]})
    )
    company = await desk.create("company", name="Acme", domain="acme.example.com")
    for n in range(3):
        await desk.create("contact", (Link(object="company", id=company),), email=f"c{n}@example.com")
    await desk.work_off()
    held: list[bool] = []
    judge = services.relaying.relay.judge_page

    async def slowly(tx: Tx, change: Change, *, now: datetime) -> str | None:
        until = await tx.scalar(select(changes.c.leased_until).where(changes.c.seq == change.seq))
        held.append(until > clock.now())
        clock.advance(LEASE)
        return await judge(tx, change, now=now)

    monkeypatch.setattr(services.relaying.relay, "judge_page", slowly)
    await desk.patch(company, country="NO")
    await desk.relay.drain_once()
    assert len(held) > 2
    assert all(held)


class Blocked(Relay):
    """Tells when it found a delivery that it could not carry yet."""

    def __init__(self, inst: Installation) -> None:
        super().__init__(inst, "relay-1")
        self.in_vain = asyncio.Event()

    async def _work_off(self, waiting: Waiting) -> int:
        done = await super()._work_off(waiting)
        if waiting.deliveries and not done:
            self.in_vain.set()
        return done


async def test_who_leaves_right_behind_the_start_is_told_as_soon_as_that_is_done(
    installation: Installation, runs: RecordingRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.relaying.relay, "SWEEP_S", 3600.0)
    desk, relay, stop = Desk(installation), Blocked(installation), asyncio.Event()
    workflow = await desk.publish(by_hand("journey", [gap(days=1)]))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.work_off()
    await desk.enroll(workflow, contact, starter=installation.name)
    (inside,) = await desk.enrollments()
    running = asyncio.create_task(relay.run_forever(stop))
    try:
        async with asyncio.timeout(ENOUGH_S):
            async with installation.db.transaction() as tx:
                await unenroll(tx, inside["id"], now=installation.clock.now())
            await relay.in_vain.wait()
            await deliver_now(installation, inside["id"])
            while not runs.signals:
                await asyncio.sleep(0.01)
    finally:
        stop.set()
        await running
    assert [(run_id, name) for run_id, name, _ in runs.signals] == [(inside["run_id"], "leave")]
