"""The numbers of the steps of a workflow, counted in the database, and the visits behind each number."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, RowMapping, and_, func, or_, select

from domain.base import Frozen
from store.database import Read
from store.tables import (
    changes,
    deliveries,
    effects,
    enrollments,
    entry_decisions,
    messages,
    visits,
    workflows,
)

SENT = ("sent", "delivered", "bounced", "complained")
"""Message states that mean: the other side took it."""

ARRIVED = ("delivered", "complained")
"""Those that mean: it reached a mailbox; who complains has it."""

REACTIONS = {
    "opened": "opened_at",
    "clicked": "clicked_at",
    "replied": "replied_at",
    "unsubscribed": "unsubscribed_at",
}
"""What people do with messages, and the column that says when they first did."""

NO_REASON = "unknown"
"""The reason under which visits are counted that left none."""


class VisitCount(Frozen):
    """How many visits of a step have this outcome (None: still inside) and reason."""

    step: str
    outcome: str | None
    reason: str | None
    count: int


class Behind(Frozen):
    """Which visits a figure counts: by outcome and reason, or by the state of their message.

    ``reaction``: those whose message a person did something with, by the column that says when.
    """

    step: str
    outcome: str | None = None
    waiting: bool = False
    reason: str | None = None
    message: tuple[str, ...] = ()
    reaction: str | None = None


async def count_visits(read: Read, workflow_id: str) -> list[VisitCount]:
    """Visits by step, outcome and reason; every visit is counted, loops included."""
    rows = await read.all(
        select(visits.c.step, visits.c.outcome, visits.c.reason, func.count().label("total"))
        .where(visits.c.workflow_id == workflow_id, visits.c.turn == 0)
        .group_by(visits.c.step, visits.c.outcome, visits.c.reason)
    )
    return [VisitCount(step=r["step"], outcome=r["outcome"], reason=r["reason"], count=r["total"]) for r in rows]


async def count_messages(read: Read, workflow_id: str) -> dict[tuple[str, str], int]:
    """Messages by (step, status)."""
    rows = await read.all(
        select(messages.c.step, messages.c.status, func.count().label("total"))
        .where(messages.c.workflow_id == workflow_id)
        .group_by(messages.c.step, messages.c.status)
    )
    return {(r["step"], r["status"]): r["total"] for r in rows}


async def count_reactions(read: Read, workflow_id: str) -> dict[tuple[str, str], int]:
    """Messages that people did something with, by (step, what they did)."""
    counted = [func.count(messages.c[column]).label(name) for name, column in REACTIONS.items()]
    mine = select(messages.c.step, *counted).where(messages.c.workflow_id == workflow_id).group_by(messages.c.step)
    return {(row["step"], name): row[name] for row in await read.all(mine) for name in REACTIONS}


async def count_decisions(read: Read, workflow_id: str) -> dict[str, int]:
    """Entry decisions by what was decided."""
    rows = await read.all(
        select(entry_decisions.c.decision, func.count().label("total"))
        .where(entry_decisions.c.workflow_id == workflow_id)
        .group_by(entry_decisions.c.decision)
    )
    return {r["decision"]: r["total"] for r in rows}


async def list_behind(
    read: Read, workflow_id: str, behind: Behind, *, after: Sequence[str], limit: int
) -> list[RowMapping]:
    """The visits a figure counts, each with its enrollment (prefix ``visit_`` for the visit's columns).

    ``after``: (enrollment id, n) of the last visit of the page before; empty: from the newest enrollment on.
    """
    source = visits.join(enrollments, enrollments.c.id == visits.c.enrollment_id).join(
        workflows, workflows.c.id == enrollments.c.workflow_id
    )
    if behind.message or behind.reaction:
        source = source.join(
            effects,
            and_(
                effects.c.enrollment_id == visits.c.enrollment_id,
                effects.c.step == visits.c.step,
                effects.c.n == visits.c.n,
            ),
        ).join(messages, messages.c.effect_key == effects.c.key)
    wanted = _wanted(workflow_id, behind)
    if after:
        enrollment_id, n = after
        wanted.append(
            or_(
                visits.c.enrollment_id < enrollment_id,
                and_(visits.c.enrollment_id == enrollment_id, visits.c.n > int(n)),
            )
        )
    shown = [visits.c[name].label(f"visit_{name}") for name in ("n", "entered_at", "left_at", "outcome", "reason")]
    return await read.all(
        select(enrollments, workflows.c.slug, *shown)
        .select_from(source)
        .where(*wanted)
        .order_by(visits.c.enrollment_id.desc(), visits.c.n)
        .limit(limit)
    )


def _wanted(workflow_id: str, behind: Behind) -> list[ColumnElement[bool]]:
    """Which visits a figure counts; those by message need the message joined."""
    wanted: list[ColumnElement[bool]] = [
        visits.c.workflow_id == workflow_id, visits.c.step == behind.step, visits.c.turn == 0
    ]  # fmt: skip
    if behind.waiting:
        wanted.append(visits.c.outcome.is_(None))
    elif behind.outcome is not None:
        wanted.append(visits.c.outcome == behind.outcome)
    if behind.reason is not None:
        named = visits.c.reason == behind.reason
        wanted.append(or_(named, visits.c.reason.is_(None)) if behind.reason == NO_REASON else named)
    if behind.message:
        wanted.append(messages.c.status.in_(behind.message))
    if behind.reaction is not None:
        wanted.append(messages.c[behind.reaction].is_not(None))
    return wanted


async def count_failed_changes(read: Read) -> int:
    """How many changes were set aside."""
    failed = select(func.count()).select_from(changes).where(changes.c.failed_at.is_not(None))
    return int(await read.scalar(failed))


async def count_installation(read: Read) -> dict[str, dict[str, int]]:
    """The figures of ``/metrics``: changes and deliveries by state, enrollments by status, effects by state."""
    waiting = await read.scalar(
        select(func.count()).select_from(changes).where(changes.c.done_at.is_(None), changes.c.failed_at.is_(None))
    )
    return {
        "changes": {"waiting": waiting, "failed": await count_failed_changes(read)},
        "deliveries": {"waiting": await read.scalar(select(func.count()).select_from(deliveries))},
        "enrollments": await _by(read, enrollments.c.status),
        "effects": await _by(read, effects.c.state),
    }


async def _by(read: Read, column: ColumnElement[str]) -> dict[str, int]:
    rows = await read.all(select(column.label("value"), func.count().label("total")).group_by(column))
    return {r["value"]: r["total"] for r in rows}
