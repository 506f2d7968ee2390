"""A record named by a value is the one that has it when it is locked, not the one that had it when it was found."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from services.records.records import update_record
from store.tables import enrollments, events
from tests.api.conftest import Caller
from tests.api.test_hooks import ANA, Sender, sender
from tests.fixtures.databases import until_it_waits
from tests.fixtures.records import writing

BY = {"object": "contact", "by": {"email": "ana@example.com"}}


async def event_sent(api: Caller, hook: Sender) -> None:
    await api.ok("POST", "/events", {"event": "form.submitted", "record": BY}, status=202)


async def enrolled(api: Caller, hook: Sender) -> None:
    await api.ok("POST", "/workflows/hooked/enrollments", {"record": BY}, status=202)


async def hook_called(api: Caller, hook: Sender) -> None:
    await hook.ok(ANA)


@pytest.mark.parametrize("call", [event_sent, enrolled, hook_called])
async def test_a_value_that_goes_to_another_record_means_the_other_record(
    api: Caller, call: Callable[[Caller, Sender], Awaitable[None]]
) -> None:
    hook = await sender(api, create=False, set={})
    ana, bo = [(await api.create("contact", email=f"{name}@example.com"))["id"] for name in ("ana", "bo")]
    db = api.inst.db
    async with db.transaction() as tx:
        write = await writing(tx)
        await update_record(tx, write, ana, {"email": None})
        await update_record(tx, write, bo, {"email": "ana@example.com"})
        calling = asyncio.ensure_future(call(api, hook))
        await until_it_waits(db, calling)
    await calling
    async with db.read() as read:
        meant: list[Any] = [
            row["record_id"] for table in (events, enrollments) for row in await read.all(select(table.c.record_id))
        ]
    assert set(meant) == {bo}
