"""Whom sweeps stepped past because deciding about them failed, until they are decided about or no longer meant.

Every writer but ``forget_failures`` of a sweep that is no more holds the row of the sweep (``store.locks``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from domain.base import Frozen, Instant
from store.database import Read, Tx
from store.tables import sweep_failures

FIRST = timedelta(minutes=1)
"""How long after the first failure it is looked at again; twice as long after each further one."""

LAST = timedelta(hours=1)
"""The longest time between two looks."""

_DUE = sweep_failures.c.retry_at <= bindparam("at")
DUE = select(sweep_failures).where(_DUE).order_by(sweep_failures.c.retry_at).limit(bindparam("limit"))


class SweepFailure(Frozen):
    """One whom a sweep stepped past: whatever changed for it by time ``since`` then is still to be decided about.

    ``item`` is an enrollment, or a record and behind a colon whoever enters with it.
    """

    name: str
    item: str
    since: Instant
    error: str
    tries: int
    retry_at: Instant


def wait_after(tries: int) -> timedelta:
    """How long nothing is tried again after so many failures in a row."""
    return min(LAST, FIRST * (1 << min(tries - 1, 10)))


async def keep_failures(tx: Tx, name: str, errors: Mapping[str, str], *, since: datetime, now: datetime) -> None:
    """Keep whom a sweep steps past, with what was raised; of one that is kept already, the earlier ``since``."""
    if not errors:
        return
    rows = [
        {"name": name, "item": item, "since": since, "error": error, "tries": 1, "retry_at": now + wait_after(1)}
        for item, error in sorted(errors.items())
    ]
    insert = sqlite.insert if tx.dialect == "sqlite" else postgresql.insert
    wanted = insert(sweep_failures).values(rows)
    await tx.run(wanted.on_conflict_do_update(index_elements=["name", "item"], set_={"error": wanted.excluded.error}))


async def failures_due(read: Read, now: datetime, *, limit: int) -> list[SweepFailure]:
    """Up to ``limit`` that are to be looked at again, the one that waits longest first."""
    return [SweepFailure(**row) for row in await read.all(DUE, at=now, limit=limit)]


async def take_failure(tx: Tx, failure: SweepFailure) -> bool:
    """Forget one as it is decided about in this transaction; False when it is not as it was any more."""
    return await tx.run(delete(sweep_failures).where(*_same(failure))) == 1


async def put_off_failure(tx: Tx, failure: SweepFailure, error: str, *, now: datetime) -> None:
    """Look at one again later still."""
    tries = failure.tries + 1
    later = {"error": error, "tries": tries, "retry_at": now + wait_after(tries)}
    await tx.run(update(sweep_failures).where(*_same(failure)).values(**later))


async def forget_failures(tx: Tx, name: str, items: Collection[str]) -> None:
    """Forget those who were decided about, or whom nobody asks for any more."""
    mine = (sweep_failures.c.name == name, sweep_failures.c.item.in_(sorted(items)))
    await tx.run(delete(sweep_failures).where(*mine))


async def count_failures(read: Read) -> dict[str, int]:
    """How many each sweep stepped past; a sweep without any is absent."""
    counted = select(sweep_failures.c.name, func.count().label("total")).group_by(sweep_failures.c.name)
    return {row["name"]: row["total"] for row in await read.all(counted.order_by(sweep_failures.c.name))}


async def list_failures(read: Read, *, after: tuple[str, str] | None = None, limit: int) -> list[SweepFailure]:
    """Up to ``limit``, by sweep and item, behind ``after``."""
    page = select(sweep_failures).order_by(sweep_failures.c.name, sweep_failures.c.item).limit(limit)
    if after is not None:
        name, item = after
        behind = (sweep_failures.c.name == name) & (sweep_failures.c.item > item)
        page = page.where((sweep_failures.c.name > name) | behind)
    return [SweepFailure(**row) for row in await read.all(page)]


def _same(failure: SweepFailure) -> tuple[ColumnElement[bool], ...]:
    return (
        sweep_failures.c.name == failure.name,
        sweep_failures.c.item == failure.item,
        sweep_failures.c.tries == failure.tries,
        sweep_failures.c.since == failure.since,
    )
