"""Many records, unique values and associations at a time: one statement where ``store.records`` takes one for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import bindparam, insert, select, update

from domain.records import StoredRecord
from store.database import Read, Tx
from store.tables import associations, records, unique_values, users

_REPLACE = (
    update(records)
    .where(records.c.id == bindparam("record_id"))
    .values(
        properties=bindparam("new_properties"), version=bindparam("new_version"), updated_at=bindparam("new_updated_at")
    )
)


async def holders(read: Read, object: str, values: Mapping[str, Collection[str]]) -> dict[tuple[str, str], str]:
    """Who holds which unique value: ``{(property, unique form): record id}`` for those of ``values`` that are taken."""
    found: dict[tuple[str, str], str] = {}
    for property, forms in values.items():
        if not forms:
            continue
        mine = (unique_values.c.object == object, unique_values.c.property == property)
        held = select(unique_values.c.value, unique_values.c.record_id).where(*mine)
        rows = await read.all(held.where(unique_values.c.value.in_(sorted(forms))))
        found |= {(property, row["value"]): row["record_id"] for row in rows}
    return found


async def users_by(read: Read, property: Literal["name", "email"], texts: Collection[str]) -> dict[str, list[str]]:
    """The ids of the users with these names or (lower case) addresses; several may share a name."""
    column = users.c.name if property == "name" else users.c.email
    found: dict[str, list[str]] = {}
    if texts:
        for row in await read.all(select(users.c.id, column.label("text")).where(column.in_(sorted(texts)))):
            found.setdefault(row["text"], []).append(row["id"])
    return found


async def labels_between(read: Read, record_ids: Collection[str]) -> dict[tuple[str, str], str | None]:
    """The associations of records as ``{(record id, other id): label}``."""
    if not record_ids:
        return {}
    mine = select(associations.c.record_id, associations.c.other_id, associations.c.label)
    rows = await read.all(mine.where(associations.c.record_id.in_(sorted(record_ids))))
    return {(row["record_id"], row["other_id"]): row["label"] for row in rows}


async def insert_records(tx: Tx, new: Sequence[StoredRecord]) -> None:
    """Write new records."""
    await tx.run(insert(records), [record.model_dump() for record in new])


async def replace_records(tx: Tx, changed: Iterable[StoredRecord]) -> None:
    """Write records over themselves; the caller holds their locks."""
    rows = [
        {
            "record_id": record.id, "new_properties": record.properties, "new_version": record.version,
            "new_updated_at": record.updated_at,
        }
        for record in changed
    ]  # fmt: skip
    await tx.run(_REPLACE, rows)


async def insert_unique_values(tx: Tx, taken: Iterable[tuple[StoredRecord, Mapping[str, str]]]) -> None:
    """Take ``{property: unique form}`` for each record.

    Raises:
        sqlalchemy.exc.IntegrityError: somebody took one since ``holders`` was asked; asking again tells who.
    """
    rows = [
        {"object": record.object, "property": property, "value": value, "record_id": record.id}
        for record, values in taken
        for property, value in values.items()
    ]
    # In one order everywhere, so that two writers of the same values wait for, not on, each other.
    await tx.run(insert(unique_values), sorted(rows, key=lambda row: (row["property"], row["value"])))


async def insert_pairs(
    tx: Tx, pairs: Iterable[tuple[StoredRecord, StoredRecord, str | None]], *, now: datetime
) -> None:
    """Write both directions of new associations with their labels; the caller has locked all records."""
    rows = [
        {
            "record_id": a.id, "other_id": b.id, "object": a.object, "other_object": b.object,
            "label": label, "created_at": now,
        }
        for one, other, label in pairs
        for a, b in ((one, other), (other, one))
    ]  # fmt: skip
    await tx.run(insert(associations), rows)
