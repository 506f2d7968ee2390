"""Enrollments whose run was terminated in Temporal or is not there any more: nobody else would ever end them.

A run ends only after its enrollment did, and an enrollment whose start was delivered had its run. So one that is active
after Temporal said that its run is over has nobody who carries it on, and its key would keep everybody out.
"""

from __future__ import annotations

import asyncio

from domain.enrollments import Enrollment
from services.installation import Installation
from services.leaving import end_enrollment
from store.enrollments import started_enrollments
from store.locks import lock_enrollments, lock_records

LOOKED_AT = 2000
"""Enrollments looked at in one round: some seconds of small questions to Temporal."""

AT_ONCE = 20
"""Questions to Temporal under way at the same time."""


async def end_if_lost(inst: Installation, seen: Enrollment) -> bool:
    """End an enrollment as ``failed`` when Temporal says for certain that its run is over; whether it was.

    ``seen``: as it was read after its start was delivered and before Temporal is asked.

    Raises:
        Unavailable: Temporal cannot be reached now.
    """
    if seen.status == "ended" or (end := await inst.runs.end_of(seen.run_id)) is None:
        return False
    detail = "its run was not found in Temporal" if end == "not found" else f"its run was {end} in Temporal"
    async with inst.db.transaction() as tx:
        await lock_records(tx, [seen.record_id, *([seen.bound_id] if seen.bound_id else [])], write=False)
        enrollment = (await lock_enrollments(tx, [seen.id])).get(seen.id)
        if enrollment is None or enrollment.status == "ended":
            return False
        await end_enrollment(tx, enrollment, "failed", detail=detail, now=inst.clock.now(), tell=False)
    return True


async def end_lost(inst: Installation, *, after: str, limit: int = LOOKED_AT) -> tuple[int, str]:
    """Look at up to ``limit`` active enrollments, from an id on; how many were ended, and where to go on.

    At the last one it begins anew with the one that is inside longest (``""``).

    Raises:
        Unavailable: Temporal cannot be reached now; what was ended stays ended.
    """
    async with inst.db.read() as read:
        page = await started_enrollments(read, after=after, limit=limit)
    ended = 0
    for begin in range(0, len(page), AT_ONCE):
        ended += sum(await asyncio.gather(*(end_if_lost(inst, one) for one in page[begin : begin + AT_ONCE])))
    return ended, page[-1].id if len(page) == limit else ""
