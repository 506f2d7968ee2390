"""Rows of threads and of what was written in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, bindparam, exists, func, select, update

from domain.base import Frozen
from domain.conversations import UNDER_WAY, Author, Sending, Thread, ThreadMessage
from store.database import Read, Tx
from store.tables import channels, thread_messages, threads

_THREAD = select(threads, channels.c.slug.label("channel")).join(channels, channels.c.id == threads.c.channel_id)
OF_TOKENS = (
    _THREAD.where(threads.c.token.in_(bindparam("tokens", expanding=True))).order_by(threads.c.id.desc()).limit(1)
)
OF_MESSAGES = (
    select(thread_messages.c.message_id, thread_messages.c.thread_id, thread_messages.c.author)
    .where(thread_messages.c.message_id.in_(bindparam("ids", expanding=True)))
    .order_by(thread_messages.c.id)
)
HAND_OVER = (
    update(thread_messages)
    .where(thread_messages.c.id == bindparam("of"), thread_messages.c.status == bindparam("was"))
    .values(status=bindparam("now"), detail=bindparam("why"))
)
_OLDEST = func.min(thread_messages.c.created_at, type_=thread_messages.c.created_at.type)
TO_BE_SENT = (
    select(thread_messages.c.status, func.count().label("total"), _OLDEST.label("oldest"))
    .where(thread_messages.c.status.in_(UNDER_WAY))
    .group_by(thread_messages.c.status)
)
WAITING = (
    select(thread_messages.c.id)
    .where(thread_messages.c.status == "queued", thread_messages.c.created_at < bindparam("before"))
    .order_by(thread_messages.c.id)
    .limit(bindparam("most"))
)


class ThreadFilters(Frozen):
    """What a list of threads is narrowed to; None: no matter. ``channel`` is a slug."""

    channel: str | None = None
    contact: str | None = None
    ticket: str | None = None


async def insert_thread(tx: Tx, channel_id: str, thread: Thread) -> bool:
    """Write a new thread; False when the other side's conversation has one."""
    row = {**thread.model_dump(exclude={"channel"}), "channel_id": channel_id}
    return await tx.insert_ignore(threads, [row]) == 1


async def get_thread(read: Read, id: str) -> Thread | None:
    """The thread of this id."""
    return _thread(await read.one(_THREAD.where(threads.c.id == id)))


async def thread_of_tokens(read: Read, tokens: Collection[str]) -> Thread | None:
    """The newest thread whose address for answers holds one of these."""
    return _thread(await read.one(OF_TOKENS, tokens=[each.lower() for each in tokens])) if tokens else None


async def thread_answered(read: Read, ids: Sequence[str]) -> tuple[Thread, Author] | None:
    """The thread in which the nearest of these mails was written, and who wrote that mail; ``ids``: nearest first."""
    if not ids:
        return None
    found = {row["message_id"]: row for row in await read.all(OF_MESSAGES, ids=list(ids))}
    nearest = next((found[each] for each in ids if each in found), None)
    thread = await get_thread(read, nearest["thread_id"]) if nearest is not None else None
    if thread is None or nearest is None:
        return None
    author: Author = nearest["author"]
    return thread, author


async def thread_of_conversation(read: Read, channel_id: str, external_id: str) -> Thread | None:
    """The thread of what the other side of a channel calls a conversation."""
    named = (threads.c.channel_id == channel_id, threads.c.external_id == external_id)
    return _thread(await read.one(_THREAD.where(*named)))


async def first_thread_of(read: Read, ticket_id: str) -> Thread | None:
    """The thread that a ticket was created from."""
    mine = (threads.c.ticket_id == ticket_id, threads.c.opened_ticket)
    return _thread(await read.one(_THREAD.where(*mine).order_by(threads.c.id).limit(1)))


async def begun_lately(read: Read, channel_id: str, contact_id: str, *, since: datetime) -> list[str]:
    """The threads that a contact began in a channel since an instant, the newest first."""
    mine = (threads.c.channel_id == channel_id, threads.c.contact_id == contact_id, threads.c.created_at > since)
    return [row["id"] for row in await read.all(select(threads.c.id).where(*mine).order_by(threads.c.id.desc()))]


async def begun_by_nobody(read: Read, channel_id: str, address: str, *, since: datetime) -> list[str]:
    """The threads without a contact that mail from an address began in a channel since an instant, newest first."""
    mine = (threads.c.channel_id == channel_id, threads.c.contact_id.is_(None), threads.c.created_at > since)
    began = (
        thread_messages.c.thread_id == threads.c.id,
        thread_messages.c.address == address,
        thread_messages.c.created_at == threads.c.created_at,
    )
    page = select(threads.c.id).where(*mine, exists().where(*began)).order_by(threads.c.id.desc())
    return [row["id"] for row in await read.all(page)]


async def list_threads(read: Read, filters: ThreadFilters, *, after: str | None, limit: int) -> list[Thread]:
    """Threads, newest first, older than the id ``after``."""
    page = _THREAD.order_by(threads.c.id.desc()).limit(limit)
    equal = {
        channels.c.slug: filters.channel, threads.c.contact_id: filters.contact, threads.c.ticket_id: filters.ticket,
    }  # fmt: skip
    for column, wanted in equal.items():
        if wanted is not None:
            page = page.where(column == wanted)
    if after is not None:
        page = page.where(threads.c.id < after)
    return [found for row in await read.all(page) if (found := _thread(row)) is not None]


async def change_thread(tx: Tx, id: str, **values: Any) -> None:
    """Set columns of a thread."""
    await tx.run(update(threads).where(threads.c.id == id).values(values))


async def insert_thread_message(tx: Tx, message: ThreadMessage) -> bool:
    """Write a message at the end of its thread; False when the other side sent it before."""
    if await tx.insert_ignore(thread_messages, [message.model_dump()]) != 1:
        return False
    await tx.run(update(threads).where(threads.c.id == message.thread_id).values(last_at=message.created_at))
    return True


async def find_thread_message(read: Read, thread_id: str, external_id: str) -> ThreadMessage | None:
    """What the other side calls by this id."""
    named = (thread_messages.c.thread_id == thread_id, thread_messages.c.external_id == external_id)
    row = await read.one(select(thread_messages).where(*named))
    return ThreadMessage(**row) if row else None


async def get_thread_message(read: Read, id: str) -> ThreadMessage | None:
    """One message of a thread."""
    row = await read.one(select(thread_messages).where(thread_messages.c.id == id))
    return ThreadMessage(**row) if row else None


async def list_thread_messages(read: Read, thread_id: str, *, after: str | None, limit: int) -> list[ThreadMessage]:
    """What was written in a thread, oldest first, from behind ``after``."""
    page = select(thread_messages).where(thread_messages.c.thread_id == thread_id)
    if after is not None:
        page = page.where(thread_messages.c.id > after)
    return [ThreadMessage(**row) for row in await read.all(page.order_by(thread_messages.c.id).limit(limit))]


async def mails_of_thread(read: Read, thread_id: str) -> tuple[str, ...]:
    """The ids of the mails of a thread, oldest first."""
    mine = (thread_messages.c.thread_id == thread_id, thread_messages.c.message_id.is_not(None))
    rows = await read.all(select(thread_messages.c.message_id).where(*mine).order_by(thread_messages.c.id))
    return tuple(row["message_id"] for row in rows)


async def addresses_in(read: Read, thread_id: str, contact_id: str) -> frozenset[str]:
    """The addresses that a contact wrote from in a thread, or was written to at."""
    theirs = (thread_messages.c.thread_id == thread_id, thread_messages.c.contact_id == contact_id)
    page = select(thread_messages.c.address).where(*theirs, thread_messages.c.address.is_not(None)).distinct()
    return frozenset(row["address"] for row in await read.all(page))


async def find_sent_mail(read: Read, message_ids: Collection[str]) -> ThreadMessage | None:
    """The mail of ours in a thread that has one of these ids."""
    ours = (thread_messages.c.message_id.in_(list(message_ids)), thread_messages.c.status.is_not(None))
    row = await read.one(select(thread_messages).where(*ours).order_by(thread_messages.c.id.desc()).limit(1))
    return ThreadMessage(**row) if row else None


async def last_sent_mail(read: Read, thread_id: str) -> ThreadMessage | None:
    """The newest mail of ours in a thread."""
    ours = (thread_messages.c.thread_id == thread_id, thread_messages.c.status.is_not(None))
    row = await read.one(select(thread_messages).where(*ours).order_by(thread_messages.c.id.desc()).limit(1))
    return ThreadMessage(**row) if row else None


async def note_sending(tx: Tx, id: str, detail: str) -> None:
    """Keep what was told of a mail that does not end with it."""
    await tx.run(update(thread_messages).where(thread_messages.c.id == id).values(detail=detail))


async def move_sending(tx: Tx, id: str, *, was: Sending, now: Sending, detail: str | None = None) -> bool:
    """Say what became of a mail that we send; False when something else did already."""
    return await tx.run(HAND_OVER, of=id, was=was, now=now, why=detail) == 1


async def count_mails_under_way(read: Read) -> tuple[dict[Sending, int], datetime | None]:
    """How many mails that colleagues wrote are not sent yet, by status, and when the oldest of them was written."""
    rows = await read.all(TO_BE_SENT)
    counts = {row["status"]: row["total"] for row in rows}
    return {status: counts.get(status, 0) for status in UNDER_WAY}, min((row["oldest"] for row in rows), default=None)


async def waiting_mails(read: Read, *, before: datetime, limit: int) -> list[str]:
    """Mails that were to be sent before this instant and of which nothing was tried."""
    return [row["id"] for row in await read.all(WAITING, before=before, most=limit)]


async def move_conversations(tx: Tx, from_id: str, to_id: str) -> None:
    """Let the threads of one record, and what it wrote, be another's."""
    for column in (threads.c.contact_id, threads.c.ticket_id, thread_messages.c.contact_id):
        await tx.run(update(column.table).where(column == from_id).values({column.name: to_id}))


def _thread(row: RowMapping | None) -> Thread | None:
    return Thread(**{name: row[name] for name in Thread.model_fields}) if row is not None else None
