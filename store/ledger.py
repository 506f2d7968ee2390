"""Pages of the ledger for people: effects with whom they concern and the message they carry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, and_, func, or_, select

from domain.base import Frozen
from store.database import Read
from store.effects import EffectState
from store.tables import effects, enrollments, messages, visits, workflows


class LedgerFilters(Frozen):
    """What the list is narrowed to; None: no matter. ``workflow`` is a slug, ``since`` is inclusive.

    ``record`` is the enrolled or the bound one; ``waiting``: only those a run waits for a decision about.
    """

    state: EffectState | None = None
    workflow: str | None = None
    record: str | None = None
    enrollment: str | None = None
    step: str | None = None
    channel: str | None = None
    waiting: bool = False
    since: datetime | None = None


IS_WAITING = and_(
    effects.c.state == "unknown", effects.c.asks, visits.c.outcome.is_(None), enrollments.c.status != "ended"
)
"""Somebody has to decide, and a run waits for it; of effects that are joined with their visit and enrollment."""

_ITS_VISIT = and_(
    visits.c.enrollment_id == effects.c.enrollment_id,
    visits.c.step == effects.c.step,
    visits.c.n == effects.c.n,
    visits.c.turn == 0,
)


async def list_effects(read: Read, filters: LedgerFilters, *, after: str | None, limit: int) -> list[RowMapping]:
    """Effects, those of the newest enrollments first; ``after`` is the key the page before ended with."""
    page = _shown()
    equal = {
        effects.c.state: filters.state, workflows.c.slug: filters.workflow, effects.c.enrollment_id: filters.enrollment,
        effects.c.step: filters.step, effects.c.channel: filters.channel,
    }  # fmt: skip
    for column, wanted in equal.items():
        if wanted is not None:
            page = page.where(column == wanted)
    if filters.record is not None:
        page = page.where(or_(enrollments.c.record_id == filters.record, enrollments.c.bound_id == filters.record))
    if filters.waiting:
        page = page.where(IS_WAITING)
    if filters.since is not None:
        page = page.where(effects.c.created_at >= filters.since)
    if after is not None:
        page = page.where(effects.c.key < after)
    return await read.all(page.order_by(effects.c.key.desc()).limit(limit))


async def show_effect(read: Read, key: str) -> RowMapping | None:
    """One effect as the list has it, or None."""
    return await read.one(_shown().where(effects.c.key == key))


def _shown() -> Select[Any]:
    """Effects with ``slug``, record and run of their enrollment, ``message_id``, and whether a run ``waits``."""
    whose = [enrollments.c[name] for name in ("record_id", "object", "bound_id", "bound_object", "run_id")]
    return (
        select(effects, *whose, workflows.c.slug, messages.c.id.label("message_id"), IS_WAITING.label("waits"))
        .join(enrollments, enrollments.c.id == effects.c.enrollment_id)
        .join(workflows, workflows.c.id == effects.c.workflow_id)
        .outerjoin(visits, _ITS_VISIT)
        .outerjoin(messages, messages.c.effect_key == effects.c.key)
    )


async def count_undecided(read: Read) -> int:
    """How many effects somebody has to decide, as a run waits for it."""
    waiting = (
        select(func.count())
        .select_from(effects)
        .join(enrollments, enrollments.c.id == effects.c.enrollment_id)
        .join(visits, _ITS_VISIT)
        .where(IS_WAITING)
    )
    return int(await read.scalar(waiting))


async def undecided_of(read: Read, enrollment_id: str) -> list[RowMapping]:
    """``key``, ``step`` and ``n`` of the effects of an enrollment whose fate nobody knows and somebody is asked."""
    mine = (effects.c.enrollment_id == enrollment_id, effects.c.state == "unknown", effects.c.asks)
    return await read.all(select(effects.c.key, effects.c.step, effects.c.n).where(*mine).order_by(effects.c.key))
