"""Recording what happened to a record: one event per id of its sender, with the change that wakes whoever waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.base import Frozen, Instant, Json
from domain.conversations import Channel
from domain.errors import Invalid, NotFound
from domain.events import (
    CLICKED,
    FORM_SUBMITTED,
    OPENED,
    REPLIED,
    UNSUBSCRIBED,
    event_problems,
    is_written_by_hand,
)
from domain.reader import join
from domain.records import StoredRecord
from services.conversations.chatting import channel_of_form, open_by_form
from services.conversations.opening import company_of
from services.leaving.replies import find_answered, stop_on_reply
from services.records.places import placed
from services.records.records import Write, hold_record, upsert_record
from services.records.subscriptions import OBJECT
from store.changes import append_change
from store.database import Tx
from store.events import EventRow, claim_event, find_by_external_id, place_event
from store.ids import new_id
from store.locks import lock_records
from store.outputs import mark_message
from store.records import get_record

REACTIONS: Mapping[str, tuple[str, ...]] = {
    OPENED: ("opened_at",),
    CLICKED: ("opened_at", "clicked_at"),
    REPLIED: ("replied_at",),
    UNSUBSCRIBED: ("unsubscribed_at",),
}
"""What an event says of the message it is about, when a person did it."""

BY_MACHINES: Mapping[str, tuple[str, ...]] = {OPENED: ("machine_opened_at",)}
"""The same when a program did."""


class Whose(Frozen):
    """The record an event is about: by ``id``, or by a unique ``property`` and its ``value``.

    ``create``: a record that cannot be found by its value is made, with that value.
    """

    object: str
    id: str | None = None
    property: str = ""
    value: Json = None
    create: bool = False


class Happened(Frozen):
    """What somebody says that happened. ``external_id`` is the sender's own: the same one again is the same event.

    ``answers``: the enrollment and the step it is for, where it is about no message.
    """

    name: str
    properties: dict[str, Json] = {}
    occurred_at: Instant | None = None
    external_id: str | None = None
    answers: tuple[str, str] | None = None


class Recorded(Frozen):
    """The event as it stands; ``is_new`` False: it was recorded before and nothing was done."""

    event: EventRow
    is_new: bool


class KnownAlready(Exception):
    """An event of the same external id was committed before; nothing was written."""


async def send_event(tx: Tx, write: Write, whose: Whose, happened: Happened) -> Recorded:
    """Record an event of whoever it is about; the same external id twice is one event, whatever else it says.

    Raises:
        Invalid: the name is none, it lies in the future, the record is named wrongly, or it answers a message nobody
            sent; every mistake is listed.
        NotFound: there is no such record or object type.
        Conflict: the record is being created and deleted, or merged, by others at the same time.
    """
    check_event(happened, now=write.now)
    known = await _known(tx, happened)
    if known is not None:
        return known
    try:
        # A record made for an event that turns out to be known is undone with it.
        async with tx.savepoint():
            record = await _record(tx, write, whose, happened)
            return Recorded(event=await record_event(tx, write, record.id, happened), is_new=True)
    except KnownAlready:
        known = await _known(tx, happened)
        assert known is not None, "whoever used the id first has committed"
        return known


def check_event(happened: Happened, *, now: datetime) -> None:
    """Refuse what cannot have happened.

    Raises:
        Invalid: every mistake is listed.
    """
    at = happened.occurred_at or now
    mistakes = event_problems(
        happened.name, happened.properties, occurred_at=at, external_id=happened.external_id, now=now
    )
    if mistakes:
        raise Invalid("; ".join(mistake.message for mistake in mistakes), errors=mistakes)


async def record_event(tx: Tx, write: Write, record_id: str, happened: Happened) -> EventRow:
    """Write an event and its change, after locking the record; the name is not examined.

    One that is about a message of ours knows its enrollment and step. A reply ends, in the same transaction, whom it
    answers (rule L2), where the workflow stops on one.

    Raises:
        NotFound: the record is missing or deleted.
        KnownAlready: its external id was used before.
        Invalid: it answers a message nobody sent.
        Conflict: whoever was sent the message is being merged at the same time.
    """
    answered = await find_answered(tx, happened.name, happened.properties)
    form, written = await _form(tx, record_id, happened)
    locked = await lock_records(tx, {*written, *(answered.records if answered else ())}, write=written)
    record = locked.get(record_id)
    if record is None or record.deleted_at is not None:
        raise NotFound(f"there is no record {record_id}")
    enrollment_id, step = happened.answers or (None, None)
    if answered is not None:
        enrollment_id, step = answered.enrollment.id, answered.step
    event = EventRow(
        id=new_id(write.now),
        name=happened.name,
        record_id=record.id,
        object=record.object,
        properties=happened.properties,
        enrollment_id=enrollment_id,
        step=step,
        occurred_at=happened.occurred_at or write.now,
        received_at=write.now,
        external_id=happened.external_id,
        seq=0,
    )
    if not await claim_event(tx, event):
        raise KnownAlready
    is_reply = happened.name == REPLIED
    detail: dict[str, Json] = {"event": happened.name}
    if answered is not None:
        detail["answers" if is_reply else "about"] = answered.told
    seq = await append_change(tx, record, "event", write.stamp, detail=detail, event_id=event.id)
    await place_event(tx, event.id, seq)
    if form is not None and record.object == OBJECT:
        await open_by_form(tx, write, form, record.id, happened.properties)
    if answered is not None:
        # Who follows a link has the message before them, though their program may load no images.
        says = REACTIONS if is_written_by_hand(happened.properties) else BY_MACHINES
        await mark_message(tx, answered.message_id, *says.get(happened.name, ()), at=event.occurred_at)
    if answered is not None and is_reply and is_written_by_hand(happened.properties):
        await stop_on_reply(tx, answered, locked, now=write.now)
    return event.model_copy(update={"seq": seq})


async def _form(tx: Tx, record_id: str, happened: Happened) -> tuple[Channel | None, set[str]]:
    """The channel of a form that was filled in, and who is written to: a ticket it opens is its company's as well."""
    form = await channel_of_form(tx, happened.properties.get("form")) if happened.name == FORM_SUBMITTED else None
    company = await company_of(tx, record_id) if form is not None else None
    return form, {record_id, *([company] if company is not None else [])}


async def _known(tx: Tx, happened: Happened) -> Recorded | None:
    if happened.external_id is None:
        return None
    event = await find_by_external_id(tx, happened.external_id)
    return None if event is None else Recorded(event=event, is_new=False)


async def _record(tx: Tx, write: Write, whose: Whose, happened: Happened) -> StoredRecord:
    if whose.id is not None:
        named = await get_record(tx, whose.id)
        if named is None or named.object != whose.object:
            raise NotFound(f"there is no {whose.object} {whose.id}")
        return named
    answered = await find_answered(tx, happened.name, happened.properties)
    also, by = answered.records if answered else (), join("/record/by", whose.property)
    with placed({"/property": by, "/value": by, join("/properties", whose.property): by}):
        record = await hold_record(tx, write, whose.object, whose.property, whose.value, also=also)
        if record is None and whose.create:
            record, _ = await upsert_record(tx, write, whose.object, whose.property, whose.value, {})
    if record is None:
        raise NotFound(f"there is no {whose.object} with this {whose.property}", code="record_not_found")
    return record
