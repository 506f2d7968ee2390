"""Finds the records of an object that satisfy a condition, in pages."""

from __future__ import annotations

from datetime import datetime

from domain.base import Json
from domain.errors import NotFound
from domain.records import StoredRecord
from services.catalogue import load_catalogue
from services.conditions import as_clause, read_condition
from services.installation import Installation
from store.database import Read
from store.records import page_records
from store.schema import load_account, load_schema


async def find_records(
    read: Read, inst: Installation, object: str, where: Json, *, now: datetime, after: str | None, limit: int
) -> list[StoredRecord]:
    """Up to ``limit`` records after the id ``after``, in order of creation; ``where`` None: all of the object.

    Raises:
        NotFound: there is no such object type.
        Invalid: the condition has mistakes, each with its path under ``/where``.
    """
    schema = await load_schema(read)
    if schema.object(object) is None:
        raise NotFound(f"there is no object type {object}", code="unknown_object")
    if where is None:
        return await page_records(read, object, after=after, limit=limit)
    condition = read_condition(where, object, await load_catalogue(read, inst))
    zone = (await load_account(read)).timezone
    clause = as_clause(condition, object=object, schema=schema, zone=zone, now=now)
    return await page_records(read, object, where=clause, after=after, limit=limit)
