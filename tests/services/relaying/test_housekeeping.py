"""What is past its days is deleted, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table as SqlTable
from sqlalchemy import insert, select, update

from services.relaying.housekeeping import clear_old
from store.database import Database
from store.tables import (
    changes,
    effects,
    enrollments,
    entry_decisions,
    entry_keys,
    idempotency,
    messages,
    records,
    visits,
    workflows,
)
from tests.fixtures.clock import START, FixedClock

HISTORY_DAYS = 100
LONG_AGO = START - timedelta(days=HISTORY_DAYS, seconds=1)
NOT_YET = START - timedelta(days=HISTORY_DAYS) + timedelta(seconds=1)
BEFORE_ALL = START - timedelta(days=1000)

ENDS: dict[str, datetime | None] = {"gone": LONG_AGO, "recent": NOT_YET, "inside": None}
"""Three enrollments of old: one ended long ago, one not so long ago, one is still inside."""

NOTHING = {
    "changes": 0,
    "visits": 0,
    "entry_decisions": 0,
    "effects": 0,
    "effect_decisions": 0,
    "end_values": 0,
    "idempotency": 0,
    "provider_tokens": 0,
}


async def clear(database: Database, clock: FixedClock, batch: int = 500) -> dict[str, int]:
    return dict(await clear_old(database, history_days=HISTORY_DAYS, now=clock.now(), batch=batch))


async def left(database: Database, table: SqlTable, column: str) -> list[Any]:
    async with database.read() as read:
        return sorted([row[column] for row in await read.all(select(table.c[column]))])


async def write(database: Database, table: SqlTable, *rows: dict[str, Any]) -> None:
    async with database.transaction() as tx:
        await tx.run(insert(table), rows)


@pytest.fixture
async def inhabited(database: Database) -> Database:
    """A workflow with the three enrollments, one entry key and one message each."""
    await write(database, workflows, {
        "id": "w", "slug": "w", "name": "W", "folder": "", "object": "contact", "type": "standard", "draft": {},
        "draft_revision": 1, "is_on": True, "is_paused": False, "created_at": BEFORE_ALL, "updated_at": BEFORE_ALL,
    })  # fmt: skip
    await write(database, records, *(
        {"id": name, "object": "contact", "properties": {}, "version": 1, "created_at": BEFORE_ALL,
         "updated_at": BEFORE_ALL} for name in ENDS
    ))  # fmt: skip
    await write(database, enrollments, *(
        {"id": name, "workflow_id": "w", "version": 1, "key": name, "n": 1, "run_id": name, "record_id": name,
         "object": "contact", "status": "ended" if ended else "active", "epoch": 0, "parameters": {},
         "cause_kind": "user", "depth": 0, "started_at": BEFORE_ALL, "ended_at": ended}
        for name, ended in ENDS.items()
    ))  # fmt: skip
    await write(database, entry_keys, *(
        {"workflow_id": "w", "key": name, "record_id": name, "entries": 1} for name in ENDS
    ))  # fmt: skip
    await write(database, messages, *(
        {"id": name, "effect_key": name, "enrollment_id": name, "workflow_id": "w", "step": "s", "record_id": name,
         "channel": "email", "status": "sent", "sender": "a@example.com", "recipient": "b@example.com", "text": "",
         "created_at": BEFORE_ALL} for name in ENDS
    ))  # fmt: skip
    return database


def visit(enrollment: str, n: int = 1) -> dict[str, Any]:
    return {
        "enrollment_id": enrollment, "step": "s", "n": n, "turn": 0, "workflow_id": "w", "version": 1,
        "record_id": enrollment, "kind": "delay", "entered_at": BEFORE_ALL,
    }  # fmt: skip


def effect(key: str, enrollment: str, state: str = "accepted") -> dict[str, Any]:
    return {
        "key": key, "enrollment_id": enrollment, "workflow_id": "w", "step": "s", "n": 1, "channel": "email",
        "state": state, "attempt": 1, "created_at": BEFORE_ALL, "updated_at": BEFORE_ALL,
    }  # fmt: skip


def decision(id: str, enrollment: str | None, at: datetime = BEFORE_ALL) -> dict[str, Any]:
    return {
        "id": id, "workflow_id": "w", "record_id": "r", "decision": "enrolled", "seen": [], "cause_kind": "user",
        "enrollment_id": enrollment, "decided_at": at,
    }  # fmt: skip


def change(id: str, *, done: datetime | None = None, failed: datetime | None = None) -> dict[str, Any]:
    return {
        "id": id, "object": "contact", "record_id": "r", "record_version": 1, "kind": "updated", "wake": True,
        "cause_kind": "user", "depth": 0, "occurred_at": BEFORE_ALL, "done_at": done, "failed_at": failed,
    }  # fmt: skip


async def test_visits_go_with_the_days_after_the_end_of_their_enrollment(
    inhabited: Database, clock: FixedClock
) -> None:
    await write(inhabited, visits, *map(visit, ENDS))
    assert await clear(inhabited, clock) == NOTHING | {"visits": 1}
    assert await left(inhabited, visits, "enrollment_id") == ["inside", "recent"]
    clock.advance(timedelta(seconds=2))
    assert await clear(inhabited, clock) == NOTHING | {"visits": 1}
    clock.advance(timedelta(days=10_000))
    assert await clear(inhabited, clock) == NOTHING, "who is inside keeps everything"


async def test_effects_go_when_they_are_closed(inhabited: Database, clock: FixedClock) -> None:
    closed = [effect(state, "gone", state) for state in ("accepted", "refused", "failed", "unknown")]
    under_way = [effect(state, "gone", state) for state in ("handed_over", "retry")]
    await write(inhabited, effects, *closed, *under_way, effect("r", "recent"), effect("i", "inside"))
    assert await clear(inhabited, clock) == NOTHING | {"effects": 4}
    assert await left(inhabited, effects, "key") == ["handed_over", "i", "r", "retry"]


async def test_decisions_go_with_their_enrollment_or_by_themselves_when_there_is_none(
    inhabited: Database, clock: FixedClock
) -> None:
    of_enrollments = [decision(name, name) for name in ENDS]
    await write(inhabited, entry_decisions, *of_enrollments, decision("none", None), decision("new", None, NOT_YET))
    assert await clear(inhabited, clock) == NOTHING | {"entry_decisions": 2}
    assert await left(inhabited, entry_decisions, "id") == ["inside", "new", "recent"]


async def test_what_an_end_saw_goes_and_the_enrollment_keeps_how_it_ended(
    inhabited: Database, clock: FixedClock
) -> None:
    seen = [{"what": "Stage is Won", "value": "Won", "holds": True}]
    async with inhabited.transaction() as tx:
        ended = update(enrollments).where(enrollments.c.status == "ended")
        await tx.run(ended.values(end_reason="goal", end_detail="won", end_seen=seen))
    assert await clear(inhabited, clock) == NOTHING | {"end_values": 1}
    async with inhabited.read() as read:
        rows = {row["id"]: (row["end_detail"], row["end_seen"]) for row in await read.all(select(enrollments))}
    assert rows == {"gone": ("won", None), "recent": ("won", seen), "inside": (None, None)}


async def test_changes_go_thirty_days_after_they_were_judged(database: Database, clock: FixedClock) -> None:
    days = timedelta(days=30)
    await write(
        database,
        changes,
        change("old", done=START - days - timedelta(seconds=1)),
        change("young", done=START - days),
        change("open"),
        change("failed", failed=BEFORE_ALL),
    )
    assert await clear(database, clock) == NOTHING | {"changes": 1}
    assert await left(database, changes, "id") == ["failed", "open", "young"]


async def test_idempotency_keys_go_after_seven_days(database: Database, clock: FixedClock) -> None:
    days = timedelta(days=7)
    row = {"api_key_id": "k", "request_hash": "h"}
    await write(
        database,
        idempotency,
        {**row, "key": "old", "created_at": START - days - timedelta(seconds=1)},
        {**row, "key": "young", "created_at": START - days},
    )
    assert await clear(database, clock) == NOTHING | {"idempotency": 1}
    assert await left(database, idempotency, "key") == ["young"]


async def test_enrollments_entry_keys_and_messages_stay(inhabited: Database, clock: FixedClock) -> None:
    clock.advance(timedelta(days=10_000))
    assert await clear(inhabited, clock) == NOTHING
    for table, column in ((enrollments, "id"), (entry_keys, "key"), (messages, "id")):
        assert await left(inhabited, table, column) == sorted(ENDS)


@pytest.mark.parametrize("rows", [0, 5, 6, 7])
async def test_everything_old_goes_however_many_batches_it_takes(
    inhabited: Database, clock: FixedClock, rows: int
) -> None:
    await write(inhabited, visits, *(visit("gone", n) for n in range(rows)), visit("inside"))
    assert await clear(inhabited, clock, batch=3) == NOTHING | {"visits": rows}
    assert await left(inhabited, visits, "enrollment_id") == ["inside"]
