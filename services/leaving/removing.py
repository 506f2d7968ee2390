"""Taking a record out of other workflows because it enters this one (``remove_from``, rule E2).

It happens in the entry's own transaction, which has locked the enrolled record and with it every decision about it. So
of two workflows that remove each other the later to commit sees the earlier, and exactly one of them stays.
"""

from __future__ import annotations

from datetime import datetime

from domain.definition import Definition
from domain.enrollments import Enrollment
from services.leaving.leaving import end_enrollment
from store.database import Tx
from store.enrollments import active_elsewhere
from store.locks import lock_enrollments


async def remove_others(tx: Tx, definition: Definition, entering: Enrollment, *, now: datetime) -> int:
    """End what the entering record runs in the workflows its definition names; how many ended.

    Every enrollment of the record counts, whatever it is bound to. The detail of their end is this workflow's slug.
    """
    wanted = definition.entry.remove_from
    if wanted in ("none", []):
        return 0
    slugs = None if isinstance(wanted, str) else wanted
    found = await active_elsewhere(tx, entering.record_id, not_of=entering.workflow_id, slugs=slugs)
    others = [e for e in (await lock_enrollments(tx, found)).values() if e.status != "ended"]
    for other in others:
        await end_enrollment(tx, other, "removed_by_workflow", detail=definition.slug, now=now)
    return len(others)
