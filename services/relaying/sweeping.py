"""Finds once a minute whom the passing of time concerns: who enters, who leaves, without anybody changing anything.

One question for each trigger, and for each version with somebody inside, takes whoever turned between the last sweep
and this one. They are decided about in pages: a page and how far the sweep came are one transaction, so a relay that
dies loses nobody and doubles nobody, and of several relays one has each page.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Protocol

from domain.names import time_key
from services.installation import Installation
from services.relaying.timed_entries import TriggerTurns
from services.relaying.timed_exits import LeavingTurns
from store.candidates import triggers_reading
from store.database import Read, Tx
from store.locks import lock_sweep
from store.sweep_failures import (
    SweepFailure,
    failures_due,
    forget_failures,
    keep_failures,
    put_off_failure,
    take_failure,
)
from store.sweeps import (
    Sweep,
    begin_sweeps,
    claim_sweeps,
    load_sweeps,
    move_sweep,
    note_sweep_error,
    versions_left_by_time,
)
from store.transient import is_transient

EVERY = timedelta(minutes=1)

PAGE = 100
"""Records or enrollments decided about in one transaction; on SQLite nobody else writes meanwhile."""

AT_ONCE = 20
"""Questions asked before changes that wait are judged."""

MOST = 4_000
"""Characters kept of what was raised."""


class Turns(Protocol):
    """Those whom time concerns in one role."""

    @property
    def name(self) -> str:
        """The name of the sweep."""

    async def find(self, read: Read, sweep: Sweep, *, until: datetime, limit: int) -> str | None:
        """Find the next page; answers the place behind it, None when it is the last."""

    @property
    def items(self) -> Sequence[str]:
        """Whom the page found holds."""

    async def name_one(self, read: Read, item: str) -> None:
        """Let the page be one who was found before, if it is still there."""

    async def decide(
        self,
        tx: Tx,
        sweep: Sweep,
        *,
        until: datetime,
        now: datetime,
        part: Callable[[str], AbstractAsyncContextManager[None]],
    ) -> None:
        """Lock those of the page, judge them again, and let it have its effect, each within its own ``part``."""


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
    if due:
        async with inst.db.transaction() as tx:
            claimed = await claim_sweeps(tx, [sweep for _, sweep in due[:AT_ONCE]], now=now, until=now + EVERY)
        for each, sweep in due[:AT_ONCE]:
            if each.name in claimed:
                is_left |= await _sweep_page(inst, each, sweep, now=now)
    await _look_again(inst, {each.name: each for each in turns}, now=now)
    return is_left


def _is_due(sweep: Sweep, now: datetime) -> bool:
    if sweep.retry_at is not None and sweep.retry_at > now:
        return False
    return sweep.until is not None or sweep.swept_at <= now - EVERY


async def _sweep_page(inst: Installation, turns: Turns, sweep: Sweep, *, now: datetime) -> bool:
    """Decide about the next page; True when there is another. What raises is kept in the row of the sweep."""
    until = sweep.until or now
    try:
        async with inst.db.read() as read:
            place = await turns.find(read, sweep, until=until, limit=PAGE)
        try:
            is_mine = await _decide_page(inst, turns, sweep, place, until=until, now=now)
        except Exception as error:
            if is_transient(error):
                raise
            # Only whom it is about is left out; everybody else of the page is decided about.
            is_mine = await _decide_page(inst, turns, sweep, place, until=until, now=now, apart=True)
    except Exception as error:
        # Whatever it is belongs to this sweep: the others go on, and this one is tried again.
        if is_transient(error):
            raise
        async with inst.db.transaction() as tx:
            await note_sweep_error(tx, sweep, _words(error), now=now)
        return False
    return is_mine and place is not None


async def _decide_page(
    inst: Installation,
    turns: Turns,
    sweep: Sweep,
    place: str | None,
    *,
    until: datetime,
    now: datetime,
    apart: bool = False,
) -> bool:
    """Decide about a page and keep that it is done; False when somebody else has done it.

    ``apart``: about each as if it were alone. Whoever fails is stepped past and kept, to be looked at again.
    """
    errors: dict[str, str] = {}
    async with inst.db.transaction() as tx:
        if not await move_sweep(tx, sweep, until=until, place=place):
            return False
        if turns.items:
            part = _alone(tx, errors) if apart else _together
            await turns.decide(tx, sweep, until=until, now=now, part=part)
            await forget_failures(tx, turns.name, set(turns.items) - errors.keys())
            await keep_failures(tx, turns.name, errors, since=sweep.swept_at, now=now)
    return True


def _together(_item: str) -> AbstractAsyncContextManager[None]:
    return nullcontext()


def _alone(tx: Tx, errors: dict[str, str]) -> Callable[[str], AbstractAsyncContextManager[None]]:
    """Parts of a transaction of which each can fail alone; what it raised is in ``errors`` then."""

    @asynccontextmanager
    async def part(item: str) -> AsyncIterator[None]:
        try:
            async with tx.savepoint():
                yield
        except Exception as error:
            # A database that is away fails everybody alike: the page is tried again as a whole.
            if is_transient(error):
                raise
            errors[item] = _words(error)

    return part


async def _look_again(inst: Installation, known: Mapping[str, Turns], *, now: datetime) -> None:
    """Decide about those whom sweeps stepped past, and whose time to be looked at again has come."""
    async with inst.db.read() as read:
        due = await failures_due(read, now, limit=AT_ONCE)
    for failure in due:
        turns = known.get(failure.name)
        if turns is None:
            # The workflow is off, or nobody is inside that version any more.
            async with inst.db.transaction() as tx:
                await forget_failures(tx, failure.name, [failure.item])
            continue
        try:
            await _decide_again(inst, turns, failure, now=now)
        except Exception as error:
            if is_transient(error):
                raise
            async with inst.db.transaction() as tx:
                await put_off_failure(tx, failure, _words(error), now=now)


async def _decide_again(inst: Installation, turns: Turns, failure: SweepFailure, *, now: datetime) -> None:
    """Decide about one by all that changed since it was stepped past; it stays when that raises."""
    async with inst.db.transaction() as tx:
        if not await lock_sweep(tx, failure.name) or not await take_failure(tx, failure):
            return
        await turns.name_one(tx, failure.item)
        if turns.items:
            since = Sweep(name=failure.name, swept_at=failure.since)
            await turns.decide(tx, since, until=now, now=now, part=_together)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:MOST]
