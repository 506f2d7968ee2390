"""Loads what happened to records as conditions read it: events, memberships of lists, passages through workflows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, bindparam, exists, func, literal, select

from domain.facts import EVENTS_PER_NAME, EventFacts, WorkflowStatus
from domain.names import workflow_key
from store.database import Read, portions
from store.tables import (
    enrollments,
    events,
    goals_reached,
    interests,
    list_interests,
    list_members,
    lists,
    workflows,
)

EVENT_COLUMNS = (
    events.c.id, events.c.name, events.c.record_id, events.c.properties, events.c.occurred_at, events.c.seq,
    events.c.step, events.c.enrollment_id,
)  # fmt: skip

EVENTS_AT_ONCE = 20_000
"""Events of a name read by one question about many records: first the newest of each, then the second newest."""

REACHED = exists().where(goals_reached.c.enrollment_id == enrollments.c.id)
"""Whether an enrollment reached a goal, be it one that it went on from."""


_PASSAGE = (workflows.c.slug, enrollments.c.id, enrollments.c.status, enrollments.c.end_reason)


def event_of(row: RowMapping) -> EventFacts:
    """The event of a row that holds ``EVENT_COLUMNS``."""
    return EventFacts(**{column.name: row[column.name] for column in EVENT_COLUMNS})


async def load_event(read: Read, event_id: str) -> EventFacts | None:
    """One event; None when there is none of this id (any more)."""
    row = await read.one(select(*EVENT_COLUMNS).where(events.c.id == event_id))
    return event_of(row) if row else None


async def load_events(
    read: Read, record_ids: Collection[str], names: Collection[str]
) -> dict[str, tuple[EventFacts, ...]]:
    """Events of these records by name, newest first, up to ``EVENTS_PER_NAME`` of each record as long as they are not
    more than ``EVENTS_AT_ONCE``; every asked name has an entry.
    """
    found: dict[str, tuple[EventFacts, ...]] = {}
    for name in sorted(names):
        rows: list[RowMapping] = []
        for portion in portions(sorted(record_ids)):
            rows += await read.all(_newest(portion, name))
        found[name] = tuple(event_of(row) for row in sorted(rows, key=lambda row: int(row["seq"]), reverse=True))
    return found


async def events_since(
    read: Read, record_ids: Collection[str], names: Collection[str], *, since: datetime
) -> frozenset[str]:
    """The ids of the events of these names that were received behind an instant."""
    found: set[str] = set()
    for portion in portions(sorted(record_ids)) if names else ():
        mine = (events.c.record_id.in_(portion), events.c.name.in_(sorted(names)), events.c.received_at > since)
        found |= {row["id"] for row in await read.all(select(events.c.id).where(*mine))}
    return frozenset(found)


async def newest_events(read: Read, record_ids: Collection[str], name: str, *, limit: int) -> list[EventFacts]:
    """Up to ``limit`` events of a name, the newest of all these records together."""
    rows: list[RowMapping] = []
    for portion in portions(sorted(record_ids)):
        mine = select(*EVENT_COLUMNS).where(events.c.record_id.in_(portion), events.c.name == name)
        rows += await read.all(mine.order_by(events.c.seq.desc()).limit(limit))
    return [event_of(row) for row in sorted(rows, key=lambda row: int(row["seq"]), reverse=True)[:limit]]


def _newest(record_ids: Sequence[str], name: str) -> Select[Any]:
    mine = select(*EVENT_COLUMNS).where(events.c.record_id.in_(record_ids), events.c.name == name)
    if len(record_ids) == 1:
        return mine.order_by(events.c.seq.desc()).limit(EVENTS_PER_NAME)
    # Of each: a busy record must not crowd out what happened to the others.
    place = func.row_number().over(partition_by=events.c.record_id, order_by=events.c.seq.desc())
    placed = mine.add_columns(place.label("place")).subquery()
    columns = [placed.c[column.name] for column in EVENT_COLUMNS]
    found = select(*columns).where(placed.c.place <= EVENTS_PER_NAME)
    return found.order_by(placed.c.place, placed.c.seq.desc()).limit(EVENTS_AT_ONCE)


async def load_memberships(read: Read, record_ids: Collection[str]) -> dict[str, frozenset[str]]:
    """The slugs of the lists these records are members of; every record has an entry."""
    found: dict[str, set[str]] = {record_id: set() for record_id in record_ids}
    members = select(list_members.c.record_id, lists.c.slug).join(lists, lists.c.id == list_members.c.list_id)
    for portion in portions(sorted(found)):
        for row in await read.all(members.where(list_members.c.record_id.in_(portion))):
            found[row["record_id"]].add(row["slug"])
    return {record_id: frozenset(slugs) for record_id, slugs in found.items()}


async def event_names(read: Read, record_id: str) -> list[str]:
    """The names of everything that happened to a record, in alphabetical order."""
    found = select(events.c.name).where(events.c.record_id == record_id).distinct().order_by(events.c.name)
    return [row["name"] for row in await read.all(found)]


async def workflows_of(read: Read, record_ids: Collection[str]) -> list[str]:
    """The slugs of workflows these records are or were in, in alphabetical order."""
    found = select(workflows.c.slug).join(enrollments, enrollments.c.workflow_id == workflows.c.id)
    found = found.where(enrollments.c.record_id.in_(sorted(record_ids))).distinct().order_by(workflows.c.slug)
    return [row["slug"] for row in await read.all(found)]


async def load_statuses(
    read: Read, record_id: str, slugs: Collection[str], *, without: str | None = None
) -> dict[str, frozenset[WorkflowStatus]]:
    """What a record did in these workflows, by slug; every asked one has an entry.

    ``without``: an enrollment that is left out.
    """
    found: dict[str, set[WorkflowStatus]] = {slug: set() for slug in slugs}
    if not found:
        return {}
    rows = await read.all(
        select(
            enrollments.c.id, workflows.c.slug, enrollments.c.status, enrollments.c.end_reason, REACHED.label("reached")
        )
        .join(workflows, workflows.c.id == enrollments.c.workflow_id)
        .where(enrollments.c.record_id == record_id, workflows.c.slug.in_(sorted(found)))
    )
    for row in rows:
        if row["id"] != without:
            found[row["slug"]] |= _statuses(row)
    return {slug: frozenset(statuses) for slug, statuses in found.items()}


def _statuses(row: RowMapping) -> set[WorkflowStatus]:
    statuses: set[WorkflowStatus] = {"enrolled"}
    if row["status"] != "ended":
        statuses.add("active")
    elif row["end_reason"] == "completed":
        statuses.add("completed")
    if row["reached"] or row["end_reason"] == "goal":
        statuses.add("met_goal")
    return statuses


_KEY = literal(workflow_key("")).concat(workflows.c.slug)
READ_SLUG = select(workflows.c.slug).where(
    workflows.c.id == bindparam("workflow_id"),
    exists().where(interests.c.key == _KEY) | exists().where(list_interests.c.key == _KEY),
)


async def read_slug(read: Read, workflow_id: str) -> str | None:
    """The slug of a workflow, if any trigger, enrollment or list reads what records do in it."""
    slug: str | None = await read.scalar(READ_SLUG, workflow_id=workflow_id)
    return slug
