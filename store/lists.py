"""Rows of lists, their members, and the candidate index by which a change finds the dynamic ones it may concern."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, delete, exists, func, insert, select, update

from domain.lists import RecordList
from domain.records import StoredRecord
from store.database import Read, Tx
from store.enrollments import IS_ACTIVE
from store.records import COLUMNS, stored
from store.tables import changes, enrollments, interests, list_interests, list_members, lists, records, workflows

_LIST = tuple(lists.c[name] for name in RecordList.model_fields)


def list_of(row: RowMapping) -> RecordList:
    """The list of a complete row."""
    return RecordList(**{name: row[name] for name in RecordList.model_fields})


async def find_list(read: Read, slug: str) -> RecordList | None:
    """The list of this slug."""
    row = await read.one(select(*_LIST).where(lists.c.slug == slug))
    return list_of(row) if row else None


async def get_list(read: Read, list_id: str) -> RecordList | None:
    """The list of this id."""
    row = await read.one(select(*_LIST).where(lists.c.id == list_id))
    return list_of(row) if row else None


async def page_lists(read: Read, *, object: str | None, after: str | None, limit: int) -> list[RecordList]:
    """Up to ``limit`` lists in order of creation, after the id ``after``; ``object`` None: of every type."""
    page = select(*_LIST)
    if object is not None:
        page = page.where(lists.c.object == object)
    if after is not None:
        page = page.where(lists.c.id > after)
    return [list_of(row) for row in await read.all(page.order_by(lists.c.id).limit(limit))]


async def dynamic_lists(read: Read) -> list[RecordList]:
    """Every list with a condition."""
    rows = await read.all(select(*_LIST).where(lists.c.id.in_(select(list_interests.c.list_id))).order_by(lists.c.id))
    return [list_of(row) for row in rows]


async def static_lists_of(read: Read, record_id: str) -> list[RecordList]:
    """The static lists a record is a member of, by id."""
    mine = select(*_LIST).join(list_members, list_members.c.list_id == lists.c.id)
    mine = mine.where(list_members.c.record_id == record_id, lists.c.condition.is_(None))
    return [list_of(row) for row in await read.all(mine.order_by(lists.c.id))]


async def known_lists(read: Read) -> dict[str, str]:
    """The lists a condition may name: slug -> object type of the members."""
    return {row["slug"]: row["object"] for row in await read.all(select(lists.c.slug, lists.c.object))}


async def dynamic_slugs(read: Read) -> frozenset[str]:
    """Those of them whose members follow a condition."""
    return frozenset(each.slug for each in await dynamic_lists(read))


async def insert_list(tx: Tx, new: RecordList) -> bool:
    """Write a new list; False when the slug is taken."""
    return await tx.insert_ignore(lists, [new.model_dump()]) == 1


async def replace_list(tx: Tx, changed: RecordList) -> None:
    """Write a list over itself; the caller has locked it."""
    values = changed.model_dump(include={"name", "condition", "revision", "updated_at"})
    await tx.run(update(lists).where(lists.c.id == changed.id).values(**values))


async def delete_list(tx: Tx, list_id: str) -> None:
    """Remove a list with its members; the caller has locked it."""
    await tx.run(delete(list_members).where(list_members.c.list_id == list_id))
    await tx.run(delete(list_interests).where(list_interests.c.list_id == list_id))
    await tx.run(delete(lists).where(lists.c.id == list_id))


async def replace_list_interests(tx: Tx, list_id: str, keys: Iterable[str]) -> None:
    """Index what the condition of a list reads."""
    await tx.run(delete(list_interests).where(list_interests.c.list_id == list_id))
    await tx.run(insert(list_interests), [{"list_id": list_id, "key": key} for key in sorted(set(keys))])


async def list_keys_read(read: Read, keys: Collection[str]) -> set[str]:
    """Which of these keys the condition of any list reads."""
    found = select(list_interests.c.key).where(list_interests.c.key.in_(list(keys))).distinct()
    return {row["key"] for row in await read.all(found)}


async def lists_reading(read: Read, keys: Collection[str]) -> list[RecordList]:
    """Dynamic lists whose condition reads any of these keys, by id."""
    reading = select(list_interests.c.list_id).where(list_interests.c.key.in_(list(keys)))
    rows = await read.all(select(*_LIST).where(lists.c.id.in_(reading)).order_by(lists.c.id))
    return [list_of(row) for row in rows]


async def count_members(read: Read, list_ids: Collection[str]) -> dict[str, int]:
    """How many members each list has."""
    counts = select(list_members.c.list_id, func.count().label("n")).group_by(list_members.c.list_id)
    rows = await read.all(counts.where(list_members.c.list_id.in_(sorted(list_ids))))
    return {**dict.fromkeys(list_ids, 0), **{row["list_id"]: int(row["n"]) for row in rows}}


async def being_filled(read: Read, list_ids: Collection[str]) -> set[str]:
    """Which of these lists have a condition whose members are not all written yet."""
    open_ = (changes.c.kind == "list_changed", changes.c.done_at.is_(None), changes.c.failed_at.is_(None))
    rows = await read.all(select(changes.c.record_id).where(changes.c.record_id.in_(sorted(list_ids)), *open_))
    return {row["record_id"] for row in rows}


async def last_filled(read: Read, list_id: str) -> datetime | None:
    """When filling a dynamic list was asked for last; None when that is older than the kept history."""
    asked = select(changes.c.occurred_at).where(changes.c.record_id == list_id, changes.c.kind == "list_changed")
    found: datetime | None = await read.scalar(asked.order_by(changes.c.seq.desc()).limit(1))
    return found


async def page_members(read: Read, list_id: str, *, after: str | None, limit: int) -> list[StoredRecord]:
    """Up to ``limit`` members in order of creation of the records, after the id ``after``."""
    page = select(*COLUMNS).join(list_members, list_members.c.record_id == records.c.id)
    page = page.where(list_members.c.list_id == list_id, records.c.deleted_at.is_(None))
    if after is not None:
        page = page.where(list_members.c.record_id > after)
    rows = await read.all(page.order_by(list_members.c.record_id).limit(limit))
    return [stored(row) for row in rows]


async def memberships(read: Read, list_ids: Collection[str], record_ids: Collection[str]) -> set[tuple[str, str]]:
    """Which of these records are members of which of these lists, as (list id, record id)."""
    mine = (list_members.c.list_id.in_(sorted(list_ids)), list_members.c.record_id.in_(sorted(record_ids)))
    rows = await read.all(select(list_members.c.list_id, list_members.c.record_id).where(*mine))
    return {(row["list_id"], row["record_id"]) for row in rows}


async def insert_members(tx: Tx, members: Sequence[tuple[str, str]], *, now: datetime) -> int:
    """Put records into lists, as (list id, record id); the number of those who were not in it."""
    rows = [{"list_id": list_id, "record_id": record_id, "since": now} for list_id, record_id in sorted(members)]
    return await tx.insert_ignore(list_members, rows) if rows else 0


async def delete_members(tx: Tx, list_id: str, record_ids: Collection[str]) -> int:
    """Take records out of a list; the number of those who were in it."""
    mine = (list_members.c.list_id == list_id, list_members.c.record_id.in_(sorted(record_ids)))
    return await tx.run(delete(list_members).where(*mine)) if record_ids else 0


async def forget_member(tx: Tx, record_id: str) -> None:
    """Take a record that is deleted out of every list."""
    await tx.run(delete(list_members).where(list_members.c.record_id == record_id))


async def ids_joining(
    read: Read, kept: RecordList, where: ColumnElement[bool], *, among: Collection[str] | None = None,
    after: str = "", limit: int,
) -> list[str]:  # fmt: skip
    """Up to ``limit`` records that satisfy ``where`` and are no members, by ascending id after ``after``."""
    page = select(records.c.id).where(
        records.c.object == kept.object, records.c.deleted_at.is_(None), where, ~_is_member(kept.id)
    )
    return await _ids(read, page, among=among, after=after, limit=limit)


async def ids_leaving(
    read: Read, kept: RecordList, where: ColumnElement[bool], *, among: Collection[str] | None = None,
    after: str = "", limit: int,
) -> list[str]:  # fmt: skip
    """Up to ``limit`` members that do not satisfy ``where``, by ascending id after ``after``."""
    page = select(records.c.id).where(_is_member(kept.id), records.c.deleted_at.is_(None), ~where)
    return await _ids(read, page, among=among, after=after, limit=limit)


async def workflows_using(read: Read, key: str) -> list[str]:
    """Slugs of workflows that read this key: they are on, or somebody is inside a version that does."""
    return list(dict.fromkeys(slug for slug, _, _ in await versions_using(read, key)))


async def versions_using(read: Read, key: str) -> list[tuple[str, str, int]]:
    """The same, version by version: slug and id of the workflow, and the version, in this order."""
    inside = exists().where(
        enrollments.c.workflow_id == interests.c.workflow_id, enrollments.c.version == interests.c.version, IS_ACTIVE
    )
    is_current = workflows.c.is_on.is_(True) & (interests.c.version == workflows.c.version)
    columns = (workflows.c.slug, workflows.c.id, interests.c.version)
    found = select(*columns).join(interests, interests.c.workflow_id == workflows.c.id).distinct()
    rows = await read.all(found.where(interests.c.key == key, is_current | inside).order_by(*columns))
    return [(row["slug"], row["id"], row["version"]) for row in rows]


def _is_member(list_id: str) -> ColumnElement[bool]:
    return exists().where(list_members.c.list_id == list_id, list_members.c.record_id == records.c.id)


async def _ids(read: Read, page: Select[Any], *, among: Collection[str] | None, after: str, limit: int) -> list[str]:
    if among is not None:
        page = page.where(records.c.id.in_(sorted(among)))
    rows = await read.all(page.where(records.c.id > after).order_by(records.c.id).limit(limit))
    return [row["id"] for row in rows]
