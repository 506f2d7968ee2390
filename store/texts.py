"""Rows of text messages that came in, each once; and the messages of ours they are about."""

from __future__ import annotations

from sqlalchemy import RowMapping, bindparam, select, update

from domain.base import Frozen, Instant
from domain.incoming_texts import TextKind
from store.database import Read, Tx
from store.suppressions import REACHED
from store.tables import effects, inbound_texts, messages

SENT_TO = (
    select(messages)
    .join(effects, effects.c.key == messages.c.effect_key)
    .where(messages.c.channel == "sms", messages.c.recipient == bindparam("number"), effects.c.state.in_(REACHED))
    .order_by(messages.c.id.desc())
)
WRITTEN_TO = select(messages.c.contact_id).where(
    messages.c.channel == "sms", messages.c.recipient == bindparam("number"), messages.c.contact_id.is_not(None)
).distinct()  # fmt: skip


class InboundText(Frozen):
    """A text message that came in; ``answers`` is the message of ours it follows. Numbers in E.164."""

    id: str
    reference: str
    kind: TextKind
    sender: str
    recipient: str
    text: str
    answers: str | None = None
    record_id: str | None = None
    event_id: str | None = None
    received_at: Instant


class TextFilters(Frozen):
    """What a list of texts is narrowed to; None: no matter."""

    kind: TextKind | None = None
    record: str | None = None


async def find_text(read: Read, reference: str) -> InboundText | None:
    """The text with this id of the service."""
    row = await read.one(select(inbound_texts).where(inbound_texts.c.reference == reference))
    return None if row is None else InboundText(**row)


async def insert_text(tx: Tx, text: InboundText) -> bool:
    """Write a text; False when it is known. Waits for a transaction that is writing the same at this moment."""
    return await tx.insert_ignore(inbound_texts, [text.model_dump()]) == 1


async def note_text_event(tx: Tx, text_id: str, event_id: str) -> None:
    """Say which event a text led to."""
    await tx.run(update(inbound_texts).where(inbound_texts.c.id == text_id).values(event_id=event_id))


async def list_texts(read: Read, filters: TextFilters, *, after: str | None, limit: int) -> list[InboundText]:
    """Up to ``limit`` texts, newest first, older than the id ``after``."""
    page = select(inbound_texts)
    if filters.kind is not None:
        page = page.where(inbound_texts.c.kind == filters.kind)
    if filters.record is not None:
        page = page.where(inbound_texts.c.record_id == filters.record)
    if after is not None:
        page = page.where(inbound_texts.c.id < after)
    return [InboundText(**row) for row in await read.all(page.order_by(inbound_texts.c.id.desc()).limit(limit))]


async def find_last_sent(read: Read, number: str, sender: str) -> RowMapping | None:
    """The newest message that went to a number from ``sender``; where none did, from whichever number of ours."""
    mine = await read.one(SENT_TO.where(messages.c.sender == sender).limit(1), number=number)
    return mine if mine is not None else await read.one(SENT_TO.limit(1), number=number)


async def contacts_written_to(read: Read, number: str) -> list[str]:
    """The ids of contacts a message to this number was for."""
    return sorted(row["contact_id"] for row in await read.all(WRITTEN_TO, number=number))
