"""How far each sweep came: up to which instant, and in which place one that is under way goes on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, false, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from domain.base import Frozen, Instant
from domain.enrollments import Enrollment
from domain.names import time_key
from store.database import Read, Tx
from store.enrollments import IS_ACTIVE, enrollment_of
from store.sweep_failures import wait_after
from store.tables import enrollments, entry_decisions, interests, records, sweep_failures, sweeps

REST = update(sweeps).where(sweeps.c.name == bindparam("of"))
REST = REST.values(error=bindparam("why"), tries=sweeps.c.tries + 1, retry_at=bindparam("until_then"))
WELL = {"error": None, "tries": 0, "retry_at": None}
TOOK_UP = ("enrolled", "absorbed_update")
"""Decisions after which a trigger need not let the same in once more."""


class Sweep(Frozen):
    """Everything that changed until ``swept_at`` was looked at; one under way goes on until ``until``, at ``place``.

    Nobody takes it up before ``retry_at``: a relay is at work on it, or it failed ``tries`` times in a row, last with
    ``error``.
    """

    name: str
    swept_at: Instant
    until: Instant | None = None
    place: str | None = None
    error: str | None = None
    tries: int = 0
    retry_at: Instant | None = None


async def load_sweeps(read: Read, names: Collection[str]) -> dict[str, Sweep]:
    """The sweeps of these names that were ever begun."""
    rows = await read.all(select(sweeps).where(sweeps.c.name.in_(sorted(names))))
    return {row["name"]: Sweep(**row) for row in rows}


async def begin_sweeps(tx: Tx, names: Collection[str], *, at: datetime) -> None:
    """Let sweeps look at what changes from ``at`` on; one that was begun already goes on as it is."""
    await tx.insert_ignore(sweeps, [{"name": name, "swept_at": at} for name in sorted(names)])


async def begin_anew(tx: Tx, names: Collection[str], *, at: datetime) -> None:
    """Let sweeps look at what changes from ``at`` on, and no more at what changed before; whoever is last decides."""
    if not names:
        return
    insert = sqlite.insert if tx.dialect == "sqlite" else postgresql.insert
    anew = {"until": None, "place": None, **WELL}
    wanted = insert(sweeps).values([{"name": name, "swept_at": at, **anew} for name in sorted(names)])
    given = {column: wanted.excluded[column] for column in ("swept_at", *anew)}
    await tx.run(wanted.on_conflict_do_update(index_elements=["name"], set_=given))
    # Behind the rows of the sweeps, as those who write these hold theirs.
    await tx.run(delete(sweep_failures).where(sweep_failures.c.name.in_(sorted(names))))


async def claim_sweeps(tx: Tx, wanted: Collection[Sweep], *, now: datetime, until: datetime) -> set[str]:
    """Keep others from asking meanwhile, until an instant by which this relay is done or dead; the names that are ours.

    Who asks in spite of it, as that instant is past, costs time only: a page is worked on once.
    """
    free = or_(sweeps.c.retry_at.is_(None), sweeps.c.retry_at <= now)
    mine = update(sweeps).where(free, or_(false(), *(_same(sweep) for sweep in wanted)))
    return {row["name"] for row in await tx.all(mine.values(retry_at=until).returning(sweeps.c.name))}


async def move_sweep(tx: Tx, sweep: Sweep, *, until: datetime, place: str | None) -> bool:
    """Keep that everybody up to ``place`` is done (None: everybody); False when somebody else moved it meanwhile.

    Its row stays locked until the commit, so that a page is worked on once.
    """
    done = {"swept_at": until, "until": None, "place": None}
    moved = done if place is None else {"until": until, "place": place}
    return await tx.run(update(sweeps).where(_same(sweep)).values({**moved, **WELL})) == 1


def _same(sweep: Sweep) -> ColumnElement[bool]:
    """It is where it was when it was looked at."""
    return and_(
        sweeps.c.name == sweep.name,
        sweeps.c.swept_at == sweep.swept_at,
        sweeps.c.until.is_not_distinct_from(sweep.until),
        sweeps.c.place.is_not_distinct_from(sweep.place),
    )


async def note_sweep_error(tx: Tx, sweep: Sweep, error: str, *, now: datetime) -> None:
    """Keep what kept a sweep from going on, and let it rest: the longer the more often it failed in a row."""
    await tx.run(REST, of=sweep.name, why=error, until_then=now + wait_after(sweep.tries + 1))


async def failing_sweeps(read: Read) -> list[str]:
    """The names of the sweeps that something keeps from going on."""
    rows = await read.all(select(sweeps.c.name).where(sweeps.c.error.is_not(None)).order_by(sweeps.c.name))
    return [row["name"] for row in rows]


async def versions_left_by_time(read: Read) -> list[tuple[str, int]]:
    """Versions with somebody inside who may have a reason to leave because time passes, as (workflow id, version)."""
    inside = exists().where(
        enrollments.c.workflow_id == interests.c.workflow_id, enrollments.c.version == interests.c.version, IS_ACTIVE
    )
    reading = select(interests.c.workflow_id, interests.c.version).where(
        interests.c.key == time_key(), interests.c.trigger.is_(None), inside
    )
    rows = await read.all(reading.order_by(interests.c.workflow_id, interests.c.version))
    return [(row["workflow_id"], row["version"]) for row in rows]


async def page_leaving(
    read: Read, workflow_id: str, version: int, where: ColumnElement[bool], *, after: str, limit: int
) -> list[Enrollment]:
    """Up to ``limit`` active enrollments of a version that satisfy ``where``, by ascending id after ``after``."""
    page = (
        select(enrollments)
        .select_from(enrollments.join(records, records.c.id == enrollments.c.record_id))
        .where(enrollments.c.workflow_id == workflow_id, enrollments.c.version == version, IS_ACTIVE)
        .where(enrollments.c.id > after, where)
    )
    return [enrollment_of(row) for row in await read.all(page.order_by(enrollments.c.id).limit(limit))]


async def taken_up_since(
    read: Read, workflow_id: str, trigger: str, record_ids: Collection[str], *, since: datetime
) -> set[tuple[str, str | None]]:
    """Whom a change or publishing let in, or found inside, by a trigger behind ``since``, as (record id, bound id).

    Whoever entered by hand, or with many by an audience, came past the triggers: one that fires later is news for it.
    Those a sweep let in are left out: its decisions are later than the instant it came to, and what comes true anew
    behind that instant fires anew.
    """
    found = select(entry_decisions.c.record_id, entry_decisions.c.bound_id).where(
        entry_decisions.c.record_id.in_(sorted(record_ids)),
        entry_decisions.c.workflow_id == workflow_id,
        entry_decisions.c.trigger == trigger,
        or_(entry_decisions.c.change_seq.is_not(None), entry_decisions.c.cause_kind == "publish"),
        entry_decisions.c.decided_at > since,
        entry_decisions.c.decision.in_(TOOK_UP),
    )
    return {(row["record_id"], row["bound_id"]) for row in await read.all(found)}


async def taken_up_by(read: Read, job_ids: Collection[str], record_ids: Collection[str]) -> set[tuple[str, str | None]]:
    """Whom jobs of one occurrence let in, or found inside, as (record id, bound id)."""
    found = select(entry_decisions.c.record_id, entry_decisions.c.bound_id).where(
        entry_decisions.c.record_id.in_(sorted(record_ids)),
        entry_decisions.c.cause_kind == "schedule",
        entry_decisions.c.cause_id.in_(sorted(job_ids)),
        entry_decisions.c.decision.in_(TOOK_UP),
    )
    # Decisions are not kept for ever.
    entered = select(enrollments.c.record_id, enrollments.c.bound_id).where(
        enrollments.c.record_id.in_(sorted(record_ids)),
        enrollments.c.cause_kind == "schedule",
        enrollments.c.cause_id.in_(sorted(job_ids)),
    )
    return {(row["record_id"], row["bound_id"]) for row in await read.all(found.union(entered))}


async def swept_in(
    read: Read, workflow_id: str, trigger: str, record_ids: Collection[str], *, seq: int
) -> set[tuple[str, str | None]]:
    """Whom time let in by a trigger as the change ``seq`` was there already, as (record id, bound id)."""
    found = select(enrollments.c.record_id, enrollments.c.bound_id).where(
        enrollments.c.record_id.in_(sorted(record_ids)),
        enrollments.c.workflow_id == workflow_id,
        enrollments.c.trigger == trigger,
        enrollments.c.cause_kind == "schedule",
        enrollments.c.entered_seq >= seq,
    )
    return {(row["record_id"], row["bound_id"]) for row in await read.all(found)}
