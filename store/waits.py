"""What a wait may go on by: events nobody of the enrollment used yet, oldest first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime

from sqlalchemy import RowMapping, bindparam, insert, select

from domain.facts import EVENTS_PER_NAME, EventFacts
from store.database import Read, Tx, portions
from store.happenings import EVENT_COLUMNS, event_of
from store.tables import event_uses, events

PER_LOOK = 1000
"""Events read by one question; as many are asked as it takes."""

BEFORE_ENTRY = EVENTS_PER_NAME
"""So many of the newest events before entry a wait for what ever happened looks at, each time it is asked."""


async def unused_events(
    read: Read,
    passages: Sequence[str],
    event: str,
    *,
    record_ids: Collection[str],
    after_seq: int,
    until: datetime | None,
    step: str | None,
    external_id: str | None = None,
) -> AsyncIterator[EventFacts]:
    """Events of these records behind a place in the order of commits, received not later than ``until``.

    ``passages``: the enrollment and those it takes up again; none of them has used the event. ``step``: only those that
    answer what this step of them sent. ``external_id``: only the one of this id.
    """
    used = select(event_uses.c.event_id).where(event_uses.c.enrollment_id.in_(list(passages)))
    found = select(*EVENT_COLUMNS).where(
        events.c.record_id.in_(bindparam("whose", expanding=True)),
        events.c.name == event,
        events.c.seq > bindparam("behind"),
        events.c.id.not_in(used),
    )
    if until is not None:
        found = found.where(events.c.received_at <= until)
    if step is not None:
        found = found.where(events.c.enrollment_id.in_(list(passages)), events.c.step == step)
    if external_id is not None:
        found = found.where(events.c.external_id == external_id)
    found = found.order_by(events.c.seq).limit(PER_LOOK)
    while True:
        rows: list[RowMapping] = []
        for whose in portions(sorted(record_ids)):
            rows += await read.all(found, whose=whose, behind=after_seq)
        # The first of all are among the first of each portion.
        page = sorted(rows, key=lambda row: int(row["seq"]))[:PER_LOOK]
        if not page:
            return
        for row in page:
            yield event_of(row)
        after_seq = page[-1]["seq"]


async def ever_behind(read: Read, event: str, *, record_ids: Collection[str], entered_seq: int) -> int:
    """The place behind which ``BEFORE_ENTRY`` events of these records happened until the one at ``entered_seq``."""
    found = (
        select(events.c.seq)
        .where(
            events.c.record_id.in_(bindparam("whose", expanding=True)),
            events.c.name == event,
            events.c.seq <= entered_seq,
        )
        .order_by(events.c.seq.desc())
        .limit(BEFORE_ENTRY + 1)
    )
    seqs: list[int] = []
    for whose in portions(sorted(record_ids)):
        seqs += [row["seq"] for row in await read.all(found, whose=whose)]
    older = sorted(seqs, reverse=True)[BEFORE_ENTRY:]
    return older[0] if older else 0


async def use_event(tx: Tx, enrollment_id: str, event_id: str, step: str) -> None:
    """Note that an event let a wait of this enrollment go on."""
    await tx.run(insert(event_uses), enrollment_id=enrollment_id, event_id=event_id, step=step)
