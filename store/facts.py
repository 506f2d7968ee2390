"""Loads what a condition reads: the record, its associated records and the bound one, as they are now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select

from domain.base import Json
from domain.enrollments import Enrollment
from domain.facts import Associated, Facts
from domain.reading import NOTHING, Needs
from domain.records import StoredRecord
from domain.schema import Schema
from store.database import Read
from store.happenings import load_event, load_events, load_memberships, load_statuses
from store.records import COLUMNS, get_record, stored
from store.subscriptions import load_states
from store.tables import associations, records
from store.visits import outputs


async def load_facts(
    read: Read,
    schema: Schema,
    record_id: str,
    *,
    needs: Needs = NOTHING,
    enrollment: Enrollment | None = None,
    bound_id: str | None = None,
    parameters: Mapping[str, Json] | None = None,
    entry_event_id: str | None = None,
    now: datetime,
    zone: str,
    known: Mapping[str, StoredRecord] | None = None,
) -> Facts | None:
    """The facts about a record, or None when it is missing or deleted. One query for each kind of need.

    Deleted associated records are left out, and a deleted or missing bound record reads as no bound record. Of whoever
    is inside the ``enrollment`` says what it is bound to, its parameters and its event of entry. ``known`` records are
    not read again.
    """
    if enrollment is not None:
        bound_id, parameters, entry_event_id = enrollment.bound_id, enrollment.parameters, enrollment.entry_event_id
    record = await _get(read, record_id, known)
    if record is None:
        return None
    bound = await _get(read, bound_id, known) if bound_id else None
    associated = await load_associated(read, record_id, needs.objects)
    around = [*(one.record for group in associated.values() for one in group), *([bound.facts()] if bound else [])]
    whose = {record_id} | {other.id for other in around if other.object in needs.events_of}
    everybody = {record_id} | {other.id for other in around}
    return Facts(
        schema_=schema,
        record=record.facts(),
        associated=associated,
        bound=bound.facts() if bound else None,
        events=await load_events(read, whose, needs.events),
        lists=await load_memberships(read, everybody) if needs.lists else {},
        subscriptions=await load_states(read, everybody) if needs.subscriptions else {},
        workflows=await load_statuses(read, record_id, needs.workflows),
        entry_event=await load_event(read, entry_event_id) if needs.entry_event and entry_event_id else None,
        parameters=dict(parameters or {}),
        outputs=await outputs(read, enrollment) if needs.outputs and enrollment else {},
        enrollment_id=enrollment.id if enrollment else None,
        earlier=enrollment.earlier if enrollment else (),
        entered_seq=(enrollment.entered_seq or 0) if enrollment else None,
        now=now,
        zone=zone,
    )


async def load_associated(read: Read, record_id: str, objects: Collection[str]) -> dict[str, tuple[Associated, ...]]:
    """Associated records by object type, youngest association first, then highest id; every asked type has an entry.

    All of them: "every", "no" and counts are wrong on a part, silently. 2,000 take about 75 ms and 3 MiB.
    """
    found: dict[str, list[Associated]] = {name: [] for name in objects}
    if not found:
        return {}
    since = associations.c.created_at.label("since")
    joined = associations.join(records, records.c.id == associations.c.other_id)
    rows = await read.all(
        select(*COLUMNS, associations.c.label, since)
        .select_from(joined)
        .where(associations.c.record_id == record_id, associations.c.other_object.in_(sorted(found)))
        .where(records.c.deleted_at.is_(None))
        .order_by(associations.c.created_at.desc(), associations.c.other_id.desc())
    )
    for row in rows:
        found[row["object"]].append(Associated(record=stored(row).facts(), label=row["label"], since=row["since"]))
    return {name: tuple(each) for name, each in found.items()}


async def _get(read: Read, record_id: str, known: Mapping[str, StoredRecord] | None) -> StoredRecord | None:
    found = known.get(record_id) if known else None
    if found is None:
        return await get_record(read, record_id)
    return found if found.deleted_at is None else None
