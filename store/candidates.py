"""Who may care about a change: lookups in the candidate index, never a scan of workflows or enrollments."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, bindparam, select

from domain.base import Frozen
from domain.enrollments import Enrollment
from store.database import Read
from store.enrollments import IS_ACTIVE, enrollment_of
from store.tables import associations, enrollments, interests, workflows

NO_CONTACT = associations.c.object != "contact"
"""Only contacts have something bound, so through what is bound to them they are told of no other contact."""


class TriggerRef(Frozen):
    """A trigger of a workflow that is on, at its current version."""

    workflow_id: str
    version: int
    trigger: str


def _reading(who: ColumnElement[bool]) -> Select[Any]:
    linked = select(associations.c.other_id).where(associations.c.record_id == bindparam("record_id"))
    return (
        select(enrollments)
        .where(
            who,
            enrollments.c.id > bindparam("after"),
            (enrollments.c.record_id == bindparam("record_id"))
            | (enrollments.c.bound_id == bindparam("record_id"))
            | enrollments.c.record_id.in_(linked)
            | enrollments.c.bound_id.in_(linked.where(NO_CONTACT)),
            select(interests.c.id)
            .where(
                interests.c.workflow_id == enrollments.c.workflow_id,
                interests.c.version == enrollments.c.version,
                interests.c.trigger.is_(None),
                interests.c.key.in_(bindparam("keys", expanding=True)),
            )
            .exists(),
        )
        .order_by(enrollments.c.id)
        .limit(bindparam("limit"))
    )


ACTIVE_READING = _reading(IS_ACTIVE)
COMPLETED_READING = _reading(enrollments.c.end_reason == "completed")


async def triggers_reading(read: Read, keys: Collection[str]) -> list[TriggerRef]:
    """Triggers of workflows that are on and read any of these keys; sorted, each once."""
    columns = (interests.c.workflow_id, interests.c.version, interests.c.trigger)
    rows = await read.all(_live_interests(*columns, keys=keys).order_by(interests.c.workflow_id, interests.c.trigger))
    return [TriggerRef(workflow_id=r["workflow_id"], version=r["version"], trigger=r["trigger"]) for r in rows]


async def triggered_keys(read: Read, keys: Collection[str]) -> set[str]:
    """Which of these keys any trigger of a workflow that is on reads."""
    return {row["key"] for row in await read.all(_live_interests(interests.c.key, keys=keys))}


async def keys_of_runs(read: Read, keys: Collection[str]) -> set[str]:
    """Which of these keys any version reads for whoever is in it."""
    read_by_runs = select(interests.c.key).where(interests.c.key.in_(list(keys)), interests.c.trigger.is_(None))
    return {row["key"] for row in await read.all(read_by_runs.distinct())}


def _live_interests(*columns: Column[Any], keys: Collection[str]) -> Select[Any]:
    return (
        select(*columns)
        .join(workflows, (workflows.c.id == interests.c.workflow_id) & (workflows.c.version == interests.c.version))
        .where(interests.c.key.in_(list(keys)), interests.c.trigger.is_not(None), workflows.c.is_on.is_(True))
        .distinct()
    )


async def inside_near(read: Read, record_ids: Collection[str]) -> set[str]:
    """Which of these records are enrolled, bound, or associated with a record that is."""
    ids = list(record_ids)
    own = await read.all(
        select(enrollments.c.record_id, enrollments.c.bound_id).where(
            IS_ACTIVE, enrollments.c.record_id.in_(ids) | enrollments.c.bound_id.in_(ids)
        )
    )
    direct = {row["record_id"] for row in own} | {row["bound_id"] for row in own if row["bound_id"]}
    found = direct & set(ids)
    # Two questions, each with an index of its own: one with an "or" would be answered by reading every enrollment.
    for is_linked in (
        enrollments.c.record_id == associations.c.other_id,
        (enrollments.c.bound_id == associations.c.other_id) & NO_CONTACT,
    ):
        near = select(associations.c.record_id).join(enrollments, is_linked)
        rows = await read.all(near.where(IS_ACTIVE, associations.c.record_id.in_(ids)).distinct())
        found |= {row["record_id"] for row in rows}
    return found


async def enrollments_reading(
    read: Read, record_id: str, keys: Collection[str], *, after: str, limit: int
) -> list[Enrollment]:
    """Active enrollments of this or an associated record, or bound to one of them, whose version reads a key.

    Up to ``limit``, by ascending id after ``after``.
    """
    rows = await read.all(ACTIVE_READING, record_id=record_id, keys=list(keys), after=after, limit=limit)
    return [enrollment_of(row) for row in rows]


async def completed_reading(
    read: Read, record_id: str, keys: Collection[str], *, after: str, limit: int
) -> list[Enrollment]:
    """As ``enrollments_reading``, but those that went through to the end."""
    rows = await read.all(COMPLETED_READING, record_id=record_id, keys=list(keys), after=after, limit=limit)
    return [enrollment_of(row) for row in rows]
