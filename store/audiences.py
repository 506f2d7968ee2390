"""Who a job on many records is about, as clauses over the records table, gone through in order of creation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select

from store.database import Read
from store.enrollments import IS_ACTIVE
from store.tables import enrollments, list_members, records

Audience: TypeAlias = ColumnElement[bool]


def all_of(object: str, where: ColumnElement[bool]) -> Audience:
    """The records of an object that satisfy ``where``."""
    return and_(records.c.object == object, where)


def any_of(audiences: Sequence[Audience]) -> Audience:
    """Whoever is in one of them; nobody when there is none."""
    return or_(false(), *audiences)


def any_by_object(wheres: Mapping[str, Sequence[ColumnElement[bool]]]) -> Audience:
    """The records that satisfy one of the clauses for their object; nobody when there is none.

    Each object is named once: SQLite would look up all of its records anew for every clause, on every page.
    """
    return any_of([all_of(object, any_of(clauses)) for object, clauses in wheres.items()])


def members_of(list_id: str) -> ColumnElement[bool]:
    """Being a member of a list."""
    return exists().where(list_members.c.list_id == list_id, list_members.c.record_id == records.c.id)


def inside_of(workflow_id: str, at: datetime) -> ColumnElement[bool]:
    """Being inside a workflow since before an instant."""
    return exists().where(
        enrollments.c.record_id == records.c.id,
        enrollments.c.workflow_id == workflow_id,
        enrollments.c.started_at <= at,
        IS_ACTIVE,
    )


async def page_audience(
    read: Read, audience: Audience, *, until: datetime, after: str, again: bool = False, limit: int
) -> list[tuple[str, str]]:
    """Ids and objects of up to ``limit`` records after the id ``after`` that were there at ``until``.

    ``again``: the record ``after`` itself as well, if it is still in the audience.
    """
    page = select(records.c.id, records.c.object).where(_there(audience, until))
    page = page.where(records.c.id >= after if again else records.c.id > after)
    return [(row["id"], row["object"]) for row in await read.all(page.order_by(records.c.id).limit(limit))]


async def count_audience(read: Read, audience: Audience, *, until: datetime) -> int:
    """How many records there are in it."""
    return int(await read.scalar(select(func.count()).select_from(records).where(_there(audience, until))))


def _there(audience: Audience, until: datetime) -> ColumnElement[bool]:
    # Whoever is created meanwhile is not of this audience; without a bound a job might never come to its end.
    return and_(records.c.deleted_at.is_(None), records.c.created_at <= until, audience)
