"""Steps that failed and passages that do not go on, counted by step and class, and the enrollments behind each.

What was retried is no trouble any more: the passage that takes it up has its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    String,
    Subquery,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
)

from domain.base import Frozen
from domain.trouble import Trouble
from store.database import Read
from store.intake import IS_RESUMING
from store.report import NO_REASON
from store.tables import effects, enrollments, visits, workflows


class TroubleFilters(Frozen):
    """What is looked at, as of ``now``: ``workflow`` is an id; ``patience``: how long a passage may not go on."""

    now: datetime
    patience: timedelta
    workflow: str | None = None
    step: str | None = None
    trouble: Trouble | None = None


async def count_trouble(read: Read, filters: TroubleFilters) -> list[RowMapping]:
    """Rows ``slug, step, trouble, total, oldest, newest``, by workflow and step."""
    found = _found(filters)
    grouped = (workflows.c.slug, found.c.step, found.c.trouble)
    return await read.all(
        select(
            *grouped,
            func.count().label("total"),
            func.min(found.c.since).label("oldest"),
            func.max(found.c.since).label("newest"),
        )
        .join(workflows, workflows.c.id == found.c.workflow_id)
        .group_by(*grouped)
        .order_by(*grouped)
    )


async def list_trouble(read: Read, filters: TroubleFilters, *, after: Sequence[str], limit: int) -> list[RowMapping]:
    """The passages, newest first, each with its enrollment; ``trouble_`` stands before what is said of the trouble.

    ``after``: (enrollment id, step, n, class) of the last one of the page before.
    """
    found = _found(filters)
    place = (found.c.enrollment_id, found.c.step, found.c.n, found.c.trouble)
    told = [found.c[name].label(f"trouble_{name}") for name in ("step", "n", "trouble", "since", "detail")]
    page = (
        select(enrollments, workflows.c.slug, *told)
        .join(found, found.c.enrollment_id == enrollments.c.id)
        .join(workflows, workflows.c.id == enrollments.c.workflow_id)
    )
    if after:
        enrollment_id, step, n, trouble = after
        page = page.where(tuple_(*place) < (enrollment_id, step, int(n), trouble))
    return await read.all(page.order_by(*(column.desc() for column in place)).limit(limit))


def _found(filters: TroubleFilters) -> Subquery:
    """``workflow_id, enrollment_id, step, n, trouble, since, detail`` of everything that is asked for."""
    parts = [_failed(), *(_standing(kind, filters) for kind in ("retrying", "undecided")), _overdue(filters)]
    everything = union_all(*parts).subquery()
    wanted: list[ColumnElement[bool]] = []
    if filters.workflow is not None:
        wanted.append(everything.c.workflow_id == filters.workflow)
    if filters.step is not None:
        wanted.append(everything.c.step == filters.step)
    if filters.trouble is not None:
        wanted.append(everything.c.trouble == filters.trouble)
    return select(everything).where(*wanted).subquery()


def _failed() -> Select[Any]:
    reason = cast(func.coalesce(visits.c.reason, NO_REASON), String)
    return _visits(reason, visits.c.left_at).where(visits.c.outcome == "failed", enrollments.c.retried_as.is_(None))


def _standing(kind: str, filters: TroubleFilters) -> Select[Any]:
    mine = and_(
        effects.c.enrollment_id == visits.c.enrollment_id, effects.c.step == visits.c.step, effects.c.n == visits.c.n
    )
    # Handed over for so long: each attempt broke off before it could write down what it came to.
    unsettled = effects.c.state.in_(("retry", "handed_over"))
    state = {
        "retrying": and_(unsettled, effects.c.created_at < filters.now - filters.patience),
        "undecided": and_(effects.c.state == "unknown", effects.c.asks),
    }[kind]
    inside = and_(visits.c.outcome.is_(None), enrollments.c.status != "ended")
    return _visits(cast(literal(kind), String), visits.c.entered_at).where(inside, exists().where(mine, state))


def _visits(trouble: ColumnElement[str], since: ColumnElement[Any]) -> Select[Any]:
    return (
        select(
            visits.c.workflow_id,
            visits.c.enrollment_id,
            visits.c.step,
            visits.c.n,
            trouble.label("trouble"),
            since.label("since"),
            visits.c.detail,
        )
        .join(enrollments, enrollments.c.id == visits.c.enrollment_id)
        .where(visits.c.turn == 0)
    )


def _overdue(filters: TroubleFilters) -> Select[Any]:
    """Whose time came, or who entered, longer ago than patience lasts; who is paused waits to be resumed."""
    before = filters.now - filters.patience
    late = or_(
        and_(enrollments.c.status == "active", enrollments.c.wakes_at < before),
        and_(enrollments.c.status == "starting", enrollments.c.started_at < before),
    )
    return (
        select(
            enrollments.c.workflow_id,
            enrollments.c.id.label("enrollment_id"),
            func.coalesce(enrollments.c.step, "").label("step"),
            literal(0).label("n"),
            cast(literal("overdue"), String).label("trouble"),
            func.coalesce(enrollments.c.wakes_at, enrollments.c.started_at).label("since"),
            cast(null(), Text).label("detail"),
        )
        .join(workflows, workflows.c.id == enrollments.c.workflow_id)
        .where(late, ~IS_RESUMING, ~workflows.c.is_paused)
    )
