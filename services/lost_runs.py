"""Enrollments whose run Temporal ended by itself: nobody else would ever end them. And those whose run is not there.

A run ends only after its enrollment did, and an enrollment whose start was delivered had its run. So one that is active
after Temporal said that its run is over has nobody who carries it on, and its key would keep everybody out.

A run that Temporal does not know is no such end: a wrong address, another namespace or a server restored empty knows
none of them, and everybody would be ended at once. These are only counted and listed; a person decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

from domain.base import Frozen
from domain.enrollments import Enrollment
from domain.telling import RUN_WAS
from services.installation import Installation
from services.leaving import end_enrollment
from store.enrollments import started_enrollments
from store.locks import lock_inside

LOOKED_AT = 2000
"""Enrollments looked at in one round: some seconds of small questions to Temporal."""

AT_ONCE = 20
"""Questions to Temporal under way at the same time."""


class Look(Frozen):
    """What one round found. ``next_after`` is where the next one goes on; ``""``: it begins anew."""

    looked_at: int
    ended: int
    not_found: int
    next_after: str


async def end_if_lost(inst: Installation, seen: Enrollment) -> Literal["ended", "not found"] | None:
    """End an enrollment as ``failed`` when Temporal says how its run ended; None when it is left alone.

    ``not found``: Temporal knows no such run; nothing is ended. ``seen``: as it was read after its start was delivered
    and before Temporal is asked.

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
