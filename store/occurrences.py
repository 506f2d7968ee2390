"""Rows of scheduled workflows: how far each came, what its run is still to be told, and its occurrences."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, select, update

from domain.base import Frozen, Instant
from domain.occurrences import MissReason, OccurrenceState
from domain.recurrence import Occurrence
from store.database import Read, Tx
from store.ids import new_id
from store.tables import occurrences, recurrences, workflows


class KnownOccurrence(Frozen):
    """An occurrence that was dealt with. ``reason`` and ``detail``: why it was missed; they stay when it is run."""

    id: str
    workflow_id: str
    local: str
    at: Instant
    state: OccurrenceState
    reason: MissReason | None
    detail: str | None
    job_id: str | None
    opened_at: Instant | None


async def begin_recurrence(tx: Tx, workflow_id: str, *, now: datetime) -> None:
    """Let occurrences count from now on, and have the run told."""
    row = {"workflow_id": workflow_id, "through": now, "revision": 1, "told": 0, "tell_at": now}
    if await tx.insert_ignore(recurrences, [row]) == 0:
        await pass_through(tx, workflow_id, now)
        await tell_run(tx, workflow_id, now=now)


async def tell_run(tx: Tx, workflow_id: str, *, now: datetime) -> None:
    """Have the run of a scheduled workflow told, as soon as this is committed, that it has to look again."""
    mine = update(recurrences).where(recurrences.c.workflow_id == workflow_id)
    await tx.run(mine.values(revision=recurrences.c.revision + 1, tell_at=now))


async def passed_through(read: Read, workflow_id: str) -> datetime | None:
    """Up to when occurrences were dealt with; None: the workflow never let anybody in on schedule."""
    found: datetime | None = await read.scalar(
        select(recurrences.c.through).where(recurrences.c.workflow_id == workflow_id)
    )
    return found


async def pass_through(tx: Tx, workflow_id: str, at: datetime) -> None:
    """Keep that occurrences up to an instant are dealt with; never goes back."""
    mine = (recurrences.c.workflow_id == workflow_id, recurrences.c.through < at)
    await tx.run(update(recurrences).where(*mine).values(through=at))


async def runs_to_tell(read: Read, now: datetime) -> list[RowMapping]:
    """The recurrences whose run is to be told, or made sure of: ``revision``, ``told``, and of the workflow."""
    columns = (recurrences.c.workflow_id, recurrences.c.revision, recurrences.c.told, workflows.c.slug)
    due = select(*columns, workflows.c.is_on).join(workflows, workflows.c.id == recurrences.c.workflow_id)
    return await read.all(due.where(recurrences.c.tell_at <= now).order_by(recurrences.c.workflow_id))


async def recurring_workflows(read: Read) -> list[RowMapping]:
    """The workflows that are on and let in on schedule."""
    mine = select(workflows).join(recurrences, workflows.c.id == recurrences.c.workflow_id)
    return await read.all(mine.where(workflows.c.is_on.is_(True)).order_by(workflows.c.id))


async def note_told(tx: Tx, workflow_id: str, revision: int, *, again_at: datetime | None) -> None:
    """Keep that a run was told what there was; what came meanwhile is left for the next time."""
    mine = (recurrences.c.workflow_id == workflow_id, recurrences.c.revision == revision)
    await tx.run(update(recurrences).where(*mine).values(told=revision, tell_at=again_at))


async def insert_occurrence(
    tx: Tx, workflow_id: str, occurrence: Occurrence, *, reason: MissReason | None, now: datetime
) -> bool:
    """Write an occurrence as opened, or with a ``reason`` as missed; False when it was dealt with before.

    Of two that write the same at one time the second waits for the first.
    """
    row = {
        "id": new_id(now), "workflow_id": workflow_id, "local": occurrence.local, "at": occurrence.at,
        "state": "opened" if reason is None else "missed", "reason": reason, "detail": None, "job_id": None,
        "opened_at": now if reason is None else None,
    }  # fmt: skip
    return await tx.insert_ignore(occurrences, [row]) == 1


async def give_job(tx: Tx, workflow_id: str, local: str, job_id: str) -> None:
    """Keep by which job the matching records enter."""
    await tx.run(update(occurrences).where(*_named(workflow_id, local)).values(job_id=job_id))


async def miss_occurrence(tx: Tx, workflow_id: str, local: str, reason: MissReason, detail: str) -> None:
    """Turn one that was about to be opened into a missed one."""
    values = {"state": "missed", "reason": reason, "detail": detail[:4000], "opened_at": None}
    await tx.run(update(occurrences).where(*_named(workflow_id, local)).values(values))


async def open_missed(tx: Tx, workflow_id: str, local: str, *, now: datetime) -> bool:
    """Turn a missed one into an opened one; False when it is none. Its row stays locked until the commit."""
    mine = (*_named(workflow_id, local), occurrences.c.state == "missed")
    return await tx.run(update(occurrences).where(*mine).values(state="opened", opened_at=now)) == 1


async def open_again(tx: Tx, known: KnownOccurrence, *, now: datetime) -> bool:
    """Take an opened one from the job it has; False when it has another by now. The row stays locked."""
    mine = (*_named(known.workflow_id, known.local), occurrences.c.state == "opened")
    taken = update(occurrences).where(*mine, occurrences.c.job_id == known.job_id)
    return await tx.run(taken.values(job_id=None, opened_at=now)) == 1


async def miss_late(tx: Tx, workflow_id: str, local: str, job_id: str) -> None:
    """Turn one whose job began too late into a missed one."""
    mine = (*_named(workflow_id, local), occurrences.c.job_id == job_id)
    await tx.run(update(occurrences).where(*mine).values(state="missed", reason="late", opened_at=None))


async def find_occurrence(read: Read, workflow_id: str, local: str) -> KnownOccurrence | None:
    """The occurrence of this name, if it was dealt with."""
    row = await read.one(select(occurrences).where(*_named(workflow_id, local)))
    return KnownOccurrence(**row) if row else None


async def list_occurrences(
    read: Read, workflow_id: str, *, state: str | None = None, after: str | None = None, limit: int
) -> list[KnownOccurrence]:
    """Up to ``limit`` occurrences of a workflow, newest first, behind the id ``after``; all or in one state."""
    page = select(occurrences).where(occurrences.c.workflow_id == workflow_id)
    if state is not None:
        page = page.where(occurrences.c.state == state)
    if after is not None:
        page = page.where(occurrences.c.id < after)
    return [KnownOccurrence(**row) for row in await read.all(page.order_by(occurrences.c.id.desc()).limit(limit))]


def _named(workflow_id: str, local: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (occurrences.c.workflow_id == workflow_id, occurrences.c.local == local)
