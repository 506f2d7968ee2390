"""The relay: carries every committed change to those it concerns, and every delivery to Temporal.

It runs in every worker of role ``relay`` and, unchanged, in tests. A change is judged in one transaction with
everything that follows from it, so a relay that dies loses nothing and decides nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from domain.names import goal_key
from domain.records import Change
from domain.touches import keys_touched
from services.authoring.turning_off import turn_off_due
from services.conversations.sending import begin_waiting_mails
from services.installation import Installation
from services.jobs.jobs import begin_waiting
from services.leaving.again import remembered_in
from services.lists.list_refreshing import refresh_due_lists
from services.log_fields import add_log_fields, log_fields
from services.recurring.recurring import tell_recurrences
from services.relaying.judgement import judge_page
from services.relaying.sweeping import sweep_due
from services.running.deliveries import deliver_batch
from store.candidates import inside_near, keys_of_runs, triggered_keys
from store.database import Tx
from store.intake import (
    Waiting,
    claim_changes,
    finish_changes,
    hold_change,
    keep_cursor,
    look,
    note_failure,
    release_changes,
)
from store.lists import list_keys_read
from store.transient import is_transient

SWEEP_S = 5.0
"""How long a relay sleeps at most without being woken."""

PAUSE_S = 1.0
"""How long a relay waits when the database cannot be reached."""

log = logging.getLogger(__name__)


class Relay:
    """One relay loop. ``worker`` names it in leases and must be unique among running relays."""

    def __init__(self, inst: Installation, worker: str) -> None:
        self._inst = inst
        self._worker = worker

    async def run_forever(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; a database that is away is waited for."""
        feed = self._inst.db.changes()
        stopping = asyncio.create_task(stop.wait())
        sweep_at, is_left = self._inst.clock.now(), False
        while not stop.is_set():
            try:
                waiting = await self.look()
                worked_off = await self._work_off(waiting)
                # However much there is to do: jobs that wait would never begin under a steady load.
                if self._inst.clock.now() >= sweep_at:
                    await begin_waiting(self._inst)
                    await begin_waiting_mails(self._inst)
                    await turn_off_due(self._inst)
                    await tell_recurrences(self._inst)
                    await refresh_due_lists(self._inst)
                    is_left = await sweep_due(self._inst)
                    sweep_at = self._inst.clock.now() + timedelta(seconds=0 if is_left else SWEEP_S)
                if worked_off or is_left:
                    continue
                await _first(feed.wait(self._nap(waiting)), stopping)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("relay_waits_for_database", extra={"error_type": type(error).__name__})
                await asyncio.sleep(PAUSE_S)

    async def drain_once(self) -> int:
        """One round: judge a batch of changes, carry a batch of deliveries. Answers how many of both were handled."""
        return await self._work_off(await self.look())

    async def look(self) -> Waiting:
        """What waits to be judged or carried, without locking anything."""
        async with self._inst.db.glance() as read:
            return await look(read, self._inst.clock.now())

    async def _work_off(self, waiting: Waiting) -> int:
        judged = await self._judge_batch() if waiting.changes else 0
        # A judgement may just have queued deliveries.
        carried = await deliver_batch(self._inst, self._worker) if waiting.deliveries or judged else 0
        return judged + carried

    def _nap(self, waiting: Waiting) -> float:
        """How long there is nothing to do unless somebody commits: until a retry is due, at most a sweep."""
        if waiting.next_at is None:
            return SWEEP_S
        return min(SWEEP_S, max(0.0, (waiting.next_at - self._inst.clock.now()).total_seconds()))

    async def _judge_batch(self) -> int:
        async with self._inst.db.transaction() as tx:
            claimed = await claim_changes(tx, self._worker, self._inst.clock.now())
            relevant = await _relevant(tx, claimed)
            if idle := [change.seq for change in claimed if change.seq not in relevant]:
                await finish_changes(tx, idle, self._inst.clock.now())
        self._inst.meter.judged("idle", len(idle))
        left = [change for change in claimed if change.seq in relevant]
        try:
            while left:
                await self._judge_traced(left[0])
                del left[0]
        finally:
            await self._give_back(left)
        return len(claimed)

    async def _judge_traced(self, change: Change) -> None:
        traces = self._inst.traces
        with log_fields(change=change.id), traces.span("judge change", behind=change.traceparent, change=change.id):
            add_log_fields(trace=traces.trace_id())
            await self._judge(change)

    async def _judge(self, change: Change) -> None:
        """Judge one change; a judgement that raises is counted against it and does not stop the others."""
        now = self._inst.clock.now()
        try:
            while (cursor := await self._judge_page(change, now)) is not None:
                change = change.model_copy(update={"cursor": cursor})
            self._inst.meter.judged("judged")
        except Exception as error:
            # Whatever a judgement raises belongs to this change: it is written into its row and shown to operators.
            if is_transient(error):
                raise
            self._inst.meter.judged("failed")
            log.warning("change_not_judged", extra={"attempt": change.attempts + 1}, exc_info=error)
            async with self._inst.db.transaction() as tx:
                await note_failure(tx, change, self._worker, f"{type(error).__name__}: {error}", now)

    async def _judge_page(self, change: Change, now: datetime) -> str | None:
        """Judge a page in one transaction; answers the cursor of the next one, None when there is none for us."""
        async with self._inst.db.transaction() as tx:
            # As of now, not of the first page: a long judgement would renew a lease that is over already.
            if not await hold_change(tx, self._worker, change.seq, self._inst.clock.now()):
                return None
            cursor = await judge_page(tx, change, now=now)
            if cursor is None:
                await finish_changes(tx, [change.seq], now)
            else:
                await keep_cursor(tx, change.seq, cursor)
            return cursor

    async def _give_back(self, left: list[Change]) -> None:
        """Let others have what an error kept this relay from judging, rather than after its leases run out."""
        if not left:
            return
        try:
            async with self._inst.db.transaction() as tx:
                await release_changes(tx, self._worker, [change.seq for change in left])
        except Exception as error:
            # The database may be what failed; the leases run out by themselves then.
            if not is_transient(error):
                raise


async def _first(wait: Coroutine[Any, Any, None], stopping: asyncio.Task[Any]) -> None:
    """Wait for one of both; an error of the wait is raised."""
    waiting = asyncio.create_task(wait)
    await asyncio.wait((waiting, stopping), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting


async def _relevant(tx: Tx, claimed: list[Change]) -> set[int]:
    """Which changes anybody may care about; the others are done at once."""
    if not claimed:
        return set()
    keys = {change.seq: keys_touched(change) for change in claimed}
    all_keys = {key for group in keys.values() for key in group}
    triggering, listed = await triggered_keys(tx, all_keys), await list_keys_read(tx, all_keys)
    of_goals = await keys_of_runs(tx, {goal_key(key) for key in all_keys})
    near = await inside_near(tx, {change.record_id for change in claimed})
    return {
        c.seq
        for c in claimed
        if c.kind in ("list_changed", "settings")
        or c.record_id in near
        or remembered_in(c) is not None
        or not listed.isdisjoint(keys[c.seq])
        or any(goal_key(key) in of_goals for key in keys[c.seq])
        or (c.wake and not triggering.isdisjoint(keys[c.seq]))
    }
