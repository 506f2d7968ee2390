"""Whom an entry took in that saw what a later judged change did: while relays lag, what others did is read as now."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select, union_all

from domain.records import Change
from store.changes import STANDING
from store.database import Read
from store.intake import IS_OPEN
from store.sweeps import TOOK_UP
from store.tables import associations, changes, entry_decisions

AS_IT_WAS = ("created", "updated")
"""Kinds that know what their own record was: of each other they see nothing."""


async def open_around(read: Read, subject_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """Of each subject, the newest unjudged change of itself and of whoever it is associated with, by record id.

    Not one number for all: on PostgreSQL a change can commit behind one with a greater sequence. Of one record, whose
    row is locked until the commit, the sequence is the order of commits.
    """
    ids = sorted(subject_ids)
    own = select(changes.c.record_id.label("subject_id"), changes.c.record_id, changes.c.seq)
    near = select(associations.c.record_id.label("subject_id"), changes.c.record_id, changes.c.seq)
    near = near.join(changes, changes.c.record_id == associations.c.other_id)
    around = union_all(
        own.where(changes.c.record_id.in_(ids), IS_OPEN), near.where(associations.c.record_id.in_(ids), IS_OPEN)
    ).subquery()
    newest = select(around.c.subject_id, around.c.record_id, func.max(around.c.seq).label("seq"))
    found: dict[str, dict[str, int]] = {}
    for row in await read.all(newest.group_by(around.c.subject_id, around.c.record_id)):
        found.setdefault(row["subject_id"], {})[row["record_id"]] = row["seq"]
    return found


async def taken_with(
    read: Read, change: Change, workflow_id: str, trigger: str, record_ids: Collection[str]
) -> set[tuple[str, str | None]]:
    """Whom a trigger took up for something else that saw what this change did, as (record id, bound id).

    What is not about the own values of a record is read as it is when it is judged, so those decisions saw this change
    as well. Values of one record are judged one by one, as they were; lists and subscriptions as of the change.
    """
    columns = (
        entry_decisions.c.record_id,
        entry_decisions.c.bound_id,
        entry_decisions.c.saw,
        entry_decisions.c.change_seq,
    )
    found = (
        select(*columns, changes.c.record_id.label("of"), changes.c.kind)
        .join(changes, changes.c.seq == entry_decisions.c.change_seq, isouter=True)
        .where(
            entry_decisions.c.record_id.in_(sorted(record_ids)),
            entry_decisions.c.workflow_id == workflow_id,
            entry_decisions.c.trigger == trigger,
            entry_decisions.c.decision.in_(TOOK_UP),
            entry_decisions.c.saw.is_not(None),
            entry_decisions.c.change_seq.is_distinct_from(change.seq),
        )
    )
    return {
        (row["record_id"], row["bound_id"])
        for row in await read.all(found)
        if row["saw"].get(change.record_id, 0) >= change.seq
        and not _judged_apart(change, row["change_seq"], row["of"], row["kind"])
    }


def _judged_apart(change: Change, other_seq: int | None, of: str | None, kind: str | None) -> bool:
    """Whether another change was judged without what this one did, although it was there; None: it was no change."""
    if other_seq is None:
        return False
    if change.kind in STANDING:
        return other_seq < change.seq
    return change.kind in AS_IT_WAS and of == change.record_id and kind in AS_IT_WAS
