"""What happened to an enrollment and to a record, read from the tables that keep it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, String, and_, cast, collate, func, literal, or_, select
from sqlalchemy.sql.selectable import Select

from domain.base import Frozen
from store.database import Read
from store.tables import (
    changes,
    deliveries,
    effects,
    enrollments,
    entry_decisions,
    inbound_mails,
    messages,
    notifications,
    tasks,
    visits,
    workflows,
)
from store.tasks import about


class Place(Frozen):
    """Where a page of a record's timeline ended: items are ordered by instant, kind and key, newest first."""

    at: datetime
    kind: str
    key: str


class Happening(Frozen):
    """One item of a record's timeline; ``row`` is its table's, with the workflow's ``slug``."""

    place: Place
    row: dict[str, Any]


async def list_visits(read: Read, enrollment_id: str) -> list[RowMapping]:
    """The visits of an enrollment, oldest first."""
    return await read.all(
        select(visits)
        .where(visits.c.enrollment_id == enrollment_id, visits.c.turn == 0)
        .order_by(visits.c.entered_at, visits.c.n)
    )


async def list_turns(read: Read, enrollment_id: str) -> list[RowMapping]:
    """Every question the visits of an enrollment asked and the answer it got, by visit, oldest first."""
    return await read.all(
        select(visits)
        .where(visits.c.enrollment_id == enrollment_id, visits.c.answer.is_not(None))
        .order_by(visits.c.step, visits.c.n, visits.c.turn)
    )


async def find_entry(read: Read, record_id: str, enrollment_id: str) -> RowMapping | None:
    """The decision that let an enrollment of this record in; None when its history was cleared."""
    return await read.one(
        select(entry_decisions)
        .where(
            entry_decisions.c.record_id == record_id,  # what the index knows
            entry_decisions.c.enrollment_id == enrollment_id,
            entry_decisions.c.decision == "enrolled",
        )
        .order_by(entry_decisions.c.id)
        .limit(1)
    )


async def list_merges(read: Read, record_ids: Collection[str], since: datetime) -> list[RowMapping]:
    """The changes that say what was merged into these records since then, and into those before; oldest first."""
    found: list[RowMapping] = []
    asked, left = set[str](), set(record_ids)
    while left:
        asked |= left
        mine = (changes.c.record_id.in_(sorted(left)), changes.c.kind == "merged", changes.c.occurred_at >= since)
        made = [row for row in await read.all(select(changes).where(*mine)) if "from" in row["detail"]]
        found += made
        left = {row["detail"]["from"] for row in made} - asked
    return sorted(found, key=lambda row: int(row["seq"]))


async def find_resuming(read: Read, enrollment_id: str) -> datetime | None:
    """When who was held goes on; None where nobody waits for that."""
    mine = (deliveries.c.enrollment_id == enrollment_id, deliveries.c.kind == "resume")
    found: datetime | None = await read.scalar(select(func.min(deliveries.c.due_at)).where(*mine))
    return found


async def list_messages(read: Read, enrollment_id: str) -> list[RowMapping]:
    """The messages of an enrollment with the ordinal ``n`` of the visit that sent them."""
    return await read.all(
        select(messages, effects.c.n)
        .join(effects, effects.c.key == messages.c.effect_key)
        .where(effects.c.enrollment_id == enrollment_id)
        .order_by(messages.c.id)
    )


async def list_tasks(read: Read, record_id: str, enrollment_id: str) -> list[RowMapping]:
    """The tasks an enrollment of this record created."""
    mine = (tasks.c.record_id == record_id, tasks.c.enrollment_id == enrollment_id)  # the index knows the record
    return await read.all(select(tasks).where(*mine).order_by(tasks.c.id))


async def list_record(
    read: Read, record_id: str, kinds: Collection[str], *, after: Place | None, limit: int
) -> list[Happening]:
    """What happened to a record, newest first.

    ``kinds``: which of its changes, entry decisions, visits, messages, mail that came in, tasks and notifications, each
    in the singular.
    """
    found: list[Happening] = []
    for kind, statement, at, key in _sources(read.dialect, record_id):
        if kind not in kinds:
            continue
        if after is not None:
            statement = statement.where(_older(at, key, kind, after))
        rows = await read.all(statement.order_by(at.desc(), key.desc()).limit(limit))
        found += [
            Happening(place=Place(at=row["timeline_at"], kind=kind, key=row["timeline_key"]), row=dict(row))
            for row in rows
        ]
    found.sort(key=lambda item: (item.place.at, item.place.kind, item.place.key), reverse=True)
    return found[:limit]


Source = tuple[str, Select[Any], ColumnElement[datetime], ColumnElement[str]]


def _sources(dialect: str, record_id: str) -> list[Source]:
    """Each kind with its statement, its instant and its key; keys compare by bytes, as Python merges them."""

    def bytewise(key: ColumnElement[str]) -> ColumnElement[str]:
        return collate(key, "C") if dialect == "postgresql" else key

    def source(kind: str, statement: Select[Any], at: ColumnElement[datetime], key: ColumnElement[str]) -> Source:
        key = bytewise(key)
        return kind, statement.add_columns(at.label("timeline_at"), key.label("timeline_key")), at, key

    visit_key = visits.c.enrollment_id + literal(":") + visits.c.step + literal(":") + cast(visits.c.n, String)
    of_enrollments = (
        select(visits, workflows.c.slug)
        .join(enrollments, enrollments.c.id == visits.c.enrollment_id)
        .join(workflows, workflows.c.id == enrollments.c.workflow_id)
        .where(enrollments.c.record_id == record_id, visits.c.turn == 0)
    )
    by_workflow = [
        source(kind, select(table, workflows.c.slug)
               .outerjoin(workflows, workflows.c.id == table.c.workflow_id)
               .where(mine), at, table.c.id)
        for kind, table, at, mine in (
            ("decision", entry_decisions, entry_decisions.c.decided_at, entry_decisions.c.record_id == record_id),
            ("message", messages, messages.c.created_at, messages.c.record_id == record_id),
            ("task", tasks, tasks.c.created_at, about(record_id)),
            ("notification", notifications, notifications.c.created_at, notifications.c.record_id == record_id),
        )
    ]  # fmt: skip
    # With what it is about, if anything.
    came_in = (
        select(inbound_mails, messages.c.enrollment_id, messages.c.step, workflows.c.slug)
        .outerjoin(messages, messages.c.id == inbound_mails.c.answers)
        .outerjoin(workflows, workflows.c.id == messages.c.workflow_id)
        .where(inbound_mails.c.record_id == record_id)
    )
    changed = select(changes).where(changes.c.record_id == record_id)
    return [
        source("change", changed, changes.c.occurred_at, changes.c.id),
        source("visit", of_enrollments, visits.c.entered_at, visit_key),
        source("mail", came_in, inbound_mails.c.received_at, inbound_mails.c.id),
        *by_workflow,
    ]


def _older(at: ColumnElement[datetime], key: ColumnElement[str], kind: str, than: Place) -> ColumnElement[bool]:
    if kind == than.kind:
        return or_(at < than.at, and_(at == than.at, key < than.key))
    return at <= than.at if kind < than.kind else at < than.at
