"""Rows of what people decided about effects, and what such a decision corrects of a visit that is over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, bindparam, insert, select, update

from domain.lost_answers import Settlement
from domain.records import Cause
from store.database import Read, Tx, portions
from store.effects import Effect
from store.ids import new_id
from store.tables import effect_decisions, effects, messages, visits

_VISIT = (
    visits.c.enrollment_id == bindparam("of"),
    visits.c.step == bindparam("at"),
    visits.c.n == bindparam("nth"),
    visits.c.turn == 0,
)
VISIT = select(visits.c.outcome, visits.c.reason, visits.c.result).where(*_VISIT)
LET_GO = select(messages.c.id, messages.c.claimed_at).where(messages.c.effect_key == bindparam("key"))
OF_ENROLLMENT = (
    select(effect_decisions, effects.c.step, effects.c.n)
    .join(effects, effects.c.key == effect_decisions.c.effect_key)
    .where(effect_decisions.c.enrollment_id == bindparam("of"))
    .order_by(effect_decisions.c.id)
)  # fmt: skip


async def put_decision(
    tx: Tx, effect: Effect, settlement: Settlement, note: str | None, *, cause: Cause, now: datetime
) -> None:
    """Keep what somebody decided about an effect, and why."""
    await tx.run(
        insert(effect_decisions),
        id=new_id(now),
        effect_key=effect.key,
        enrollment_id=effect.enrollment_id,
        settled_as=settlement,
        note=note,
        cause_kind=cause.kind,
        cause_id=cause.id,
        decided_at=now,
    )


async def decisions_about(read: Read, keys: Collection[str]) -> list[RowMapping]:
    """What was decided about effects, oldest first."""
    found: list[RowMapping] = []
    for portion in portions(sorted(keys)):
        mine = select(effect_decisions).where(effect_decisions.c.effect_key.in_(portion))
        found += await read.all(mine.order_by(effect_decisions.c.id))
    return found


async def decisions_of(read: Read, enrollment_id: str) -> list[RowMapping]:
    """What was decided about the effects of an enrollment, with ``step`` and ``n`` of their visit, oldest first."""
    return await read.all(OF_ENROLLMENT, of=enrollment_id)


async def visit_behind(read: Read, effect: Effect) -> RowMapping | None:
    """``outcome``, ``reason`` and ``result`` of the visit that had an effect; None when its history was cleared."""
    return await read.one(VISIT, of=effect.enrollment_id, at=effect.step, nth=effect.n)


async def message_behind(read: Read, effect: Effect) -> RowMapping | None:
    """``id`` of the message an effect carries and ``claimed_at``, when it was last let go; None: it carries none."""
    return await read.one(LET_GO, key=effect.key)


async def amend_visit(tx: Tx, effect: Effect, values: Mapping[str, Any]) -> None:
    """Write columns of the visit that had an effect; what its run was answered stays."""
    mine = (
        visits.c.enrollment_id == effect.enrollment_id,
        visits.c.step == effect.step,
        visits.c.n == effect.n,
        visits.c.turn == 0,
    )
    await tx.run(update(visits).where(*mine).values(**values))
