"""Claiming changes and deliveries: a lease each, held in the database, so that any number of relays share the work.

A change is claimed only when no earlier unfinished change of its record exists, so per record the order of commits is
the order of judgement. A delivery is claimed only when it is the first of its enrollment. A lease that runs out (its
holder died) is taken by the next; whoever lost it finds that out in the transaction that would finish the work.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    RowMapping,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy import Table as SqlTable

from domain.base import Frozen, Json
from domain.records import Change
from store.changes import change_of
from store.database import Read, Tx
from store.ids import new_id
from store.tables import changes, deliveries, enrollments

LEASE = timedelta(seconds=10)
BATCH = 50
DELIVERIES_AT_ONCE = 16
"""Carried together by one relay, so that even calls that time out end within the lease."""

TRIES = 5
"""A change whose judgement raised this often is set aside."""

IS_OPEN = and_(changes.c.done_at.is_(None), changes.c.failed_at.is_(None))

IS_RESUMING = exists().where(deliveries.c.enrollment_id == enrollments.c.id, deliveries.c.kind == "resume")
"""An enrollment was resumed and its run not told yet: each has a moment of its own. Correlated with ``enrollments``."""


def _free(table: SqlTable, now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    return or_(table.c.leased_until.is_(None), table.c.leased_until <= now)


class Waiting(Frozen):
    """Whether there is anything to claim, and when there will be; a look that locks nothing.

    ``next_at``: when the earliest lease runs out, retry or postponed delivery is due, of those that cannot be claimed
    now; None when nothing waits.
    """

    changes: bool
    deliveries: bool
    next_at: datetime | None


async def look(read: Read, now: datetime) -> Waiting:
    """Whether changes or deliveries wait that nobody holds."""
    row = await read.one(LOOK, now=now)
    assert row is not None
    later = [row[name] for name in ("change_at", "lease_at", "due_at") if row[name] is not None]
    return Waiting(
        changes=row["change"] is not None,
        deliveries=row["delivery"] is not None,
        next_at=min(later, default=None),
    )


def _one(column: Column[Any], *where: ColumnElement[bool]) -> ScalarSelect[Any]:
    return select(column).where(*where).limit(1).scalar_subquery()


def _first(column: Column[Any], *where: ColumnElement[bool]) -> ScalarSelect[Any]:
    return select(func.min(column, type_=column.type)).where(*where).scalar_subquery()


NOW: BindParameter[datetime] = bindparam("now", type_=deliveries.c.due_at.type)
LOOK = select(
    _one(changes.c.seq, IS_OPEN, _free(changes, NOW)).label("change"),
    _one(deliveries.c.seq, deliveries.c.due_at <= NOW, _free(deliveries, NOW)).label("delivery"),
    _first(changes.c.leased_until, IS_OPEN, changes.c.leased_until > NOW).label("change_at"),
    _first(deliveries.c.leased_until, deliveries.c.leased_until > NOW).label("lease_at"),
    _first(deliveries.c.due_at, deliveries.c.due_at > NOW).label("due_at"),
)


async def claim_changes(tx: Tx, worker: str, now: datetime, *, limit: int = BATCH) -> list[Change]:
    """Lease the next changes, oldest first."""
    earlier = changes.alias("earlier")
    blocked = exists().where(
        earlier.c.record_id == changes.c.record_id,
        earlier.c.seq < changes.c.seq,
        earlier.c.done_at.is_(None),
        earlier.c.failed_at.is_(None),
    )
    chosen = select(changes.c.seq).where(IS_OPEN, _free(changes, now), ~blocked).order_by(changes.c.seq).limit(limit)
    rows = await _lease(tx, changes, chosen, worker, now)
    return [change_of(row) for row in rows]


async def claim_deliveries(
    tx: Tx, worker: str, now: datetime, *, enrollment_id: str | None = None, limit: int = DELIVERIES_AT_ONCE
) -> list[RowMapping]:
    """Lease the next deliveries that are due: at most one, the first, of each enrollment."""
    earlier = deliveries.alias("earlier")
    # Who resumes takes their time, and may be overtaken: it only makes a run ask again.
    blocked = exists().where(
        earlier.c.enrollment_id == deliveries.c.enrollment_id,
        earlier.c.seq < deliveries.c.seq,
        earlier.c.kind != "resume",
    )
    chosen = (
        select(deliveries.c.seq)
        .where(deliveries.c.due_at <= now, _free(deliveries, now), ~blocked)
        .order_by(deliveries.c.seq)
        .limit(limit)
    )
    if enrollment_id is not None:
        chosen = chosen.where(deliveries.c.enrollment_id == enrollment_id)
    return await _lease(tx, deliveries, chosen, worker, now)


LEASED_START = select(deliveries).where(
    deliveries.c.enrollment_id == bindparam("enrollment_id"),
    deliveries.c.kind == "start",
    deliveries.c.leased_by == bindparam("worker"),
)
FINISH = delete(deliveries).where(
    deliveries.c.seq.in_(bindparam("seqs", expanding=True)), deliveries.c.leased_by == bindparam("worker")
)


async def leased_start(read: Read, worker: str, enrollment_id: str) -> RowMapping | None:
    """The start of an enrollment that ``worker`` leased when it was written; None when somebody else took it over."""
    return await read.one(LEASED_START, enrollment_id=enrollment_id, worker=worker)


async def leased_starts(read: Read, worker: str, enrollment_ids: Collection[str]) -> list[RowMapping]:
    """The starts of these enrollments that ``worker`` leased when they were written and nobody took over."""
    mine = (deliveries.c.kind == "start", deliveries.c.leased_by == worker)
    wanted = deliveries.c.enrollment_id.in_(list(enrollment_ids))
    return await read.all(select(deliveries).where(*mine, wanted).order_by(deliveries.c.seq))


async def _lease(tx: Tx, table: SqlTable, chosen: Select[tuple[int]], worker: str, now: datetime) -> list[RowMapping]:
    seqs = [row["seq"] for row in await tx.all(chosen.with_for_update(skip_locked=True))]
    if not seqs:
        return []
    await tx.run(update(table).where(table.c.seq.in_(seqs)).values(leased_by=worker, leased_until=now + LEASE))
    return await tx.all(select(table).where(table.c.seq.in_(seqs)).order_by(table.c.seq))


async def hold_change(tx: Tx, worker: str, seq: int, now: datetime) -> bool:
    """Make sure a claimed change is still ours, and keep it so for another lease."""
    held = await tx.run(
        update(changes)
        .where(changes.c.seq == seq, changes.c.leased_by == worker, IS_OPEN)
        .values(leased_until=now + LEASE)
    )
    return held == 1


async def finish_changes(tx: Tx, seqs: Collection[int], now: datetime) -> None:
    """Mark changes as judged."""
    await tx.run(update(changes).where(changes.c.seq.in_(list(seqs))).values(done_at=now, leased_by=None))


async def keep_cursor(tx: Tx, seq: int, cursor: str) -> None:
    """Remember how far a change was judged; its holder goes on, or whoever takes the lease when it runs out."""
    await tx.run(update(changes).where(changes.c.seq == seq).values(cursor=cursor))


async def release_changes(tx: Tx, worker: str, seqs: Collection[int]) -> None:
    """Give back changes that were claimed and not judged."""
    mine = (changes.c.seq.in_(list(seqs)), changes.c.leased_by == worker, IS_OPEN)
    await tx.run(update(changes).where(*mine).values(leased_by=None, leased_until=None))


async def note_failure(tx: Tx, change: Change, worker: str, error: str, now: datetime) -> bool:
    """Count a failed judgement; after the last try the change is set aside. Answers whether it was."""
    attempts = change.attempts + 1
    set_aside = attempts >= TRIES
    await tx.run(
        update(changes)
        .where(changes.c.seq == change.seq, changes.c.leased_by == worker)
        .values(
            attempts=attempts,
            error=error[:4000],
            leased_by=None,
            leased_until=now + timedelta(seconds=0.2 * 2**attempts),
            failed_at=now if set_aside else None,
        )
    )
    return set_aside


async def retry_change(tx: Tx, change_id: str) -> bool:
    """Offer a change that was set aside again, from its first try. False when there is none such."""
    reset = {"failed_at": None, "attempts": 0, "leased_until": None, "leased_by": None}
    return (
        await tx.run(update(changes).where(changes.c.id == change_id, changes.c.failed_at.is_not(None)).values(**reset))
        == 1
    )


async def failed_changes(read: Read, *, after: int = 0, limit: int = 50) -> list[RowMapping]:
    """Changes set aside, oldest first, from a sequence number on."""
    return await read.all(
        select(changes)
        .where(changes.c.failed_at.is_not(None), changes.c.seq > after)
        .order_by(changes.c.seq)
        .limit(limit)
    )


async def add_delivery(
    tx: Tx,
    enrollment_id: str,
    kind: str,
    payload: Mapping[str, Json],
    *,
    now: datetime,
    due_at: datetime | None = None,
    leased_by: str | None = None,
) -> None:
    """Queue a message for an enrollment's run, due at once or at an instant.

    News of a record replaces older news of it that nobody has tried yet.
    ``leased_by``: who delivers it at once. Only for what is first in its line: nothing before it can be waiting.
    """
    if kind == "record_changed" and await _renew(tx, enrollment_id, payload):
        return
    await tx.run(
        insert(deliveries),
        id=new_id(now),
        enrollment_id=enrollment_id,
        kind=kind,
        due_at=due_at or now,
        payload=dict(payload),
        attempts=0,
        leased_by=leased_by,
        leased_until=now + LEASE if leased_by is not None else None,
        traceparent=tx.traceparent(),
    )


async def having_deliveries(read: Read, enrollment_ids: Collection[str]) -> set[str]:
    """Those of these enrollments for whose runs something waits to be delivered."""
    mine = select(deliveries.c.enrollment_id).where(deliveries.c.enrollment_id.in_(list(enrollment_ids)))
    return {row["enrollment_id"] for row in await read.all(mine)}


async def _renew(tx: Tx, enrollment_id: str, payload: Mapping[str, Json]) -> bool:
    # What was tried may have arrived: the run would take other news under the same id for a repetition.
    untried = (
        deliveries.c.enrollment_id == enrollment_id,
        deliveries.c.kind == "record_changed",
        deliveries.c.leased_by.is_(None),
        deliveries.c.attempts == 0,
    )
    for row in await tx.all(select(deliveries.c.seq, deliveries.c.payload).where(*untried)):
        if row["payload"]["record_id"] == payload["record_id"]:
            mine = (deliveries.c.seq == row["seq"], *untried)
            # What has to be timed anew has to, whatever else changed since.
            merged = {**payload, **({"retime": True} if row["payload"].get("retime") else {})}
            return (
                await tx.run(update(deliveries).where(*mine).values(payload=merged, traceparent=tx.traceparent())) == 1
            )
    return False


async def finish_deliveries(tx: Tx, worker: str, seqs: Collection[int]) -> None:
    """Deliveries arrived; whoever lost a lease leaves that one to the new holder."""
    await tx.run(FINISH, seqs=list(seqs), worker=worker)


async def announce_waiting(tx: Tx, enrollment_ids: Collection[str]) -> None:
    """Wake the relays for what waited behind deliveries that arrived: nothing new is written, so nobody else does."""
    waiting = select(deliveries.c.seq).where(deliveries.c.enrollment_id.in_(list(enrollment_ids))).limit(1)
    if enrollment_ids and await tx.scalar(waiting) is not None:
        tx.announce()


async def postpone_delivery(tx: Tx, worker: str, seq: int, error: str, attempts: int, now: datetime) -> None:
    """A delivery could not be made now: again after 0.2 s doubling to 30 s."""
    wait = min(30.0, 0.2 * 2 ** min(attempts, 10))
    await tx.run(
        update(deliveries)
        .where(deliveries.c.seq == seq, deliveries.c.leased_by == worker)
        .values(
            attempts=attempts + 1, error=error[:4000], leased_by=None, leased_until=None,
            due_at=now + timedelta(seconds=wait),
        )
    )  # fmt: skip
