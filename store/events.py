"""Rows of events: what happened to a record, once per id of its sender."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select, update

from domain.base import Frozen, Instant, Json
from store.database import Read, Row, Tx
from store.tables import events


class EventRow(Frozen):
    """One event. ``seq`` is the place of its change; ``external_id`` the sender's own id, if any."""

    id: str
    name: str
    record_id: str
    object: str
    properties: dict[str, Json]
    enrollment_id: str | None
    step: str | None
    occurred_at: Instant
    received_at: Instant
    external_id: str | None
    seq: int


class EventFilters(Frozen):
    """What a list of events is narrowed to."""

    record: str | None = None
    event: str | None = None
    since: Instant | None = None


BY_ID = select(events).where(events.c.id == bindparam("id"))
BY_EXTERNAL_ID = select(events).where(events.c.external_id == bindparam("external_id"))


async def get_event(read: Read, event_id: str) -> EventRow | None:
    """The event of this id."""
    return _event(await read.one(BY_ID, id=event_id))


async def find_by_external_id(read: Read, external_id: str) -> EventRow | None:
    """The event its sender gave this id."""
    return _event(await read.one(BY_EXTERNAL_ID, external_id=external_id))


async def claim_event(tx: Tx, event: EventRow) -> bool:
    """Write an event whose change, and with it its ``seq``, follows; False when its ``external_id`` was used before.

    Waits for a transaction that is writing the same id at this moment.
    """
    return await tx.insert_ignore(events, [dict(event)]) == 1


async def insert_events(tx: Tx, new: Sequence[EventRow]) -> None:
    """Write events that nobody outside named, whose changes and places are there."""
    await tx.run(insert(events), [dict(each) for each in new])


async def place_event(tx: Tx, event_id: str, seq: int) -> None:
    """Say which place in the order of commits an event has."""
    await tx.run(update(events).where(events.c.id == event_id).values(seq=seq))


async def list_events(read: Read, filters: EventFilters, *, after: str | None = None, limit: int) -> list[EventRow]:
    """Up to ``limit`` events as they came in, newest first, older than the id ``after``."""
    page = select(events)
    if filters.record is not None:
        page = page.where(events.c.record_id == filters.record)
    if filters.event is not None:
        page = page.where(events.c.name == filters.event)
    if filters.since is not None:
        page = page.where(events.c.occurred_at >= filters.since)
    if after is not None:
        page = page.where(events.c.id < after)
    rows = await read.all(page.order_by(events.c.id.desc()).limit(limit))
    return [EventRow(**row) for row in rows]


def _event(row: Row | None) -> EventRow | None:
    return None if row is None else EventRow(**row)
