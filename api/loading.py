"""Things a path or body names, loaded or 404."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import RowMapping

from api.deps import Caller
from domain.errors import NotFound
from domain.records import StoredRecord
from domain.schema import ObjectType, PropertyType, Schema
from store.database import Read
from store.listing import show_enrollment
from store.records import get_record, get_records
from store.workflows import GONE, find_workflow, get_workflow


async def record_or_404(read: Read, object: str, record_id: str) -> StoredRecord:
    """The record of this object with this id."""
    found = await get_record(read, record_id)
    if found is None or found.object != object:
        raise NotFound(f"there is no {object} {record_id}")
    return found


def object_or_404(schema: Schema, object: str) -> ObjectType:
    """The object type of this name."""
    found = schema.object(object)
    if found is None:
        raise NotFound(f"there is no object type {object}")
    return found


def typed(schema: Schema, object: str, property: str, written: str) -> str | int | float:
    """A value from an address, as its property holds it: numbers as numbers, all else as text."""
    definition = schema.property(object, property)
    if definition is None or definition.type is not PropertyType.NUMBER:
        return written
    try:
        number = float(written)
    except ValueError:
        return written
    return int(number) if number.is_integer() else number


async def workflow_or_404(read: Read, slug: str) -> RowMapping:
    """The workflow of this slug."""
    found = await find_workflow(read, slug)
    if found is None:
        raise NotFound(f"there is no workflow {slug}")
    return found


async def filter_or_404(read: Read, slug: str | None) -> None:
    """Refuse a list that is narrowed to a workflow nobody ever made: an empty page would hide the misspelling."""
    if slug is None:
        return
    # What a deleted workflow left behind is listed under a slug of its own, and is found by it.
    gone = await get_workflow(read, slug.removeprefix(GONE)) if slug.startswith(GONE) else None
    if gone is None or gone["slug"] != slug:
        await workflow_or_404(read, slug)


async def names_of(read: Read, caller: Caller, rows: Iterable[RowMapping]) -> dict[str, str]:
    """What the enrolled and bound records of these enrollments are called, by id, in one query.

    Nothing for a key that may not read records: names are what they hold.
    """
    if "records:read" not in caller.scopes:
        return {}
    ids = {row[column] for row in rows for column in ("record_id", "bound_id")} - {None}
    return {found.id: found.display_name for found in await get_records(read, ids) if found.display_name is not None}


async def enrollment_or_404(read: Read, enrollment_id: str) -> RowMapping:
    """The enrollment of this id, with its workflow's ``slug``."""
    found = await show_enrollment(read, enrollment_id)
    if found is None:
        raise NotFound(f"there is no enrollment {enrollment_id}")
    return found
