"""Rows of records and of the values that must be unique among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import ColumnElement, RowMapping, Text, bindparam, delete, func, insert, literal, select, update

from domain.records import StoredRecord
from store.database import Read, Tx
from store.documents import TextOf
from store.tables import records, unique_values

COLUMNS = (
    records.c.id, records.c.object, records.c.properties, records.c.version,
    records.c.created_at, records.c.updated_at, records.c.deleted_at,
)  # fmt: skip

IDS_PER_QUERY = 1000

_LIVE = select(*COLUMNS).where(records.c.deleted_at.is_(None))
ONE = _LIVE.where(records.c.id == bindparam("id"))
SEVERAL = _LIVE.where(records.c.id.in_(bindparam("ids", expanding=True)))


def stored(row: RowMapping) -> StoredRecord:
    """The record of a row that holds ``COLUMNS``."""
    return StoredRecord(**{column.name: row[column.name] for column in COLUMNS})


async def get_record(read: Read, id: str) -> StoredRecord | None:
    """The record, or None when it does not exist or is deleted."""
    row = await read.one(ONE, id=id)
    return stored(row) if row else None


async def get_record_ever(read: Read, id: str) -> StoredRecord | None:
    """The record, also when it is deleted; None when there never was one."""
    row = await read.one(select(*COLUMNS).where(records.c.id == id))
    return stored(row) if row else None


async def get_records(read: Read, ids: Iterable[str]) -> list[StoredRecord]:
    """Those of the records that exist and are not deleted, in order of id."""
    wanted = sorted(set(ids))
    found: list[StoredRecord] = []
    for start in range(0, len(wanted), IDS_PER_QUERY):
        page = wanted[start : start + IDS_PER_QUERY]
        rows = await read.all(SEVERAL, ids=page)
        found += sorted((stored(row) for row in rows), key=lambda record: record.id)
    return found


async def find_by_unique(read: Read, object: str, property: str, value: str) -> StoredRecord | None:
    """The record that holds a unique value, or None; ``value`` in the form of ``domain.values.unique_form``."""
    holds = (unique_values.c.object == object, unique_values.c.property == property, unique_values.c.value == value)
    joined = records.join(unique_values, unique_values.c.record_id == records.c.id)
    row = await read.one(select(*COLUMNS).select_from(joined).where(*holds, records.c.deleted_at.is_(None)))
    return stored(row) if row else None


async def page_records(
    read: Read, object: str, *, where: ColumnElement[bool] | None = None, after: str | None = None, limit: int
) -> list[StoredRecord]:
    """Up to ``limit`` records of an object in order of creation, after the id ``after``, that satisfy ``where``."""
    page = select(*COLUMNS).where(records.c.object == object, records.c.deleted_at.is_(None))
    if where is not None:
        page = page.where(where)
    if after is not None:
        page = page.where(records.c.id > after)
    return [stored(row) for row in await read.all(page.order_by(records.c.id).limit(limit))]


async def insert_record(tx: Tx, record: StoredRecord) -> None:
    """Write a new record."""
    await tx.run(insert(records).values(**record.model_dump()))


async def replace_record(tx: Tx, record: StoredRecord) -> None:
    """Write a record over itself; the caller holds its lock."""
    values = record.model_dump(include={"properties", "version", "updated_at", "deleted_at"})
    await tx.run(update(records).where(records.c.id == record.id).values(**values))


async def claim_unique_values(tx: Tx, record: StoredRecord, values: Mapping[str, str]) -> str | None:
    """Take ``{property: unique form}`` for a record; the first property whose value another record holds, or None.

    Values are taken in order of property, so that two writers of the same values wait for, not on, each other.
    """
    for property, value in sorted(values.items()):
        row = {"object": record.object, "property": property, "value": value, "record_id": record.id}
        if not await tx.insert_ignore(unique_values, [row]):
            return property
    return None


async def free_unique_values(tx: Tx, record: StoredRecord, properties: Collection[str] | None = None) -> None:
    """Give up what a record holds of these unique properties (None: of all)."""
    mine = delete(unique_values).where(unique_values.c.record_id == record.id)
    if properties is not None:
        mine = mine.where(unique_values.c.property.in_(sorted(properties)))
    await tx.run(mine)


async def count_with(read: Read, object: str, property: str) -> int:
    """How many records, deleted ones not counted, have a value of a property."""
    value = TextOf(records.c.properties, literal(property, Text()))
    found = select(func.count()).where(records.c.object == object, records.c.deleted_at.is_(None), value.is_not(None))
    return int(await read.scalar(found) or 0)
