"""Appends what was committed to the list the relay works through; the only writer of new ``changes`` rows.

A change is appended after its record's row is locked, so per record the sequence is the order of commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, func, insert, select

from domain.base import Json, Properties
from domain.lists import RecordList
from domain.records import Cause, Change, ChangeKind, StoredRecord
from store.database import Read, Tx, portions
from store.ids import new_id
from store.tables import associations, changes

PLACED_AT_ONCE = 200
"""A statement of so many rows stays well below what a database takes as values."""


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """When and because of what something is written; ``wake`` False keeps triggers and waits from looking at it."""

    now: datetime
    cause: Cause
    wake: bool = True


@dataclass(frozen=True, kw_only=True)
class Documents:
    """The complete property documents before and after; an event or association has the same on both sides."""

    before: Properties | None
    after: Properties | None


@dataclass(frozen=True)
class NewChange:
    """A change to be appended; the fields are those of ``append_change``."""

    record: StoredRecord
    kind: ChangeKind
    documents: Documents | None = None
    detail: dict[str, Json] | None = None
    event_id: str | None = None


async def append_change(
    tx: Tx,
    record: StoredRecord,
    kind: ChangeKind,
    stamp: Stamp,
    *,
    documents: Documents | None = None,
    detail: dict[str, Json] | None = None,
    event_id: str | None = None,
) -> int:
    """Write a change of ``record``, whose row the caller has locked or just inserted; its sequence number.

    ``documents`` None means that the properties did not change.
    """
    new = NewChange(record, kind, documents=documents, detail=detail, event_id=event_id)
    row = _row(tx, new, stamp)
    return int(await tx.scalar(insert(changes).values(**row).returning(changes.c.seq)))


async def append_changes(tx: Tx, new: Sequence[NewChange], stamp: Stamp) -> None:
    """Write many changes in this order; every record's row is locked or just inserted."""
    await tx.run(insert(changes), [_row(tx, each, stamp) for each in new])


async def place_changes(tx: Tx, new: Sequence[NewChange], stamp: Stamp) -> dict[str, int]:
    """Write changes of events as ``append_changes`` does; their sequence numbers by the id of the event."""
    placed: dict[str, int] = {}
    for start in range(0, len(new), PLACED_AT_ONCE):
        rows = [_row(tx, each, stamp) for each in new[start : start + PLACED_AT_ONCE]]
        found = await tx.all(insert(changes).values(rows).returning(changes.c.event_id, changes.c.seq))
        placed |= {row["event_id"]: row["seq"] for row in found}
    return placed


async def append_list_changed(tx: Tx, kept: RecordList, stamp: Stamp) -> None:
    """Have the members of a dynamic list brought in line with its condition, behind this transaction."""
    row = {
        "id": new_id(stamp.now), "object": kept.object, "record_id": kept.id, "record_version": kept.revision,
        "kind": "list_changed", "detail": {"list": kept.slug}, "wake": stamp.wake, "cause_kind": stamp.cause.kind,
        "cause_id": stamp.cause.id, "depth": stamp.cause.depth, "occurred_at": stamp.now,
        "traceparent": tx.traceparent(),
    }  # fmt: skip
    await tx.run(insert(changes).values(**row))


async def append_settings_changed(tx: Tx, of: str, stamp: Stamp, *, revision: int, parts: Collection[str]) -> None:
    """Have those inside a workflow told who wait by live values that changed, which ``parts`` names.

    ``of`` is the id of the workflow, or names the account.
    """
    row = {
        "id": new_id(stamp.now), "object": "settings", "record_id": of, "record_version": revision,
        "kind": "settings", "detail": {"parts": sorted(parts)}, "wake": stamp.wake, "cause_kind": stamp.cause.kind,
        "cause_id": stamp.cause.id,
        "depth": stamp.cause.depth, "occurred_at": stamp.now, "traceparent": tx.traceparent(),
    }  # fmt: skip
    await tx.run(insert(changes).values(**row))


def _row(tx: Tx, new: NewChange, stamp: Stamp) -> dict[str, Any]:
    record, documents = new.record, new.documents
    before, after = (documents.before, documents.after) if documents else (record.properties, record.properties)
    return {
        "id": new_id(stamp.now),
        "object": record.object,
        "record_id": record.id,
        "record_version": record.version,
        "kind": new.kind,
        "before": before,
        "after": after,
        "detail": new.detail,
        "event_id": new.event_id,
        "wake": stamp.wake,
        "cause_kind": stamp.cause.kind,
        "cause_id": stamp.cause.id,
        "depth": stamp.cause.depth,
        "occurred_at": stamp.now,
        "traceparent": tx.traceparent(),
    }


def change_of(row: RowMapping) -> Change:
    """The change of a complete row."""
    return Change(
        cause=Cause(kind=row["cause_kind"], id=row["cause_id"], depth=row["depth"]),
        **{name: row[name] for name in Change.model_fields if name != "cause"},
    )


async def list_changes(read: Read, record_id: str, *, before_seq: int | None = None, limit: int) -> list[Change]:
    """Up to ``limit`` changes of a record, newest first, older than ``before_seq``."""
    page = select(changes).where(changes.c.record_id == record_id)
    if before_seq is not None:
        page = page.where(changes.c.seq < before_seq)
    return [change_of(row) for row in await read.all(page.order_by(changes.c.seq.desc()).limit(limit))]


STANDING: tuple[ChangeKind, ...] = ("list_joined", "list_left", "subscription")


async def standing_since(read: Read, record_ids: Collection[str], seq: int) -> list[Change]:
    """Which lists these records joined and left, and what they agreed to, behind the change ``seq``; newest first."""
    mine = (changes.c.record_id.in_(sorted(record_ids)), changes.c.seq > seq, changes.c.kind.in_(STANDING))
    rows = await read.all(select(changes).where(*mine).order_by(changes.c.seq.desc()))
    return [change_of(row) for row in rows]


async def changes_since(
    read: Read, record_ids: Collection[str], *, near: str | None = None, since: datetime
) -> list[Change]:
    """What was committed about these records behind an instant, newest first; events are no part of it.

    ``near``: about every record this one is associated with as well, be it deleted.
    """
    others = select(associations.c.other_id).where(associations.c.record_id == near)
    mine = [changes.c.record_id.in_(portion) for portion in portions(sorted(record_ids))]
    mine += [changes.c.record_id.in_(others)] if near is not None else []
    found: dict[int, Change] = {}
    for whose in mine:
        behind = select(changes).where(whose, changes.c.occurred_at > since, changes.c.kind != "event")
        found.update({row["seq"]: change_of(row) for row in await read.all(behind)})
    return [found[seq] for seq in sorted(found, reverse=True)]


async def changes_at(read: Read, seqs: Collection[int]) -> dict[int, Change]:
    """The changes at these places in the order of commits; one that is older than the kept history is absent."""
    rows = await read.all(select(changes).where(changes.c.seq.in_(sorted(seqs))))
    return {row["seq"]: change_of(row) for row in rows}


NEWEST = select(func.max(changes.c.seq))


async def newest_change(read: Read) -> int | None:
    """The sequence of the newest change there is; of a record whose row is locked, every later one is greater."""
    found: int | None = await read.scalar(NEWEST)
    return found
