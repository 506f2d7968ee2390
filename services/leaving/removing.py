"""Taking records out of other workflows: because one enters this one (``remove_from``, rule E2), or by a step.

The first happens in the entry's own transaction, which has locked the enrolled record and with it every decision about
it. So of two workflows that remove each other the later to commit sees the earlier, and exactly one of them stays.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from domain.definition import Definition
from domain.enrollments import Enrollment
from services.leaving.leaving import end_enrollment
from store.database import Tx
from store.enrollments import active_elsewhere, active_enrollments
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


async def remove_from(tx: Tx, workflow_id: str, record_ids: Collection[str], *, by: str, now: datetime) -> int:
    """End what these records, which are locked for writing, run in one workflow; how many ended.

    ``by``: the slug of the workflow whose step asked; it becomes the detail of their ends.
    """
    found = [e.id for record_id in record_ids for e in await active_enrollments(tx, workflow_id, record_id)]
    inside = [e for e in (await lock_enrollments(tx, found)).values() if e.status != "ended"]
    for each in inside:
        await end_enrollment(tx, each, "removed_by_workflow", detail=by, now=now)
    return len(inside)
