"""What else knows a record that is merged into another: associations, events, entry keys, enrollments, their rows."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import Column, ColumnElement, and_, bindparam, case, delete, func, or_, select, update

from store.database import Read, Tx
from store.locks import lock_entry_keys_of
from store.records import get_record
from store.tables import (
    associations,
    changes,
    enrollments,
    entry_decisions,
    entry_keys,
    events,
    goals_reached,
    inbound_mails,
    late_goals,
    messages,
    visits,
)
from store.tasks import move_tasks

MERGED_INTO = (
    select(changes.c.detail)
    .where(changes.c.record_id == bindparam("record_id"), changes.c.kind == "merged")
    .order_by(changes.c.seq.desc())
    .limit(1)
)


async def merged_into(read: Read, record_id: str) -> str:
    """The record that stays of all a record was merged into one after the other; itself when it was not."""
    while await get_record(read, record_id) is None:
        # The last that is known of it says so, as long as its changes are kept.
        detail = await read.scalar(MERGED_INTO, record_id=record_id)
        if not detail or "into" not in detail:
            break
        record_id = str(detail["into"])
    return record_id


async def drop_links(tx: Tx, record_id: str) -> None:
    """Remove every association of a record, in both directions."""
    mine = or_(associations.c.record_id == record_id, associations.c.other_id == record_id)
    await tx.run(delete(associations).where(mine))


async def move_events(tx: Tx, from_id: str, to_id: str) -> None:
    """Let what happened to one record count for another."""
    await tx.run(update(events).where(events.c.record_id == from_id).values(record_id=to_id))


async def move_entry_keys(tx: Tx, record_id: str, *, near: Collection[str], moved: Callable[[str], str]) -> None:
    """Add the entries under keys that name a record to those under the keys that ``moved`` makes of them.

    ``near``: what it was associated with; as a bound record it stands in their keys. What was remembered for the next
    passage goes along, unless the other key remembers something itself.
    """
    keys = [f"{other}:{record_id}" for other in near]
    for row in await lock_entry_keys_of(tx, record_id, keys):
        target = {"workflow_id": row["workflow_id"], "key": moved(row["key"])}
        fresh = {**target, "record_id": moved(row["record_id"]), "entries": 0}
        await tx.insert_ignore(entry_keys, [fresh])
        there = (entry_keys.c.workflow_id == target["workflow_id"], entry_keys.c.key == target["key"])
        await tx.run(update(entry_keys).where(*there).values(entries=entry_keys.c.entries + row["entries"]))
        if row["again"] is not None:
            again = {**row["again"], "record_id": moved(row["again"]["record_id"])}
            if again.get("bound_id"):
                again["bound_id"] = moved(again["bound_id"])
            await tx.run(update(entry_keys).where(*there, entry_keys.c.again.is_(None)).values(again=again))
        gone = (entry_keys.c.workflow_id == row["workflow_id"], entry_keys.c.key == row["key"])
        await tx.run(delete(entry_keys).where(*gone))


async def move_enrollments(tx: Tx, from_id: str, to_id: str) -> None:
    """Let every passage of a record, and every one bound to it, be another's, with all it did; runs keep their names.

    They are locked, and of two that are active under what becomes one key the newer has ended.
    """
    mine = select(enrollments.c.id).where(enrollments.c.record_id == from_id)
    for table in (visits, goals_reached, late_goals):
        await tx.run(update(table).where(table.c.enrollment_id.in_(mine)).values(record_id=to_id))
    await _move_decisions(tx, from_id, to_id)
    for column in (enrollments.c.record_id, enrollments.c.bound_id):
        # A key is made of the ids of both.
        key = func.replace(enrollments.c.key, from_id, to_id)
        await tx.run(update(enrollments).where(column == from_id).values({column: to_id, enrollments.c.key: key}))


async def move_sent(tx: Tx, from_id: str, to_id: str) -> None:
    """Let messages to a record, mail from it and tasks about it be another's."""
    for table in (messages, inbound_mails):
        await tx.run(update(table).where(table.c.record_id == from_id).values(record_id=to_id))
    await move_tasks(tx, from_id, to_id)


async def _move_decisions(tx: Tx, from_id: str, to_id: str) -> None:
    """Let what was decided about a record, or about others bound to it, be told of another.

    One change may have decided the same of both; then the other's decision alone says that this cause is judged.
    """
    bound_to = select(enrollments.c.record_id).where(enrollments.c.bound_id == from_id)
    about_bound = and_(entry_decisions.c.bound_id == from_id, entry_decisions.c.record_id.in_(bound_to))
    for column, mine in (
        (entry_decisions.c.record_id, entry_decisions.c.record_id == from_id),
        (entry_decisions.c.bound_id, about_bound),
    ):
        seq = case((_is_decided(column, to_id), None), else_=entry_decisions.c.change_seq)
        await tx.run(update(entry_decisions).where(mine).values({column: to_id, entry_decisions.c.change_seq: seq}))


def _is_decided(column: Column[str], to_id: str) -> ColumnElement[bool]:
    """Whether there is a decision of the same cause that differs in this column only, which is ``to_id`` there."""
    twin = entry_decisions.alias()
    same = [
        func.coalesce(twin.c[name], "")
        == (to_id if name == column.name else func.coalesce(entry_decisions.c[name], ""))
        for name in ("record_id", "bound_id", "trigger")
    ]
    same += [twin.c[name] == entry_decisions.c[name] for name in ("change_seq", "workflow_id")]
    return select(twin.c.id).where(*same).exists()
