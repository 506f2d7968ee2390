"""What is kept for how long: changes 30 days, idempotency keys 7 days, what enrollments did ``history_days``.

Days of history count from the end of an enrollment, so nobody who is still inside loses any. Entry keys, enrollments
and messages stay for ever. What was handed over and never answered is settled, where no run will come back to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from domain.provider_signing import TOKEN_KEPT
from services.installation import Installation
from services.running.settling import NOBODY_KNOWS
from store.database import Database, Tx
from store.effects import close_effect, lost_effects
from store.housekeeping import (
    clear_changes,
    clear_decisions,
    clear_effect_decisions,
    clear_effects,
    clear_end_values,
    clear_keys,
    clear_tokens,
    clear_visits,
)
from store.idempotency import KEPT as KEYS_KEPT

CHANGES_KEPT = timedelta(days=30)
"""After they were judged. Later ones of a record do not need them; the record holds their outcome."""

BATCH = 500
"""Rows deleted in one transaction, so that nobody waits long for the one writer SQLite has."""

Clear: TypeAlias = Callable[[Tx, datetime, int], Awaitable[int]]


async def clear_old(db: Database, *, history_days: int, now: datetime, batch: int = BATCH) -> Mapping[str, int]:
    """Delete everything past its days, ``batch`` rows per transaction. Answers how many rows of what.

    Several processes may do it at once. After an error what was deleted stays deleted, and the next call goes on.
    """
    history = now - timedelta(days=history_days)
    work: Mapping[str, tuple[Clear, datetime]] = {
        "changes": (clear_changes, now - CHANGES_KEPT),
        "visits": (clear_visits, history),
        "entry_decisions": (clear_decisions, history),
        "effects": (clear_effects, history),
        "effect_decisions": (clear_effect_decisions, history),
        "end_values": (clear_end_values, history),
        "idempotency": (clear_keys, now - KEYS_KEPT),
        "provider_tokens": (clear_tokens, now - TOKEN_KEPT),
    }
    return {name: await _in_batches(db, clear, before, batch) for name, (clear, before) in work.items()}


async def settle_lost(inst: Installation, *, batch: int = BATCH) -> int:
    """Settle as ``unknown`` what was handed over for a step that is over, once nobody can bring an answer any more.

    Its run is gone or elsewhere, and whoever handed it over died. Answers how many; an answer that comes all the same
    corrects it.
    """
    now = inst.clock.now()
    longest = max((spec.policy.start_to_close_s for spec in inst.actions.values() if spec.policy), default=0)
    count = 0
    while True:
        async with inst.db.transaction() as tx:
            lost = await lost_effects(tx, now - timedelta(seconds=longest), batch)
            for effect in lost:
                await close_effect(tx, effect, NOBODY_KNOWS, now=now)
        count += len(lost)
        if len(lost) < batch:
            return count


async def _in_batches(db: Database, clear: Clear, before: datetime, batch: int) -> int:
    total = 0
    while True:
        async with db.transaction() as tx:
            cleared = await clear(tx, before, batch)
        total += cleared
        if cleared < batch:
            return total
