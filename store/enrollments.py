"""Rows of enrollments, entry keys and entry decisions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping, bindparam, exists, func, insert, select, update

from domain.base import Json
from domain.enrollments import Enrollment
from domain.facts import Seen
from domain.messages import EnrollmentStatus
from store.database import Read, Tx
from store.tables import deliveries, enrollments, entry_decisions, entry_keys, records, workflows

IS_ACTIVE = enrollments.c.status != "ended"
IS_MINE = enrollments.c.id == bindparam("enrollment_id")

GET = select(enrollments).where(IS_MINE)
GET_SEVERAL = select(enrollments).where(enrollments.c.id.in_(bindparam("ids", expanding=True)))
_OF_PAIR = (
    enrollments.c.workflow_id == bindparam("workflow_id"),
    enrollments.c.record_id == bindparam("record_id"),
)
ACTIVE = select(enrollments).where(*_OF_PAIR, IS_ACTIVE).order_by(enrollments.c.id)
GOES_ON = (
    select(enrollments)
    .where(
        enrollments.c.workflow_id == bindparam("workflow_id"),
        enrollments.c.key == bindparam("key"),
        enrollments.c.id < bindparam("than"),
        IS_ACTIVE,
    )
    .limit(1)
)
EVER = (
    select(enrollments.c.id)
    .where(*_OF_PAIR, enrollments.c.bound_id.is_not_distinct_from(bindparam("bound_id")))
    .limit(1)
)
# Whatever else is bound runs alone: it counts for itself only.
_OF_OTHER_TYPE = exists().where(
    records.c.id == func.substr(entry_keys.c.key, func.length(entry_keys.c.record_id) + 2),
    records.c.object != "opportunity",
)
EVER_ANY = select(func.coalesce(func.sum(entry_keys.c.entries), 0)).where(
    entry_keys.c.workflow_id == bindparam("workflow_id"),
    entry_keys.c.record_id == bindparam("record_id"),
    ~_OF_OTHER_TYPE,
)
ENTRIES = select(entry_keys.c.key, entry_keys.c.entries).where(
    entry_keys.c.workflow_id == bindparam("workflow_id"),
    entry_keys.c.key.in_(bindparam("keys", expanding=True)),
)
BY_EVENT = (
    select(enrollments.c.id)
    .where(
        *_OF_PAIR,
        enrollments.c.entry_event_id == bindparam("event_id"),
        enrollments.c.bound_id.is_not_distinct_from(bindparam("bound_id")),
    )
    .limit(1)
)
COUNT = (
    update(entry_keys)
    .where(entry_keys.c.workflow_id == bindparam("of"), entry_keys.c.key == bindparam("under"))
    .values(entries=entry_keys.c.entries + 1)
)
AGAIN = select(entry_keys.c.key, entry_keys.c.again).where(
    entry_keys.c.workflow_id == bindparam("of"),
    entry_keys.c.key.in_(bindparam("keys", expanding=True)),
    entry_keys.c.again.is_not(None),
)
GET_WITH_PAUSE = (
    select(enrollments, workflows.c.is_paused)
    .join(workflows, workflows.c.id == enrollments.c.workflow_id)
    .where(IS_MINE)
)
IS_PAUSED = select(workflows.c.is_paused).where(workflows.c.id == bindparam("workflow_id"))
MOVE = update(enrollments).where(IS_MINE).values(
    epoch=bindparam("to_epoch"), step=bindparam("at"), wakes_at=None, moved_at=bindparam("since")
)  # fmt: skip
ROUND = update(enrollments).where(IS_MINE).values(round=bindparam("nth"), round_since=bindparam("since"))
STAND = update(enrollments).where(IS_MINE).values(
    status="active", step=bindparam("at"), wakes_at=bindparam("until"), moved_at=None
)  # fmt: skip
CLOSE = update(enrollments).where(IS_MINE, IS_ACTIVE).values(
    status="ended", wakes_at=None, held_at=None, ended_at=bindparam("at"), end_reason=bindparam("why"),
    end_detail=bindparam("more"),
    end_seen=bindparam("saw"),
)  # fmt: skip


def enrollment_of(row: RowMapping) -> Enrollment:
    """A row as the domain reads it."""
    return Enrollment.model_construct(**{name: row[name] for name in Enrollment.model_fields})


async def get_enrollment(read: Read, enrollment_id: str) -> Enrollment | None:
    """The enrollment, or None."""
    row = await read.one(GET, enrollment_id=enrollment_id)
    return enrollment_of(row) if row else None


async def get_enrollments(read: Read, enrollment_ids: Collection[str]) -> dict[str, Enrollment]:
    """Enrollments by id; a missing one is absent."""
    rows = await read.all(GET_SEVERAL, ids=list(enrollment_ids))
    return {row["id"]: enrollment_of(row) for row in rows}


async def get_with_pause(read: Read, enrollment_id: str) -> tuple[Enrollment, bool] | None:
    """The enrollment and whether its workflow is paused, or None."""
    row = await read.one(GET_WITH_PAUSE, enrollment_id=enrollment_id)
    return (enrollment_of(row), bool(row["is_paused"])) if row else None


async def is_workflow_paused(read: Read, workflow_id: str) -> bool:
    """Whether the workflow is paused as of this statement."""
    return bool(await read.scalar(IS_PAUSED, workflow_id=workflow_id))


async def going_on_for(read: Read, ended: Enrollment) -> Enrollment | None:
    """The older passage that goes on for one a merge has ended; None when it is over as well."""
    row = await read.one(GOES_ON, workflow_id=ended.workflow_id, key=ended.key, than=ended.id)
    return enrollment_of(row) if row else None


async def inside_after(read: Read, workflow_id: str | None, after: str, limit: int) -> list[Enrollment]:
    """Up to ``limit`` enrollments that are not over, ascending behind an id; of one workflow, or of all."""
    page = select(enrollments).where(IS_ACTIVE, enrollments.c.id > after)
    if workflow_id is not None:
        page = page.where(enrollments.c.workflow_id == workflow_id)
    return [enrollment_of(row) for row in await read.all(page.order_by(enrollments.c.id).limit(limit))]


async def active_enrollments(read: Read, workflow_id: str, record_id: str) -> list[Enrollment]:
    """Everything active of one record in one workflow, under whichever key."""
    rows = await read.all(ACTIVE, workflow_id=workflow_id, record_id=record_id)
    return [enrollment_of(row) for row in rows]


async def active_of_records(
    read: Read, workflow_id: str, record_ids: Collection[str], *, until: datetime
) -> list[Enrollment]:
    """Everything active of these records in one workflow that began not later than ``until``, in order of entry."""
    mine = select(enrollments).where(
        enrollments.c.workflow_id == workflow_id,
        enrollments.c.record_id.in_(list(record_ids)),
        enrollments.c.started_at <= until,
        IS_ACTIVE,
    )
    return [enrollment_of(row) for row in await read.all(mine.order_by(enrollments.c.id))]


async def active_ids_of_record(read: Read, record_id: str) -> list[tuple[str, bool]]:
    """Active enrollments a record is part of: (id, whether it is the enrolled record and not the bound one)."""
    rows = await read.all(
        select(enrollments.c.id, enrollments.c.record_id)
        .where((enrollments.c.record_id == record_id) | (enrollments.c.bound_id == record_id), IS_ACTIVE)
        .order_by(enrollments.c.id)
    )
    return [(row["id"], row["record_id"] == record_id) for row in rows]


async def ids_bound_to(read: Read, record_id: str) -> set[str]:
    """The records of active enrollments that are bound to this one."""
    bound = select(enrollments.c.record_id).where(enrollments.c.bound_id == record_id, IS_ACTIVE)
    return {row["record_id"] for row in await read.all(bound)}


async def slug_of_enrollment(read: Read, enrollment_id: str) -> RowMapping | None:
    """The ``slug`` of an enrollment's workflow with its own ``cause_kind`` and ``cause_id``."""
    return await read.one(
        select(workflows.c.slug, enrollments.c.cause_kind, enrollments.c.cause_id)
        .join(workflows, workflows.c.id == enrollments.c.workflow_id)
        .where(enrollments.c.id == enrollment_id)
    )


async def active_ids_of_pair(read: Read, one: str, other: str) -> list[str]:
    """Active enrollments of one of two records that are bound to the other."""
    pair = (one, other)
    rows = await read.all(
        select(enrollments.c.id).where(enrollments.c.record_id.in_(pair), enrollments.c.bound_id.in_(pair), IS_ACTIVE)
    )
    return [row["id"] for row in rows]


async def active_elsewhere(read: Read, record_id: str, *, not_of: str, slugs: Collection[str] | None) -> list[str]:
    """Active enrollments of a record in other workflows than ``not_of``, ascending; ``slugs`` None: in any of them."""
    mine = select(enrollments.c.id).where(
        enrollments.c.record_id == record_id, enrollments.c.workflow_id != not_of, IS_ACTIVE
    )
    if slugs is not None:
        named = select(workflows.c.id).where(workflows.c.slug.in_(list(slugs)))
        mine = mine.where(enrollments.c.workflow_id.in_(named))
    return [row["id"] for row in await read.all(mine.order_by(enrollments.c.id))]


async def started_enrollments(read: Read, *, after: str, limit: int) -> list[Enrollment]:
    """Active enrollments whose start has been delivered, in the order they entered, from an id on."""
    waits = exists().where(deliveries.c.enrollment_id == enrollments.c.id, deliveries.c.kind == "start")
    rows = await read.all(
        select(enrollments).where(enrollments.c.id > after, IS_ACTIVE, ~waits).order_by(enrollments.c.id).limit(limit)
    )
    return [enrollment_of(row) for row in rows]


async def entered_before(
    read: Read, workflow_id: str, record_id: str, *, bound_id: str | None, any_bound: bool
) -> bool:
    """Whether the record ever entered: with this bound record, or with any opportunity and without (rule E7, Off)."""
    if any_bound:
        return bool(await read.scalar(EVER_ANY, workflow_id=workflow_id, record_id=record_id))
    found = await read.scalar(EVER, workflow_id=workflow_id, record_id=record_id, bound_id=bound_id)
    return found is not None


async def entries_under(read: Read, workflow_id: str, keys: Collection[str]) -> dict[str, int]:
    """How many entries each key counts, without locking it; one that counts none is absent."""
    rows = await read.all(ENTRIES, workflow_id=workflow_id, keys=sorted(keys))
    return {row["key"]: row["entries"] for row in rows}


async def entered_by_event(
    read: Read, workflow_id: str, record_id: str, bound_id: str | None, event_id: str | None
) -> bool:
    """Whether an event let the record in before, with the same bound record; no event lets nobody in."""
    if event_id is None:
        return False
    mine = {"workflow_id": workflow_id, "record_id": record_id, "bound_id": bound_id, "event_id": event_id}
    return await read.scalar(BY_EVENT, **mine) is not None


async def count_entry(tx: Tx, workflow_id: str, key: str) -> None:
    """Count one more entry under a key that is locked."""
    await tx.run(COUNT, of=workflow_id, under=key)


async def remember_again(tx: Tx, workflow_id: str, key: str, request: Mapping[str, Json]) -> None:
    """Keep a request under a key that is locked, in place of an older one."""
    mine = update(entry_keys).where(entry_keys.c.workflow_id == workflow_id, entry_keys.c.key == key)
    await tx.run(mine.values(again=dict(request)))


async def take_again(tx: Tx, workflow_id: str, keys: Collection[str]) -> list[dict[str, Json]]:
    """The requests kept under these keys, which are kept no longer: of several who take one at once, one gets it."""
    taken = []
    for row in await tx.all(AGAIN, of=workflow_id, keys=sorted(keys)):
        mine = (entry_keys.c.workflow_id == workflow_id, entry_keys.c.key == row["key"])
        still_there = update(entry_keys).where(*mine, entry_keys.c.again.is_not(None))
        if await tx.run(still_there.values(again=None)) == 1:
            taken.append(row["again"])
    return taken


async def insert_enrollment(tx: Tx, enrollment: Enrollment) -> None:
    """Write a new enrollment; the partial unique index refuses a second active one under its key."""
    await tx.run(insert(enrollments), **enrollment.model_dump())


async def stand_at(tx: Tx, enrollment_id: str, step: str, wakes_at: datetime | None) -> None:
    """Note where the enrollment stands and until when."""
    await tx.run(STAND, enrollment_id=enrollment_id, at=step, until=wakes_at)


async def move_enrollment(tx: Tx, enrollment_id: str, step: str | None, *, epoch: int, now: datetime) -> None:
    """Let the enrollment go on at another step (None: the end); calls of an older epoch are turned away from now on."""
    await tx.run(MOVE, enrollment_id=enrollment_id, at=step, to_epoch=epoch, since=now)


async def set_round(tx: Tx, enrollment_id: str, n: int, since: date) -> None:
    """Note the round an enrollment is in, and the first day that may be its date."""
    await tx.run(ROUND, enrollment_id=enrollment_id, nth=n, since=since.isoformat())


async def set_status(tx: Tx, enrollment_id: str, status: EnrollmentStatus) -> None:
    """Pause an enrollment, or let it go on."""
    await tx.run(update(enrollments).where(enrollments.c.id == enrollment_id, IS_ACTIVE).values(status=status))


async def set_held(tx: Tx, enrollment_ids: Collection[str], held_at: datetime | None) -> None:
    """Note since when runs wait to be resumed; None: they do not."""
    await tx.run(update(enrollments).where(enrollments.c.id.in_(list(enrollment_ids))).values(held_at=held_at))


async def close_enrollment(
    tx: Tx, enrollment_id: str, reason: str, detail: str | None, now: datetime, *, seen: Sequence[Seen] = ()
) -> None:
    """End an active enrollment, with the values its reason was judged on."""
    saw: list[Json] | None = [s.model_dump() for s in seen] or None
    await tx.run(CLOSE, enrollment_id=enrollment_id, at=now, why=reason, more=detail, saw=saw)


async def insert_decision(tx: Tx, values: Mapping[str, Any], seen: tuple[Seen, ...]) -> None:
    """Write one entry decision with the values it saw."""
    document: list[Json] = [s.model_dump() for s in seen]
    await tx.run(insert(entry_decisions), **values, seen=document)
