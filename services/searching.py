"""Finds the records of an object that satisfy a condition, in pages."""

from __future__ import annotations

from datetime import datetime

from domain.base import Json
from domain.conditions import Condition
from domain.errors import Invalid, NotFound
from domain.operators import ConditionNotAvailable
from domain.problems import FieldError
from domain.records import StoredRecord
from domain.triggers import FilterTrigger
from domain.validation import examine
from services.catalogue import load_catalogue
from services.installation import Installation
from store.comparisons import NotCompilable
from store.database import Read
from store.records import page_records
from store.schema import load_account, load_schema
from store.segments import compile as as_sql

_PLACE = "/entry/triggers/0/where"


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
    condition = await _read_condition(read, inst, object, where)
    account = await load_account(read)
    try:
        clause = as_sql(condition, schema=schema, object=object, now=now, zone=account.timezone)
    except (NotCompilable, ConditionNotAvailable) as error:
        raise _invalid([FieldError(path="/where", code="not_available", message=str(error))]) from None
    return await page_records(read, object, where=clause, after=after, limit=limit)


async def _read_condition(read: Read, inst: Installation, object: str, where: Json) -> Condition:
    """The condition, examined as the filter of a workflow would be, so that both say the same about a mistake."""
    trigger: Json = {"id": "t1", "on": "filter", "where": where}
    document: Json = {
        "slug": "search", "name": "search", "object": object, "type": "standard", "entry": {"triggers": [trigger]},
        "steps": [{"id": "end", "kind": "end"}],
    }  # fmt: skip
    examined = examine(document, await load_catalogue(read, inst))
    problems = [
        FieldError(path="/where" + problem.path.removeprefix(_PLACE), code=problem.code, message=problem.message)
        for problem in examined.problems
        if problem.path.startswith(_PLACE)
    ]
    if problems or examined.definition is None:
        raise _invalid(problems)
    trigger_read = examined.definition.entry.triggers[0]
    assert isinstance(trigger_read, FilterTrigger)
    return trigger_read.where


def _invalid(problems: list[FieldError]) -> Invalid:
    return Invalid("the condition cannot be asked", errors=problems)
