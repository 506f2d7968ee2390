"""Whom an entry took in that saw what a later judged change did: while relays lag, what others did is read as now."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, not_, select

from domain.records import Change, ChangeKind
from store.database import Read
from store.sweeps import TOOK_UP
from store.tables import changes, entry_decisions

AS_NOW: tuple[ChangeKind, ...] = ("associated", "dissociated", "merged", "deleted")
"""Kinds that are judged with every record as it is now; all others know what their own record was."""


async def taken_with(
    read: Read, change: Change, workflow_id: str, trigger: str, record_ids: Collection[str]
) -> set[tuple[str, str | None]]:
    """Whom a trigger took up for another change when this one was committed already, as (record id, bound id).

    What another record did, and who is associated, is read as it is when a change is judged, so those decisions saw
    this change as well. One about the same record's own values did not: those are judged one by one, as they were.
    """
    own = and_(changes.c.record_id == change.record_id, changes.c.kind.not_in(AS_NOW))
    found = (
        select(entry_decisions.c.record_id, entry_decisions.c.bound_id)
        .join(changes, changes.c.seq == entry_decisions.c.change_seq)
        .where(
            entry_decisions.c.record_id.in_(sorted(record_ids)),
            entry_decisions.c.workflow_id == workflow_id,
            entry_decisions.c.trigger == trigger,
            entry_decisions.c.decision.in_(TOOK_UP),
            entry_decisions.c.saw_seq >= change.seq,
            entry_decisions.c.change_seq != change.seq,
        )
    )
    if change.kind not in AS_NOW:
        found = found.where(not_(own))
    return {(row["record_id"], row["bound_id"]) for row in await read.all(found)}
