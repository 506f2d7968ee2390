"""Deleting what is past its days, a bounded number of rows at a time.

Each function deletes up to ``limit`` rows, oldest first, and answers how many. What a deletion depends on is asked of
the row itself once more, so that a row somebody changes at the same time stays. No entry key, enrollment or message
is ever deleted: re-entry and reports need them for ever. Enrollments only lose the values that their end saw.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, delete, null, or_, select, tuple_, update
from sqlalchemy import Table as SqlTable

from store.database import Tx
from store.effects import CLOSED
from store.tables import (
    changes,
    effect_decisions,
    effects,
    enrollments,
    entry_decisions,
    idempotency,
    provider_tokens,
    visits,
)


async def clear_changes(tx: Tx, before: datetime, limit: int) -> int:
    """Changes that were judged before ``before``; open ones and those set aside stay."""
    return await _clear(tx, changes, [changes.c.done_at < before], changes.c.done_at, limit)


async def clear_visits(tx: Tx, before: datetime, limit: int) -> int:
    """Visits of enrollments that ended before ``before``."""
    # Whatever such an enrollment did is older still: that is what the index knows.
    old = [visits.c.entered_at < before, visits.c.enrollment_id.in_(_ended(before))]
    return await _clear(tx, visits, old, visits.c.entered_at, limit)


async def clear_decisions(tx: Tx, before: datetime, limit: int) -> int:
    """Entry decisions about enrollments that ended before ``before``, and those of then that let nobody in."""
    over = or_(entry_decisions.c.enrollment_id.is_(None), entry_decisions.c.enrollment_id.in_(_ended(before)))
    old = [entry_decisions.c.decided_at < before, over]
    return await _clear(tx, entry_decisions, old, entry_decisions.c.decided_at, limit)


async def clear_effects(tx: Tx, before: datetime, limit: int) -> int:
    """Closed effects of enrollments that ended before ``before``; what is still under way stays."""
    old = [
        effects.c.created_at < before,
        effects.c.state.in_(sorted(CLOSED)),
        effects.c.enrollment_id.in_(_ended(before)),
    ]
    return await _clear(tx, effects, old, effects.c.created_at, limit)


async def clear_effect_decisions(tx: Tx, before: datetime, limit: int) -> int:
    """What people decided about effects of enrollments that ended before ``before``."""
    old = [effect_decisions.c.decided_at < before, effect_decisions.c.enrollment_id.in_(_ended(before))]
    return await _clear(tx, effect_decisions, old, effect_decisions.c.decided_at, limit)


async def clear_end_values(tx: Tx, before: datetime, limit: int) -> int:
    """What the ends before ``before`` saw; the enrollment, its reason and its detail stay."""
    old = [enrollments.c.end_seen.is_not(None), enrollments.c.ended_at < before]
    chosen = select(enrollments.c.id).where(*old).order_by(enrollments.c.ended_at).limit(limit)
    return await tx.run(update(enrollments).where(enrollments.c.id.in_(chosen), *old).values(end_seen=null()))


async def clear_keys(tx: Tx, before: datetime, limit: int) -> int:
    """Idempotency keys that were claimed before ``before``."""
    return await _clear(tx, idempotency, [idempotency.c.created_at < before], idempotency.c.created_at, limit)


async def clear_tokens(tx: Tx, before: datetime, limit: int) -> int:
    """Tokens of calls that came before ``before``."""
    return await _clear(
        tx, provider_tokens, [provider_tokens.c.received_at < before], provider_tokens.c.received_at, limit
    )


def _ended(before: datetime) -> Select[tuple[str]]:
    return select(enrollments.c.id).where(enrollments.c.status == "ended", enrollments.c.ended_at < before)


async def _clear(tx: Tx, table: SqlTable, old: list[ColumnElement[bool]], age: Column[Any], limit: int) -> int:
    key = list(table.primary_key.columns)
    chosen = select(*key).where(*old).order_by(age).limit(limit)
    named = key[0].in_(chosen) if len(key) == 1 else tuple_(*key).in_(chosen)
    return await tx.run(delete(table).where(and_(named, *old)))
