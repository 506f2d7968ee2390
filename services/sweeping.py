"""Finds once a minute whom the passing of time concerns: who enters, who leaves, without anybody changing anything.

One question for each trigger, and for each version with somebody inside, takes whoever turned between the last sweep
and this one. They are decided about in pages: a page and how far the sweep came are one transaction, so a relay that
dies loses nobody and doubles nobody, and of several relays one has each page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from domain.names import time_key
from services.installation import Installation
from services.timed_entries import TriggerTurns
from services.timed_exits import LeavingTurns
from store.candidates import triggers_reading
from store.database import Read, Tx
from store.sweeps import Sweep, begin_sweeps, load_sweeps, move_sweep, note_sweep_error, versions_left_by_time
from store.transient import is_transient

EVERY = timedelta(minutes=1)

PAGE = 100
"""Records or enrollments decided about in one transaction; on SQLite nobody else writes meanwhile."""

AT_ONCE = 20
"""Questions asked before changes that wait are judged."""


class Turns(Protocol):
    """Those whom time concerns in one role."""

    @property
    def name(self) -> str:
        """The name of the sweep."""

    async def find(self, read: Read, sweep: Sweep, *, until: datetime, limit: int) -> str | None:
        """Find the next page; answers the place behind it, None when it is the last."""

    @property
    def is_empty(self) -> bool:
        """Whether the page found holds nobody."""

    async def decide(self, tx: Tx, sweep: Sweep, *, until: datetime, now: datetime) -> None:
        """Lock those of the page, judge them again, and let it have its effect."""


async def sweep_due(inst: Installation) -> bool:
    """Sweep what was not looked at for ``EVERY``; True when there is more to do than fits into one go."""
    now = inst.clock.now()
    async with inst.db.read() as read:
        turns: Sequence[Turns] = [
            *(TriggerTurns(ref) for ref in await triggers_reading(read, [time_key()])),
            *(LeavingTurns(*version) for version in await versions_left_by_time(read)),
        ]
        known = await load_sweeps(read, [each.name for each in turns])
    if new := [each.name for each in turns if each.name not in known]:
        async with inst.db.transaction() as tx:
            await begin_sweeps(tx, new, at=now)
    due = [(each, known[each.name]) for each in turns if each.name in known and _is_due(known[each.name], now)]
    # What fails comes last, so that it keeps nothing else waiting.
    due.sort(key=lambda one: (one[1].error is not None, one[1].swept_at))
    is_left = len(due) > AT_ONCE
    for each, sweep in due[:AT_ONCE]:
        is_left |= await _sweep_page(inst, each, sweep, now=now)
    return is_left


def _is_due(sweep: Sweep, now: datetime) -> bool:
    return sweep.until is not None or sweep.swept_at <= now - EVERY


async def _sweep_page(inst: Installation, turns: Turns, sweep: Sweep, *, now: datetime) -> bool:
    """Decide about the next page; True when there is another. What raises is kept in the row of the sweep."""
    until = sweep.until or now
    try:
        async with inst.db.read() as read:
            place = await turns.find(read, sweep, until=until, limit=PAGE)
        async with inst.db.transaction() as tx:
            if not await move_sweep(tx, sweep, until=until, place=place):
                return False
            if not turns.is_empty:
                await turns.decide(tx, sweep, until=until, now=now)
    except Exception as error:
        # Whatever it is belongs to this sweep: the others go on, and this one is tried again.
        if is_transient(error):
            raise
        async with inst.db.transaction() as tx:
            await note_sweep_error(tx, turns.name, f"{type(error).__name__}: {error}")
        return False
    return place is not None
