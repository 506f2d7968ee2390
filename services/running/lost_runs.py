"""Enrollments whose run Temporal ended by itself: nobody else would ever end them. And those whose run is not there.

A run ends only after its enrollment did, and an enrollment whose start was delivered had its run. So one that is active
after Temporal said that its run is over has nobody who carries it on, and its key would keep everybody out.

A job whose run is over before it is fares the same: it would say for ever that it is running.

A run that Temporal does not know is no such end: a wrong address, another namespace or a server restored empty knows
none of them, and everybody would be ended at once. These are only counted and listed; a person decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Literal

from domain.base import Frozen
from domain.enrollments import Enrollment
from domain.names import job_run_id
from domain.telling import RUN_WAS
from services.installation import Installation
from services.leaving.leaving import end_enrollment
from store.database import Tx
from store.enrollments import started_enrollments
from store.jobs import begun_jobs, fail_job
from store.locks import lock_inside

LOOKED_AT = 2000
"""Enrollments looked at in one round: some seconds of small questions to Temporal."""

AT_ONCE = 20
"""Questions to Temporal under way at the same time."""

QUIET = timedelta(minutes=5)
"""How long no page of a job was worked on before its run is asked about; whoever resumes one may start it anew."""


class Look(Frozen):
    """What one round found. ``next_after`` is where the next one goes on; ``""``: it begins anew."""

    looked_at: int
    ended: int
    not_found: int
    next_after: str


async def end_if_lost(
    inst: Installation, seen: Enrollment, *, note: Callable[[Tx], Awaitable[None]] | None = None
) -> Literal["ended", "not found"] | None:
    """End an enrollment as ``failed`` when Temporal says how its run ended; None when it is left alone.

    ``not found``: Temporal knows no such run; nothing is ended. ``seen``: as it was read after its start was delivered
    and before Temporal is asked. ``note`` writes down, in the same transaction, that it was ended.

    Raises:
        Unavailable: Temporal cannot be reached now.
    """
    if seen.status == "ended" or (end := await inst.runs.end_of(seen.run_id)) is None:
        return None
    if end == "not found":
        return end
    async with inst.db.transaction() as tx:
        enrollment = (await lock_inside(tx, [seen])).get(seen.id)
        if enrollment is None or enrollment.status == "ended":
            return None
        detail = f"{RUN_WAS}{end} in Temporal"
        await end_enrollment(tx, enrollment, "failed", detail=detail, now=inst.clock.now(), tell=False)
        if note is not None:
            await note(tx)
    return "ended"


async def end_lost(inst: Installation, *, after: str, limit: int = LOOKED_AT) -> Look:
    """Look at up to ``limit`` active enrollments, from an id on, and end whose run is over.

    After the last one the next round begins anew with the one that is inside longest.

    Raises:
        Unavailable: Temporal cannot be reached now; what was ended stays ended.
    """
    async with inst.db.read() as read:
        page = await started_enrollments(read, after=after, limit=limit)
    found: list[Literal["ended", "not found"] | None] = []
    for begin in range(0, len(page), AT_ONCE):
        found += await asyncio.gather(*(end_if_lost(inst, one) for one in page[begin : begin + AT_ONCE]))
    return Look(
        looked_at=len(page),
        ended=found.count("ended"),
        not_found=found.count("not found"),
        next_after=page[-1].id if len(page) == limit else "",
    )


async def fail_lost_jobs(inst: Installation) -> tuple[int, int]:
    """End the jobs whose run is over before they are as ``failed``, with what became of it; how many.

    And how many have a run that Temporal does not know: nothing is ended, a person decides.

    Raises:
        Unavailable: Temporal cannot be reached now; what was ended stays ended.
    """
    now, failed, not_found = inst.clock.now(), 0, 0
    async with inst.db.read() as read:
        begun = await begun_jobs(read, before=now - QUIET)
    for job in begun:
        end = await inst.runs.end_of(job_run_id(job.kind, job.id))
        if end == "not found":
            not_found += 1
        elif end is not None:
            async with inst.db.transaction() as tx:
                failed += await fail_job(tx, job, f"{RUN_WAS}{end} in Temporal", now=now)
    return failed, not_found


async def missing_runs(inst: Installation, *, portion: int = LOOKED_AT) -> AsyncIterator[Enrollment]:
    """Every active enrollment whose run Temporal does not know, the one that is inside longest first; changes nothing.

    Raises:
        Unavailable: Temporal cannot be reached now.
    """
    after: str | None = ""
    while after is not None:
        async with inst.db.read() as read:
            page = await started_enrollments(read, after=after, limit=portion)
        for begin in range(0, len(page), AT_ONCE):
            asked = page[begin : begin + AT_ONCE]
            ends = await asyncio.gather(*(inst.runs.end_of(one.run_id) for one in asked))
            for one, end in zip(asked, ends, strict=True):
                if end == "not found":
                    yield one
        after = page[-1].id if len(page) == portion else None
