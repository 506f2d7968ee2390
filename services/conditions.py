"""Reads a condition that stands alone, outside any definition: of a search, of a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.base import Json
from domain.catalogue import Catalogue
from domain.conditions import Condition
from domain.errors import Invalid
from domain.operators import ConditionNotAvailable
from domain.problems import FieldError
from domain.schema import Schema
from domain.triggers import FilterTrigger
from domain.validation import examine
from store.comparisons import NotCompilable
from store.segments import Clause
from store.segments import compile as as_sql

_PLACE = "/entry/triggers/0/where"


def read_condition(where: Json, object: str, catalogue: Catalogue) -> Condition:
    """The condition, examined as the filter of a workflow would be, so that both say the same about a mistake.

    Raises:
        Invalid: the condition has mistakes, each with its path under ``/where``.
    """
    trigger: Json = {"id": "t1", "on": "filter", "where": where}
    document: Json = {
        "slug": "search", "name": "search", "object": object, "type": "standard", "entry": {"triggers": [trigger]},
        "steps": [{"id": "end", "kind": "end"}],
    }  # fmt: skip
    examined = examine(document, catalogue)
    problems = [
        FieldError(path="/where" + problem.path.removeprefix(_PLACE), code=problem.code, message=problem.message)
        for problem in examined.problems
        if problem.path.startswith(_PLACE)
    ]
    if problems:
        raise not_askable(problems)
    if examined.definition is None:
        # Too deep to be read at all: that is told of the document around it.
        raise not_askable([FieldError(path="/where", code=p.code, message=p.message) for p in examined.problems])
    trigger_read = examined.definition.entry.triggers[0]
    assert isinstance(trigger_read, FilterTrigger)
    return trigger_read.where


def as_clause(condition: Condition, *, object: str, schema: Schema, zone: str, now: datetime) -> Clause:
    """The condition as SQL over records of ``object``.

    Raises:
        Invalid: no database can answer it.
    """
    try:
        return as_sql(condition, schema=schema, object=object, now=now, zone=zone)
    except (NotCompilable, ConditionNotAvailable) as error:
        raise not_askable([FieldError(path="/where", code="not_available", message=str(error))]) from None


def not_askable(problems: Sequence[FieldError]) -> Invalid:
    """The refusal of a condition with these mistakes."""
    return Invalid("the condition cannot be asked", errors=problems)
