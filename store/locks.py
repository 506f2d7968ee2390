"""The only place that locks rows. Order everywhere: records by id, entry keys, enrollments by id, effects, the rest.

The row of a sweep comes before all of them: who works on its page, or on somebody it stepped past, holds it first, one
sweep in a transaction. Whoever begins sweeps anew locks no record.

Two transactions that follow the order cannot wait for each other. On SQLite the clauses vanish: its writer is alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import groupby

from sqlalchemy import RowMapping, bindparam, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from domain.enrollments import Enrollment
from domain.lists import RecordList
from domain.records import StoredRecord
from domain.rotating import Rotation
from store.database import Tx, portions
from store.enrollments import IS_ACTIVE, enrollment_of
from store.lists import list_of
from store.records import COLUMNS, stored
from store.tables import (
    account,
    effects,
    emails,
    enrollments,
    entry_keys,
    lists,
    records,
    rotations,
    sweeps,
    threads,
    workflows,
)
from store.workflows import DOOR

ADDRESSES = 5321
"""The space of advisory locks that addresses are locked in; another one than that of migrations."""
AUDITED = 5322
"""That of what the audit log tells of."""
AUDITED_THING = select(func.pg_advisory_xact_lock(bindparam("space"), func.hashtext(bindparam("thing"))))
USED_ADDRESS = select(func.pg_advisory_xact_lock_shared(bindparam("space"), func.hashtext(bindparam("address"))))
KEPT_ADDRESS = select(func.pg_advisory_xact_lock(bindparam("space"), func.hashtext(bindparam("address"))))
_RECORDS = select(*COLUMNS).where(records.c.id.in_(bindparam("ids", expanding=True))).order_by(records.c.id)
# key_share: no key of a record ever changes, so rows that merely refer to it need not wait.
FOR_WRITING = _RECORDS.with_for_update(key_share=True)
FOR_READING = _RECORDS.with_for_update(read=True)
ENROLLMENTS = (
    select(enrollments)
    .where(enrollments.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(enrollments.c.id)
    .with_for_update(key_share=True)
)
# An update that changes nothing: it locks the row that is there, and returns it as the last to commit left it.
ENTRY_KEY = {
    dialect.__name__.rpartition(".")[2]: dialect.insert(entry_keys)
    .on_conflict_do_update(index_elements=["workflow_id", "key"], set_={"record_id": entry_keys.c.record_id})
    .returning(*entry_keys.columns)
    for dialect in (sqlite, postgresql)
}
# The same for a rotation, which begins with nothing owed.
ROTATION = {
    dialect.__name__.rpartition(".")[2]: dialect.insert(rotations)
    .on_conflict_do_update(index_elements=["workflow_id", "step"], set_={"step": rotations.c.step})
    .returning(rotations.c.owed, rotations.c.weights)
    for dialect in (sqlite, postgresql)
}
# As a foreign key does; nobody waits but ``wait_for_entries``.
DOOR_HELD = DOOR.with_for_update(read=True, key_share=True)
ENTRIES = select(workflows.c.id).where(workflows.c.id == bindparam("workflow_id")).with_for_update()
SWEEP = select(sweeps.c.name).where(sweeps.c.name == bindparam("name")).with_for_update(key_share=True)
EMAIL = select(emails).where(emails.c.slug == bindparam("slug")).with_for_update(key_share=True)
THREAD = select(threads.c.id).where(threads.c.id == bindparam("id")).with_for_update(key_share=True)
EFFECT = select(effects).where(effects.c.key == bindparam("key")).with_for_update(key_share=True)


async def lock_audited(tx: Tx, kind: str, subject: str) -> None:
    """Let nobody else change this part of the set-up until this transaction ends. Before all others, only once."""
    if tx.dialect == "postgresql":
        await tx.scalar(AUDITED_THING, space=AUDITED, thing=f"{kind}:{subject}")


async def lock_records(tx: Tx, ids: Iterable[str], *, write: bool | Collection[str]) -> dict[str, StoredRecord]:
    """Lock records and return them as they are now, deleted ones included; a missing id is absent.

    ``write`` says whether they will be written: True or False for all, or the ids of those that will be. Say it at
    once: sharing first and writing later deadlocks with anybody who does the same.
    """
    found: dict[str, StoredRecord] = {}

    def is_written(id: str) -> bool:
        return write if isinstance(write, bool) else id in write

    # Runs of one kind are locked together, and the runs one after the other: ascending either way.
    for exclusive, group in groupby(sorted(set(ids)), key=is_written):
        for portion in portions(group):
            locked = await tx.all(FOR_WRITING if exclusive else FOR_READING, ids=portion)
            found.update({row["id"]: stored(row) for row in locked})
    return found


async def hold_door(tx: Tx, workflow_id: str) -> RowMapping | None:
    """What an entry asks of the workflow of this id, also when it was deleted; ``wait_for_entries`` waits for it."""
    return await tx.one(DOOR_HELD, workflow_id=workflow_id)


async def wait_for_entries(tx: Tx, workflow_id: str) -> None:
    """Wait for everybody who is entering by what they read of the workflow until now; others wait for this one.

    Out of the order, so nothing is locked behind it.
    """
    await tx.all(ENTRIES, workflow_id=workflow_id)


async def lock_entry_key(tx: Tx, workflow_id: str, key: str, record_id: str) -> RowMapping:
    """Lock the count of entries under a key; the row is made with ``entries`` 0 when it is the first time."""
    locked = await tx.one(ENTRY_KEY[tx.dialect], workflow_id=workflow_id, key=key, record_id=record_id, entries=0)
    assert locked is not None, "what is inserted or updated is returned"
    return locked


async def lock_standing(tx: Tx, workflow_id: str, record_id: str) -> None:
    """Make everybody else wait who ends another passage of a record through a workflow, until this transaction ends.

    Endings share the lock of the record. This comes behind their enrollments, out of the order: of two transactions
    that end passages of the same two records the other way round, one has to try again.
    """
    mine = (entry_keys.c.workflow_id == workflow_id, entry_keys.c.record_id == record_id)
    await tx.all(select(entry_keys.c.key).where(*mine).order_by(entry_keys.c.key).with_for_update())


async def lock_entry_keys_of(tx: Tx, record_id: str, keys: Collection[str]) -> list[RowMapping]:
    """Lock the counts of a record's entries and those under ``keys``, in whichever workflow; in order of their keys."""
    # Both indexes begin with the workflow, and there are few of those.
    everywhere = entry_keys.c.workflow_id.in_(select(workflows.c.id))
    named = or_(entry_keys.c.record_id == record_id, entry_keys.c.key.in_(list(keys)))
    ordered = select(entry_keys).where(everywhere, named).order_by(entry_keys.c.workflow_id, entry_keys.c.key)
    return await tx.all(ordered.with_for_update())


async def lock_enrollments(tx: Tx, ids: Iterable[str]) -> dict[str, Enrollment]:
    """Lock enrollments for writing and return them as they are now; a missing id is absent."""
    found: dict[str, Enrollment] = {}
    for portion in portions(sorted(set(ids))):
        found.update({row["id"]: enrollment_of(row) for row in await tx.all(ENROLLMENTS, ids=portion)})
    return found


async def lock_passages(tx: Tx, gone: str, stays: str) -> list[Enrollment]:
    """Lock the passages two records, which are locked, are part of: of ``gone`` all, of ``stays`` the active ones.

    Answers the active ones of both, oldest first.
    """
    mine = [enrollments.c[name] == gone for name in ("record_id", "bound_id")]
    mine += [(enrollments.c[name] == stays) & IS_ACTIVE for name in ("record_id", "bound_id")]
    named = select(enrollments.c.id, enrollments.c.status).where(or_(*mine)).order_by(enrollments.c.id)
    rows = await tx.all(named.with_for_update(key_share=True))
    inside = await lock_enrollments(tx, [row["id"] for row in rows if row["status"] != "ended"])
    # Ids sort by creation.
    return [inside[id] for id in sorted(inside)]


async def lock_enrollment(tx: Tx, seen: Enrollment) -> Enrollment | None:
    """Lock an enrollment this transaction has read already; as it is now, None when it is gone."""
    if tx.dialect == "sqlite":
        return seen  # The writer is alone: what it read is still so.
    return (await lock_enrollments(tx, [seen.id])).get(seen.id)


async def lock_inside(tx: Tx, seen: Collection[Enrollment]) -> dict[str, Enrollment]:
    """Lock enrollments behind their records, which are shared; as they are now.

    One that goes on under another record since it was ``seen``, as its own was merged into that, is absent like one
    that is gone: its record is not locked.
    """
    records = await lock_records(tx, {id for each in seen for id in each.record_ids}, write=False)
    found = await lock_enrollments(tx, [each.id for each in seen])
    return {id: now for id, now in found.items() if records.keys() >= set(now.record_ids)}


async def lock_effect(tx: Tx, key: str) -> RowMapping | None:
    """Lock a row of the ledger; None when the effect was never claimed."""
    return await tx.one(EFFECT, key=key)


async def lock_sweep(tx: Tx, name: str) -> bool:
    """Lock the row of a sweep, before any record; False when it was never begun."""
    return await tx.one(SWEEP, name=name) is not None


async def lock_lists(tx: Tx, ids: Iterable[str], *, write: bool) -> list[RecordList]:
    """Lock lists, after the records, and return them as they are now, by id; one that is gone is absent.

    Shared by whoever writes members, so that nobody changes the condition meanwhile.
    """
    mine = select(lists).where(lists.c.id.in_(sorted(set(ids)))).order_by(lists.c.id)
    return [list_of(row) for row in await tx.all(mine.with_for_update(read=not write))]


async def lock_email(tx: Tx, slug: str) -> RowMapping | None:
    """Lock a reusable email for writing and return it as it is now; None when there is none."""
    return await tx.one(EMAIL, slug=slug)


async def lock_rotation(tx: Tx, workflow_id: str, step: str, *, now: datetime) -> Rotation:
    """Lock the rotation of a step, after the records, and return it as it is now; made where there is none."""
    row = {"workflow_id": workflow_id, "step": step, "owed": {}, "updated_at": now}
    found = await tx.one(ROTATION[tx.dialect], **row)
    assert found is not None, "an upsert returns its row"
    return Rotation(owed=found["owed"], weights=found["weights"] or {})


async def lock_address(tx: Tx, address: str, *, write: bool) -> None:
    """Lock an address or number, whoever's it is, after the rows: to keep messages from it, or to claim one for it.

    Who claims shares it, so claims do not wait for each other. It need not be known: there is no row to lock.
    """
    if tx.dialect == "postgresql":
        await tx.scalar(KEPT_ADDRESS if write else USED_ADDRESS, space=ADDRESSES, address=address.lower())


async def lock_schema(tx: Tx) -> None:
    """Make everybody else wait who alters what definitions name, or publishes one, until this transaction ends."""
    await tx.all(select(account.c.id).with_for_update(key_share=True))


async def lock_thread(tx: Tx, id: str) -> None:
    """Lock a thread, behind the records it is about."""
    await tx.all(THREAD, id=id)
