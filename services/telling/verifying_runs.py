"""Lays enrollments beside the runs of Temporal, and the histories of runs beside visits and ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial

from domain.enrollments import Enrollment
from domain.names import effect_key
from domain.ports import Histories
from domain.verification import Finding, History
from services.telling.verifying import Row, Verifying
from store.audit import last_entry_at
from store.enrollments import get_enrollments, started_enrollments
from store.verification import accepted_effects, enrollments_of_runs, newest_enrollments, settled_visits

AT_ONCE = 20
"""Questions to Temporal under way at the same time."""


async def verify_runs(verifying: Verifying, histories: Histories) -> AsyncIterator[Finding]:
    """Active enrollments without an open run, and open runs without an active enrollment.

    Raises:
        Unavailable: Temporal cannot be reached now.
    """
    async for finding in _enrollments(verifying):
        yield finding
    async for page in histories.open_runs():
        suspects = await _runs(verifying, page)
        for finding in await verifying.twice(
            suspects, partial(_still_open, verifying, [each.what for each in suspects])
        ):
            yield finding
        verifying.tell("open runs", len(page))


async def _enrollments(verifying: Verifying) -> AsyncIterator[Finding]:
    after = ""
    while True:
        async with verifying.inst.db.read() as read:
            page = await started_enrollments(read, after=after, limit=verifying.page)
        suspects = await _without_run(verifying, page)
        odd = {each.what for each in suspects}
        again = partial(_still_without_run, verifying, [one for one in page if one.id in odd])
        for finding in await verifying.twice(suspects, again):
            yield finding
        verifying.tell("active enrollments", len(page))
        if len(page) < verifying.page:
            return
        after = page[-1].id


async def _without_run(verifying: Verifying, page: Sequence[Enrollment]) -> list[Finding]:
    found = []
    for begin in range(0, len(page), AT_ONCE):
        asked = page[begin : begin + AT_ONCE]
        ends = await asyncio.gather(*(verifying.inst.runs.end_of(one.run_id) for one in asked))
        for one, end in zip(asked, ends, strict=True):
            if end == "not found":
                found.append(Finding(odd="enrollment_without_run", what=one.id, enrollment=one.id, step=one.step))
            elif end is not None:
                about = {"enrollment": one.id, "step": one.step, "detail": f"its run is {end}"}
                found.append(Finding(odd="enrollment_of_ended_run", what=one.id, **about))
    return found


async def _still_without_run(verifying: Verifying, these: Sequence[Enrollment]) -> list[Finding]:
    async with verifying.inst.db.read() as read:
        now = await get_enrollments(read, [one.id for one in these])
    return await _without_run(verifying, [one for one in now.values() if one.status != "ended"])


async def _runs(verifying: Verifying, run_ids: Sequence[str]) -> list[Finding]:
    """Of runs that are open, those whose enrollment is over for a while, or not there at all."""
    async with verifying.inst.db.read() as read:
        known = await enrollments_of_runs(read, run_ids)
    found = []
    over = verifying.inst.clock.now() - verifying.to_end
    for run_id in run_ids:
        row = known.get(run_id)
        if row is None:
            found.append(Finding(odd="run_without_enrollment", what=run_id))
        elif row["status"] == "ended" and row["ended_at"] < over:
            ended = f"ended {row['ended_at'].isoformat()}"
            found.append(Finding(odd="run_of_ended_enrollment", what=run_id, enrollment=row["id"], detail=ended))
    return found


async def _still_open(verifying: Verifying, run_ids: Sequence[str]) -> list[Finding]:
    """The same of those that are open when Temporal is asked one by one: its list lags behind."""
    ends = [await verifying.inst.runs.end_of(run_id) for run_id in run_ids]
    return await _runs(verifying, [run_id for run_id, end in zip(run_ids, ends, strict=True) if end is None])


async def verify_histories(
    verifying: Verifying, histories: Histories, *, newest: int, workflow: str | None, since: datetime | None
) -> AsyncIterator[Finding]:
    """What has no twin between the histories of up to ``newest`` enrollments, and their visits and effects.

    Of an enrollment whose history Temporal keeps no more nothing is told, and of effects from before Temporal was
    restored only those that are missing in the database: that Temporal may be older than they are.

    Raises:
        Unavailable: Temporal cannot be reached now.
    """
    before: str | None = None
    async with verifying.inst.db.read() as read:
        restored_at = await last_entry_at(read, "installation.caught_up")
    while newest > 0:
        limit = min(AT_ONCE, newest)
        async with verifying.inst.db.read() as read:
            page = await newest_enrollments(read, before=before, workflow=workflow, since=since, limit=limit)
        for row in page:
            if not verifying.is_past(row["ended_at"]):
                for finding in await _history(verifying, histories, row, since=restored_at):
                    yield finding
        verifying.tell("histories", len(page))
        if len(page) < limit:
            return
        newest, before = newest - len(page), page[-1]["id"]


async def _history(verifying: Verifying, histories: Histories, row: Row, *, since: datetime | None) -> list[Finding]:
    """A run asks before it acts and hears after the commit: what is read in this order has its twin at any instant."""
    async with verifying.inst.db.read() as read:
        effects = await accepted_effects(read, row["id"], since=since)
    history = await histories.read(row["run_id"])
    if history is None:
        return []
    async with verifying.inst.db.read() as read:
        settled = await settled_visits(read, row["id"])
    return [*_without_visit(row["id"], history, settled), *_without_activity(row["id"], history, effects)]


def _without_visit(enrollment: str, history: History, settled: set[tuple[str, int]]) -> list[Finding]:
    odd = {(each.step, each.n): each for each in history.asked if each.settled and (each.step, each.n) not in settled}
    return [
        Finding(
            odd="activity_without_visit",
            what=effect_key(enrollment, step, n),
            enrollment=enrollment,
            step=step,
            detail=each.activity,
        )
        for (step, n), each in odd.items()
    ]


def _without_activity(enrollment: str, history: History, effects: Sequence[Row]) -> list[Finding]:
    # What a reset made it forget it did all the same; and of the rest nobody knows.
    if not history.is_whole or history.was_reset:
        return []
    asked = {(each.step, each.n) for each in history.asked}
    return [
        Finding(odd="effect_without_activity", what=row["key"], enrollment=enrollment, step=row["step"])
        for row in effects
        if (row["step"], row["n"]) not in asked
    ]
