"""Rows of mail that came in: each once, whichever way and however often it came."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import RowMapping, bindparam, or_, select, update

from domain.base import Frozen, Instant
from domain.incoming_mail import InboundKind
from store.database import Read, Tx
from store.tables import inbound_mails, messages

KNOWN = select(inbound_mails).where(
    or_(inbound_mails.c.digest == bindparam("digest"), inbound_mails.c.identity == bindparam("identity"))
)
NOTE_FOLLOWED = (
    update(inbound_mails)
    .where(inbound_mails.c.id == bindparam("of"))
    .values(event_id=bindparam("event"), thread_id=bindparam("thread"))
)


class InboundMail(Frozen):
    """A mail that came in. ``answers`` is the message of ours it is about, ``message_id`` its own id without brackets.

    ``digest`` is that of its bytes, ``identity`` that of its id and sender; None when it has no id. ``event_id``: the
    event it led to, ``thread_id`` the conversation it was written in, if any; ``detail`` says in words what else is to
    be known.
    """

    id: str
    digest: str
    identity: str | None
    kind: InboundKind
    message_id: str | None
    sender: str | None
    answers: str | None
    record_id: str | None
    event_id: str | None = None
    thread_id: str | None = None
    subject: str
    text: str
    detail: str | None = None
    received_at: Instant


class MailFilters(Frozen):
    """What a list of mail is narrowed to; None: no matter. ``since`` is inclusive."""

    kind: InboundKind | None = None
    record: str | None = None
    since: Instant | None = None


async def find_known(read: Read, digest: str, identity: str | None) -> InboundMail | None:
    """The mail that has these bytes, or this id and sender."""
    row = await read.one(KNOWN, digest=digest, identity=identity)
    return None if row is None else InboundMail(**row)


async def insert_mail(tx: Tx, mail: InboundMail) -> bool:
    """Write a mail; False when it is known. Waits for a transaction that is writing the same at this moment."""
    return await tx.insert_ignore(inbound_mails, [mail.model_dump()]) == 1


async def note_followed(tx: Tx, mail_id: str, *, event_id: str | None, thread_id: str | None) -> None:
    """Say which event a mail led to, and in which conversation it was written."""
    await tx.run(NOTE_FOLLOWED, of=mail_id, event=event_id, thread=thread_id)


async def get_mail(read: Read, id: str) -> InboundMail | None:
    """The mail of this id."""
    row = await read.one(select(inbound_mails).where(inbound_mails.c.id == id))
    return None if row is None else InboundMail(**row)


async def list_mails(read: Read, filters: MailFilters, *, after: str | None, limit: int) -> list[InboundMail]:
    """Up to ``limit`` mails, newest first, older than the id ``after``."""
    page = select(inbound_mails)
    if filters.kind is not None:
        page = page.where(inbound_mails.c.kind == filters.kind)
    if filters.record is not None:
        page = page.where(inbound_mails.c.record_id == filters.record)
    if filters.since is not None:
        page = page.where(inbound_mails.c.received_at >= filters.since)
    if after is not None:
        page = page.where(inbound_mails.c.id < after)
    return [InboundMail(**row) for row in await read.all(page.order_by(inbound_mails.c.id.desc()).limit(limit))]


async def find_in_thread(read: Read, message_ids: Collection[str]) -> RowMapping | None:
    """The message of ours that a mail with one of these ids was about; the newest, if there are several."""
    about = select(inbound_mails.c.answers).where(inbound_mails.c.message_id.in_(list(message_ids)))
    return await read.one(select(messages).where(messages.c.id.in_(about)).order_by(messages.c.id.desc()).limit(1))
