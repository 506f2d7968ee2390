"""Takes in what somebody writes in a conversation: kept in its thread, with what it does to the ticket.

Everything is one transaction with what brought it in, so a mail is never kept without its ticket, nor a ticket made
twice for one mail.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from domain.base import Frozen
from domain.conversations import Author, Channel, Thread, ThreadMessage
from domain.errors import Conflict
from domain.records import StoredRecord
from services.conversations.opening import company_of, open_thread, open_ticket
from services.conversations.standing import move_answered
from services.records.records import Write
from store.database import Tx
from store.ids import new_id
from store.locks import lock_records, lock_thread
from store.threads import change_thread, find_thread_message, get_thread, insert_thread_message

BEING_CHANGED = "the conversation is being changed by others at the same time: try again"
NO_TICKET = "its ticket was deleted; "


class Said(Frozen):
    """What somebody wrote, and where. ``thread`` None: it begins one, which the other side calls ``conversation``.

    ``contact_id``: the contact who wrote, or whom a new conversation is with. ``address``: of who wrote.
    """

    channel: Channel
    thread: Thread | None
    author: Author
    text: str
    subject: str = ""
    contact_id: str | None = None
    user_id: str | None = None
    address: str | None = None
    message_id: str | None = None
    external_id: str | None = None
    conversation: str | None = None
    mail: str | None = None


@dataclass(frozen=True)
class Received:
    """The message as it is kept and its thread; ``is_new`` False: it came before and nothing was done."""

    message: ThreadMessage
    thread: Thread
    is_new: bool = True


async def receive(tx: Tx, write: Write, said: Said, *, also: Collection[str] = ()) -> Received:
    """Keep what was written and do what follows. ``also``: records the caller will lock, as all are locked at once.

    Raises:
        Conflict: the conversation is being changed or begun by others at the same time; nothing was kept.
    """
    if said.thread is None:
        company = await company_of(tx, said.contact_id) if said.contact_id is not None else None
        near = {each for each in (said.contact_id, company) if each is not None}
        await lock_records(tx, near | {*also}, write=near | {*also})
        thread, effect = await open_thread(
            tx,
            write,
            said.channel,
            contact_id=said.contact_id,
            subject=said.subject or said.text[:80],
            external_id=said.conversation,
        )
        return await _keep(tx, write, thread, said, effect)
    thread, records = await hold(tx, said.thread, also={*also, *([said.contact_id] if said.contact_id else [])})
    if said.external_id is not None:
        known = await find_thread_message(tx, thread.id, said.external_id)
        if known is not None:
            return Received(known, thread, is_new=False)
    thread, effect = await _follow(tx, write, thread, records, said)
    return await _keep(tx, write, thread, said, effect)


async def hold(tx: Tx, seen: Thread, *, also: Collection[str] = ()) -> tuple[Thread, dict[str, StoredRecord]]:
    """A thread and the records it is about, locked for writing together with ``also``.

    Raises:
        Conflict: it is about others by now.
    """
    about = {each for each in (seen.contact_id, seen.ticket_id) if each is not None}
    if seen.contact_id is not None and (company := await company_of(tx, seen.contact_id)) is not None:
        about.add(company)
    locked = await lock_records(tx, about | {*also}, write=True)
    await lock_thread(tx, seen.id)
    thread = await get_thread(tx, seen.id)
    if thread is None or (thread.contact_id, thread.ticket_id) != (seen.contact_id, seen.ticket_id):
        raise Conflict(BEING_CHANGED)
    return thread, {id: record for id, record in locked.items() if record.deleted_at is None}


async def _follow(
    tx: Tx, write: Write, thread: Thread, records: dict[str, StoredRecord], said: Said
) -> tuple[Thread, str | None]:
    """What a message in a thread does to its ticket; whoever answers about one that was deleted gets a new one."""
    if thread.ticket_id is None:
        return thread, None
    ticket = records.get(thread.ticket_id)
    if ticket is not None:
        # Whatever the channel: an email about the ticket of a form or a chat is answered by mail.
        by_mail = said.mail is not None
        return thread, await move_answered(tx, write, ticket, thread, author=said.author, by_mail=by_mail)
    if said.author != "contact" or not said.channel.opens_tickets:
        return thread, None
    contact_id = thread.contact_id if thread.contact_id in records else None
    made, effect = await open_ticket(tx, write, said.channel, contact_id=contact_id, subject=thread.subject)
    await change_thread(tx, thread.id, ticket_id=made.id, opened_ticket=True)
    return thread.model_copy(update={"ticket_id": made.id, "opened_ticket": True}), NO_TICKET + effect


async def _keep(tx: Tx, write: Write, thread: Thread, said: Said, effect: str | None) -> Received:
    message = ThreadMessage(
        id=new_id(write.now),
        thread_id=thread.id,
        direction="out" if said.author in ("user", "personal_mailbox") else "in",
        author=said.author,
        contact_id=said.contact_id if said.author == "contact" else None,
        user_id=said.user_id,
        address=said.address,
        subject=said.subject,
        text=said.text,
        message_id=said.message_id,
        external_id=said.external_id,
        mail=said.mail,
        effect=effect,
        created_at=write.now,
    )
    if not await insert_thread_message(tx, message):
        raise Conflict(BEING_CHANGED)
    return Received(message, thread)
