"""What is kept for how long: changes 30 days, idempotency keys 7 days, what enrollments did ``history_days``.

Days of history count from the end of an enrollment, so nobody who is still inside loses any. Entry keys, enrollments
and messages stay for ever.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from store.database import Database, Tx
from store.housekeeping import (
    clear_changes,
    clear_decisions,
    clear_effects,
    clear_end_values,
    clear_keys,
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
        "end_values": (clear_end_values, history),
        "idempotency": (clear_keys, now - KEYS_KEPT),
    }
    return {name: await _in_batches(db, clear, before, batch) for name, (clear, before) in work.items()}


async def _in_batches(db: Database, clear: Clear, before: datetime, batch: int) -> int:
    total = 0
    while True:
        async with db.transaction() as tx:
            cleared = await clear(tx, before, batch)
        total += cleared
        if cleared < batch:
            return total
