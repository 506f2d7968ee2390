"""Relays share the work: killed at any moment they lose no change, decide none twice and keep the order per record."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from temporalio.testing import WorkflowEnvironment

from store.tables import changes, entry_decisions
from tests.fixtures.breaking import break_version, repair_version
from tests.fixtures.running import Running, running
from tests.fixtures.temporal import dev_server
from tests.fixtures.worker_process import WorkerProcess
from tests.runs.definitions import by_hand, gap

__all__ = ["dev_server"]

BACKLOG = 100
"""Changes that wait at most while the load goes on."""

STAGES = ("lead", "mql")


def becomes(slug: str, property: str, value: str) -> dict[str, Any]:
    trigger = {"id": "t1", "on": "filter", "where": {"property": property, "op": "is", "value": value}}
    return by_hand(slug, [gap(days=9)], entry={"triggers": [trigger]})


class Load:
    """Contacts that become a lead and something else in turn, until told to stop."""

    def __init__(self, ft: Running, contacts: list[str], at_least: int) -> None:
        self._ft = ft
        self._contacts = contacts
        self._at_least = at_least
        self.enough = asyncio.Event()

    async def run(self) -> None:
        """Change every contact at the same time as the others, each in its order."""
        await asyncio.gather(*(self._change(contact) for contact in self._contacts))

    async def _change(self, contact: str) -> None:
        n = 0
        while n < self._at_least or not self.enough.is_set():
            while not await self._has_room():
                # A killed relay's leases last longer than a test usually waits, and the next one may be killed in turn.
                await asyncio.sleep(0.05)
            await self._ft.patch("contact", contact, lifecycle_stage=STAGES[n % 2])
            n += 1

    async def _has_room(self) -> bool:
        async with self._ft.inst.db.read() as read:
            return int(await read.scalar(select(func.count()).where(changes.c.done_at.is_(None)))) < BACKLOG


async def kill_one_that_holds_a_change(ft: Running, relays: list[WorkerProcess]) -> None:
    """Kill a relay between taking a change and having judged it, and start another one."""
    held = select(changes.c.leased_by).where(changes.c.leased_by.is_not(None), changes.c.done_at.is_(None)).distinct()
    holding: list[WorkerProcess] = []

    async def one_holds() -> bool:
        async with ft.inst.db.read() as read:
            pids = {str(row["leased_by"]).rpartition(":")[2] for row in await read.all(held)}
        holding.extend(relay for relay in relays if str(relay.pid) in pids)
        return bool(holding)

    await ft.until(one_holds, "a relay holds a change")
    holding[0].kill()
    holding[0].start()


async def relays(env: WorkflowEnvironment, url: str, folder: Path, *, records: int, each: int, kills: int) -> None:
    async with running(env, url, folder, work=False) as ft:
        await ft.publish(becomes("leads", "lifecycle_stage", "lead"))
        contacts = [await ft.create("contact", external_id=f"c{n}") for n in range(records)]
        load = Load(ft, contacts, each)
        with WorkerProcess(env, url, folder, "relay") as one, WorkerProcess(env, url, folder, "relay") as two:
            work = asyncio.create_task(load.run())
            for _ in range(kills):
                await kill_one_that_holds_a_change(ft, [one, two])
            load.enough.set()
            await work
            await ft.settled()
        for contact in contacts:
            await decided_in_order(ft, contact, each)


async def decided_in_order(ft: Running, contact: str, at_least: int) -> None:
    """Every change that made this contact a lead was decided about once, one after the other."""
    async with ft.inst.db.read() as read:
        made = await read.all(select(changes).where(changes.c.record_id == contact).order_by(changes.c.seq))
        decided = await read.all(
            select(entry_decisions)
            .where(entry_decisions.c.record_id == contact)
            .order_by(entry_decisions.c.decided_at, entry_decisions.c.id)
        )
    updates = [change for change in made if change["kind"] == "updated"]
    assert len(updates) >= at_least
    assert all(change["done_at"] is not None and change["failed_at"] is None for change in made)
    became = [change["seq"] for change in updates if change["after"]["lifecycle_stage"] == "lead"]
    assert [decision["change_seq"] for decision in decided] == became
    assert [d["decision"] for d in decided] == ["enrolled", *["absorbed_update"] * (len(became) - 1)]


async def test_two_relays_of_which_one_is_killed_again_and_again_lose_and_double_nothing(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path
) -> None:
    await relays(dev_server, database_url, tmp_path, records=10, each=20, kills=2)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_two_relays_killed_twenty_times_lose_and_double_nothing(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path
) -> None:
    await relays(dev_server, database_url, tmp_path, records=50, each=100, kills=20)


async def test_a_change_nobody_can_judge_is_set_aside_and_later_ones_go_on_until_it_is_retried(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path
) -> None:
    async with running(dev_server, app_url, tmp_path, work=False) as ft:
        await ft.publish(becomes("broken", "lifecycle_stage", "lead"))
        await ft.publish(becomes("healthy", "country", "NO"))
        contact = await ft.create("contact", external_id="a")
        with WorkerProcess(dev_server, app_url, tmp_path, "relay"):
            await ft.settled()
        kept = await break_version(ft.inst.db, "broken")
        await ft.patch("contact", contact, lifecycle_stage="lead")
        await ft.patch("contact", contact, country="NO")
        with WorkerProcess(dev_server, app_url, tmp_path, "relay"):

            async def is_set_aside() -> bool:
                return bool((await ft.call("GET", "/changes?state=failed"))["items"])

            await ft.until(is_set_aside, "the change is set aside")
            (failed,) = (await ft.call("GET", "/changes?state=failed"))["items"]
            assert (failed["record_id"], failed["attempts"]) == (contact, 5)
            assert failed["error"].startswith("ValidationError")
            await ft.settled()
            assert (await ft.decisions("broken"), await ft.decisions("healthy")) == ([], ["enrolled"])

            await repair_version(ft.inst.db, kept)
            await ft.call("POST", f"/changes/{failed['id']}/retry", {}, expect=202)
            await ft.settled()
            assert (await ft.call("GET", "/changes?state=failed"))["items"] == []
            assert await ft.decisions("broken") == ["enrolled"]
