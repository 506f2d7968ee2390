"""What else knows a record that is merged into another: associations, events, entry keys, enrollments, their rows."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import Table, delete, or_, update

from store.database import Tx
from store.locks import lock_entry_keys_of
from store.tables import associations, enrollments, entry_keys, events, goals_reached, late_goals, visits


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


async def move_enrollment(tx: Tx, enrollment_id: str, *, record_id: str, bound_id: str | None, key: str) -> None:
    """Let a locked enrollment go on under other records, with what it did so far; its run keeps its name."""
    mine = update(enrollments).where(enrollments.c.id == enrollment_id)
    await tx.run(mine.values(record_id=record_id, bound_id=bound_id, key=key))
    tables: tuple[Table, ...] = (visits, goals_reached, late_goals)
    for table in tables:
        await tx.run(update(table).where(table.c.enrollment_id == enrollment_id).values(record_id=record_id))
