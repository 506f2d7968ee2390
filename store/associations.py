"""Rows of associations: two for each, one per direction, so that every question is asked in one way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select, update

from domain.base import Frozen, Instant
from domain.records import StoredRecord
from store.database import Read, Tx
from store.tables import associations, records


class Association(Frozen):
    """One direction of an association, as the record ``record_id`` sees it."""

    record_id: str
    other_id: str
    other_object: str
    label: str | None
    created_at: Instant


_COLUMNS = [associations.c[name] for name in Association.model_fields]


async def find_association(read: Read, record_id: str, other_id: str) -> Association | None:
    """The association between two records, or None."""
    row = await read.one(
        select(*_COLUMNS).where(associations.c.record_id == record_id, associations.c.other_id == other_id)
    )
    return Association(**row) if row else None


async def list_associations(
    read: Read, record_ids: Iterable[str], *, other_object: str | None = None
) -> dict[str, list[Association]]:
    """The associations of each record, oldest first; those with deleted records are left out."""
    wanted = sorted(set(record_ids))
    joined = associations.join(records, records.c.id == associations.c.other_id)
    page = select(*_COLUMNS).select_from(joined)
    page = page.where(associations.c.record_id.in_(wanted), records.c.deleted_at.is_(None))
    if other_object is not None:
        page = page.where(associations.c.other_object == other_object)
    found: dict[str, list[Association]] = {id: [] for id in wanted}
    for row in await read.all(page.order_by(associations.c.created_at, associations.c.other_id)):
        found[row["record_id"]].append(Association(**row))
    return found


async def are_associated(read: Read, one: str, other: str) -> bool:
    """Whether two records are associated, under any label."""
    return await find_association(read, one, other) is not None


async def associated_among(read: Read, record_id: str, other_ids: Iterable[str]) -> frozenset[str]:
    """Those of the others that are associated with the record, under any label."""
    found = select(associations.c.other_id).where(associations.c.record_id == record_id)
    rows = await read.all(found.where(associations.c.other_id.in_(sorted(other_ids))))
    return frozenset(row["other_id"] for row in rows)


async def associated_ids(
    read: Read,
    record_id: str,
    other_object: str,
    *,
    label: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[str]:
    """Ids of associated, not deleted records of one object, ascending, after the id ``after``; all without a limit.

    ``label`` None: whatever the label.
    """
    joined = associations.join(records, records.c.id == associations.c.other_id)
    page = select(associations.c.other_id).select_from(joined)
    page = page.where(associations.c.record_id == record_id, associations.c.other_object == other_object)
    page = page.where(records.c.deleted_at.is_(None))
    if label is not None:
        page = page.where(associations.c.label == label)
    if after is not None:
        page = page.where(associations.c.other_id > after)
    return [row["other_id"] for row in await read.all(page.order_by(associations.c.other_id).limit(limit))]


async def insert_pair(tx: Tx, one: StoredRecord, other: StoredRecord, *, label: str | None, now: datetime) -> bool:
    """Write both directions; False when the two are associated already. The caller has locked both records."""
    rows = [
        {
            "record_id": a.id, "other_id": b.id, "object": a.object, "other_object": b.object,
            "label": label, "created_at": now,
        }
        for a, b in ((one, other), (other, one))
    ]  # fmt: skip
    return await tx.insert_ignore(associations, rows) > 0


async def relabel_pair(tx: Tx, record_id: str, other_id: str, label: str | None) -> None:
    """Give both directions another label."""
    await tx.run(update(associations).where(_pair(record_id, other_id)).values(label=label))


async def delete_pair(tx: Tx, record_id: str, other_id: str) -> bool:
    """Remove both directions; False when there was no association."""
    return await tx.run(delete(associations).where(_pair(record_id, other_id))) > 0


def _pair(one: str, other: str) -> ColumnElement[bool]:
    there = (associations.c.record_id == one) & (associations.c.other_id == other)
    back = (associations.c.record_id == other) & (associations.c.other_id == one)
    return or_(there, back)
