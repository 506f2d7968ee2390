"""The figures of ``/metrics``: how much there is, how much of it waits, and for how long, all of one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select

from domain.base import Frozen
from domain.conversations import Sending
from domain.jobs import KINDS, STATUSES, TO_DO, JobKind, JobStatus
from store.database import Read
from store.enrollments import IS_ACTIVE
from store.intake import IS_OPEN, IS_RESUMING
from store.jobs import JobTotal, count_jobs
from store.ledger import count_undecided
from store.report import count_failed_changes
from store.sweep_failures import count_failures
from store.sweeps import failing_sweeps
from store.tables import changes, deliveries, effects, enrollments, visits, workflows
from store.threads import count_mails_under_way


class Figures(Frozen):
    """What an installation looks like at an instant; ages are in seconds, 0 when there is nothing to be old.

    ``changes``: ``waiting`` to be judged, ``failed``: set aside. ``deliveries``: ``waiting`` to be carried to Temporal,
    ``retrying``: an attempt failed, ``postponed``: due later. ``enrollments`` and ``effects``: by status, by state.
    ``held_enrollments``: paused at the question they came to. ``held_messages``: held back until their window opens.
    ``undecided_effects``: unknown, and a run waits for somebody to decide.
    ``jobs``: by kind and status. ``oldest_job``: by kind, since the job was worked on last that has waited longest for
    its next page, or its first one. ``thread_mails``: what colleagues wrote and was not sent yet, by status.
    ``oldest_thread_mail``: since that was written that has waited longest.
    ``failing_sweeps``: those that do not go on at all; ``sweep_failures``: what the others stepped past.
    ``oldest_change``: since the change came that has waited longest. ``oldest_delivery``: since the delivery was due
    that has waited longest. ``wake_lateness``: since the time came of whoever is furthest behind it; the paused
    aside, and who is resumed at a moment of their own.
    """

    changes: Mapping[str, int]
    deliveries: Mapping[str, int]
    enrollments: Mapping[str, int]
    effects: Mapping[str, int]
    jobs: Mapping[tuple[JobKind, JobStatus], int]
    thread_mails: Mapping[Sending, int]
    held_enrollments: int
    held_messages: int
    undecided_effects: int
    failing_sweeps: int
    sweep_failures: int
    oldest_change: float
    oldest_delivery: float
    oldest_job: Mapping[JobKind, float]
    oldest_thread_mail: float
    wake_lateness: float


async def count_installation(read: Read, now: datetime) -> Figures:
    """The figures as of ``now``."""
    totals = await count_jobs(read)
    thread_mails, oldest_mail = await count_mails_under_way(read)
    return Figures(
        changes={
            "waiting": await read.scalar(select(func.count()).select_from(changes).where(IS_OPEN)),
            "failed": await count_failed_changes(read),
        },
        deliveries=await _deliveries(read, now),
        enrollments=await _by(read, enrollments.c.status),
        effects=await _by(read, effects.c.state),
        jobs={(kind, status): 0 for kind in KINDS for status in STATUSES}
        | {(each.kind, each.status): each.total for each in totals},
        thread_mails=thread_mails,
        held_enrollments=await read.scalar(_HELD_ENROLLMENTS),
        held_messages=await read.scalar(_HELD_MESSAGES),
        undecided_effects=await count_undecided(read),
        failing_sweeps=len(await failing_sweeps(read)),
        sweep_failures=sum((await count_failures(read)).values()),
        oldest_change=_age(await read.scalar(_OLDEST_CHANGE), now),
        oldest_delivery=_age(await read.scalar(select(func.min(deliveries.c.due_at, type_=_INSTANT))), now),
        oldest_job={kind: _age(_waits_since(totals, kind), now) for kind in KINDS},
        oldest_thread_mail=_age(oldest_mail, now),
        wake_lateness=_age(await read.scalar(_EARLIEST_WAKE), now),
    )


_INSTANT = deliveries.c.due_at.type

_OLDEST_CHANGE = select(changes.c.occurred_at).where(IS_OPEN).order_by(changes.c.seq).limit(1)

_EARLIEST_WAKE = (
    select(func.min(enrollments.c.wakes_at, type_=_INSTANT))
    .join(workflows, workflows.c.id == enrollments.c.workflow_id)
    .where(enrollments.c.status == "active", ~IS_RESUMING, ~workflows.c.is_paused)
)

_HELD_ENROLLMENTS = select(func.count()).select_from(enrollments).where(IS_ACTIVE, enrollments.c.held_at.is_not(None))

_HELD_MESSAGES = (
    select(func.count())
    .select_from(enrollments)
    .join(
        visits,
        and_(
            visits.c.enrollment_id == enrollments.c.id, visits.c.step == enrollments.c.step, visits.c.turn == 0,
            visits.c.outcome.is_(None), visits.c.held_until == enrollments.c.wakes_at,
        ),
    )
    .where(IS_ACTIVE, enrollments.c.wakes_at.is_not(None))
)  # fmt: skip


async def _deliveries(read: Read, now: datetime) -> dict[str, int]:
    is_due, was_tried = deliveries.c.due_at <= now, deliveries.c.attempts > 0
    row = await read.one(
        select(
            func.count().filter(is_due, ~was_tried).label("waiting"),
            func.count().filter(was_tried).label("retrying"),
            func.count().filter(~is_due, ~was_tried).label("postponed"),
        ).select_from(deliveries)
    )
    assert row is not None
    return dict(row)


def _waits_since(totals: Sequence[JobTotal], kind: JobKind) -> datetime | None:
    """Since when the job of a kind was not worked on that is longest; who is paused waits for somebody to resume it."""
    return min((each.since for each in totals if each.kind == kind and each.status in TO_DO), default=None)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0


async def _by(read: Read, column: ColumnElement[str]) -> dict[str, int]:
    rows = await read.all(select(column.label("value"), func.count().label("total")).group_by(column))
    return {r["value"]: r["total"] for r in rows}
