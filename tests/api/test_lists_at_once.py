"""Members, conditions and relays at the same time: what is left is what the condition says."""

from __future__ import annotations

import asyncio
import random

import pytest
from sqlalchemy import func, select

from domain.errors import Conflict
from services.authoring.workflows import publish
from services.lists.lists import delete_list
from services.relaying.relay import Relay
from store.tables import changes
from tests.api.conftest import Caller
from tests.api.test_lists import CUSTOMER, members
from tests.fixtures.databases import until_it_waits
from tests.runs.definitions import by_hand, gap

STAGES = ("customer", "lead", None)


async def test_members_agree_with_the_condition_whoever_writes_at_the_same_time(api: Caller) -> None:
    chance = random.Random(7)
    people = [await api.create("contact", email=f"p{n}@example.com", lifecycle_stage="lead") for n in range(8)]
    await api.ok("POST", "/lists", {"slug": "chosen", "object": "contact", "where": CUSTOMER}, status=201)

    async def edit() -> None:
        for _ in range(8):
            path = f"/records/contact/{chance.choice(people)['id']}"
            await api.ok("PATCH", path, {"properties": {"lifecycle_stage": chance.choice(STAGES)}})

    async def redefine() -> None:
        for value in ("lead", "customer", "lead"):
            await api.ok("PATCH", "/lists/chosen", {"where": {**CUSTOMER, "value": value}})
            await asyncio.sleep(0)

    async def carry(name: str) -> None:
        relay = Relay(api.inst, name)
        while not done.is_set() or await _open(api):
            await relay.drain_once()

    done = asyncio.Event()
    carrying = [asyncio.create_task(carry(f"relay-{n}")) for n in range(2)]
    await asyncio.gather(edit(), edit(), redefine())
    done.set()
    await asyncio.gather(*carrying)
    where = {"where": {**CUSTOMER, "value": "lead"}}
    found = await api.ok("POST", "/records/contact/search", where)
    assert await members(api, "chosen") == [each["id"] for each in found["items"]]
    async with api.inst.db.read() as read:
        assert await read.scalar(select(func.count()).where(changes.c.attempts > 0)) == 0
        moves = await read.all(select(changes).where(changes.c.kind.like("list_%")).order_by(changes.c.seq))
    for person in people:
        kinds = [row["kind"] for row in moves if row["record_id"] == person["id"]]
        assert all(kind == ("list_joined", "list_left")[n % 2] for n, kind in enumerate(kinds))


async def test_a_list_stays_while_a_workflow_that_names_it_is_published(api: Caller) -> None:
    await api.ok("POST", "/lists", {"slug": "chosen", "object": "contact"}, status=201)
    suppress = {"list": "chosen", "op": "member"}
    await api.ok("POST", "/workflows", by_hand("kept", [gap(days=1)], entry={"suppress": suppress}), status=201)
    db, now = api.inst.db, api.inst.clock.now()

    async def delete() -> None:
        async with db.transaction() as tx:
            await delete_list(tx, "chosen")

    async with db.transaction() as tx:
        await publish(tx, api.inst, "kept", now=now)
        deleting = asyncio.ensure_future(delete())
        await until_it_waits(db, deleting)
    with pytest.raises(Conflict, match="kept"):
        await deleting


async def test_a_workflow_is_not_published_while_a_list_it_names_is_deleted(api: Caller) -> None:
    await api.ok("POST", "/lists", {"slug": "chosen", "object": "contact"}, status=201)
    suppress = {"list": "chosen", "op": "member"}
    await api.ok("POST", "/workflows", by_hand("kept", [gap(days=1)], entry={"suppress": suppress}), status=201)
    db = api.inst.db
    async with db.transaction() as tx:
        await delete_list(tx, "chosen")
        publishing = asyncio.ensure_future(api.problem("POST", "/workflows/kept/publish", {}, status=422))
        await until_it_waits(db, publishing)
    assert [error["code"] for error in (await publishing)["errors"]] == ["unknown_list"]


async def _open(api: Caller) -> int:
    async with api.inst.db.read() as read:
        return int(await read.scalar(select(func.count()).where(changes.c.done_at.is_(None))) or 0)
