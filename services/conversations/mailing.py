"""What a colleague writes to a contact by mail: written down with what it does to the ticket, to be sent by its run.

A mail from the ticket is one thing, from the contact's record another: only the first one moves the ticket.
"""

from __future__ import annotations

from html import escape
from typing import Literal, TypeAlias

from domain.base import Frozen
from domain.consent import EMAIL_STATUS, refuse_unreachable
from domain.conversations import LONGEST_SUBJECT, NO_SUBJECT, TICKET, Channel, Thread, ThreadMessage
from domain.errors import Conflict, Invalid, NotFound, StepSkipped
from domain.headers import in_one_line, message_id, subject_problem
from domain.problems import FieldError
from domain.records import StoredRecord
from services.conversations.channels import find
from services.conversations.opening import open_thread
from services.conversations.receiving import hold
from services.conversations.standing import move_sent
from services.records.records import Write
from services.records.subscriptions import OBJECT
from services.records.suppressing import ADDRESS
from store.associations import list_associations
from store.channels import find_channel
from store.database import Read, Tx
from store.ids import new_id
from store.locks import lock_records
from store.people import User, get_user
from store.records import get_record
from store.suppressions import why_suppressed
from store.threads import get_thread, insert_thread_message

SentFrom: TypeAlias = Literal["ticket", "contact"]
"""From whose record a colleague writes."""
ANSWERED = "Re: "


class Letter(Frozen):
    """What a colleague writes. ``html`` None: made of the text."""

    user_id: str
    text: str
    html: str | None = None
    subject: str | None = None


async def write_to(
    tx: Tx, write: Write, slug: str, letter: Letter, *, ticket_id: str | None = None, contact_id: str | None = None
) -> tuple[ThreadMessage, Thread]:
    """Begin a conversation by mail: from a ticket with its contact, or from a contact's record.

    Raises:
        NotFound: there is no such channel, ticket, contact or user.
        Invalid: the channel is none of mail, or the subject can be none.
        Conflict: nobody can be written to, or the ticket is being changed by others at the same time.
    """
    channel = await find(tx, slug)
    _refuse_unusable(channel, letter)
    user = await _user(tx, letter.user_id)
    near = await _contacts_of(tx, ticket_id) if ticket_id is not None else [str(contact_id)]
    locked = await lock_records(tx, {*near, *([ticket_id] if ticket_id is not None else [])}, write=True)
    alive = {id: record for id, record in locked.items() if record.deleted_at is None}
    ticket = alive.get(ticket_id) if ticket_id is not None else None
    if ticket_id is not None and (ticket is None or ticket.object != TICKET):
        raise NotFound(f"there is no ticket {ticket_id}")
    contact = next((alive[id] for id in near if id in alive and alive[id].object == OBJECT), None)
    if contact is None:
        raise _nobody("the ticket has no contact") if ticket_id else NotFound(f"there is no contact {contact_id}")
    address = await _address_of(tx, contact)
    thread, _ = await open_thread(
        tx, write, channel, contact_id=contact.id, subject=letter.subject or "", ticket_id=ticket_id, opens_ticket=False
    )
    effect = await move_sent(tx, write, ticket, from_ticket=True) if ticket is not None else None
    return await _queue(tx, write, channel, thread, letter, user, address, effect), thread


async def answer_in(
    tx: Tx, write: Write, thread_id: str, letter: Letter, *, sent_from: SentFrom = "ticket"
) -> tuple[ThreadMessage, Thread]:
    """Answer the contact in a conversation by mail.

    Raises:
        NotFound: there is no such thread or user.
        Invalid: the conversation is no mail.
        Conflict: nobody can be written to, or the conversation is being changed by others at the same time.
    """
    seen = await get_thread(tx, thread_id)
    if seen is None:
        raise NotFound(f"there is no thread {thread_id}", code="unknown_thread")
    channel = await find_channel(tx, seen.channel)
    assert channel is not None, "a channel with threads stays"
    letter = letter.model_copy(update={"subject": letter.subject or _answering(seen.subject)})
    _refuse_unusable(channel, letter)
    user = await _user(tx, letter.user_id)
    thread, records = await hold(tx, seen)
    contact = records.get(thread.contact_id) if thread.contact_id is not None else None
    if contact is None:
        raise _nobody("the conversation has no contact")
    address = await _address_of(tx, contact)
    ticket = records.get(thread.ticket_id) if thread.ticket_id is not None else None
    effect = await move_sent(tx, write, ticket, from_ticket=sent_from == "ticket") if ticket is not None else None
    return await _queue(tx, write, channel, thread, letter, user, address, effect), thread


async def _queue(
    tx: Tx,
    write: Write,
    channel: Channel,
    thread: Thread,
    letter: Letter,
    user: User,
    address: str,
    effect: str | None,
) -> ThreadMessage:
    id = new_id(write.now)
    message = ThreadMessage(
        id=id,
        thread_id=thread.id,
        direction="out",
        author="user",
        contact_id=thread.contact_id,
        user_id=user.id,
        address=address,
        subject=" ".join((letter.subject or thread.subject).split()),
        text=letter.text,
        html=letter.html or f"<p>{escape(letter.text).replace(chr(10), '<br>')}</p>",
        message_id=message_id(f"thread.{id}", channel.address or ""),
        status="queued",
        effect=effect,
        created_at=write.now,
    )
    written = await insert_thread_message(tx, message)
    assert written, "what we send has no id of another side"
    return message


def _answering(subject: str) -> str:
    # What the contact wrote is answered whatever it holds; what the colleague writes is refused.
    subject = in_one_line(subject) or NO_SUBJECT
    return subject if subject.lower().startswith(ANSWERED.lower()) else f"{ANSWERED}{subject}"[:LONGEST_SUBJECT]


def _refuse_unusable(channel: Channel, letter: Letter) -> None:
    if channel.kind != "email":
        words = f"{channel.slug} is a {channel.kind} channel: answer where the conversation is, mail cannot reach it"
        raise Invalid(words, errors=[FieldError(path="", code="wrong_value", message=words)])
    if not channel.active:
        raise Conflict(f"the channel {channel.slug} is switched off", code="switched_off")
    if (no := subject_problem(letter.subject or "")) is not None:
        raise Invalid(no, errors=[FieldError(path="/subject", code="wrong_value", message=no)])


async def _user(read: Read, user_id: str) -> User:
    user = await get_user(read, user_id)
    if user is None or not user.active:
        raise NotFound(f"there is no user {user_id}, or not any more")
    return user


async def _contacts_of(read: Read, ticket_id: str) -> list[str]:
    """The contacts of a ticket, the one associated first at the front."""
    if await get_record(read, ticket_id) is None:
        return []
    links = (await list_associations(read, [ticket_id]))[ticket_id]
    return [each.other_id for each in links if each.other_object == OBJECT]


async def _address_of(read: Read, contact: StoredRecord) -> str:
    address = contact.properties.get(ADDRESS)
    if not isinstance(address, str) or not address:
        raise _nobody("the contact has no email address")
    try:
        refuse_unreachable(contact.properties.get(EMAIL_STATUS), await why_suppressed(read, [address, contact.id]))
    except StepSkipped as no:
        raise _nobody(f"the contact's address is {no.reason}") from None
    return address


def _nobody(why: str) -> Conflict:
    return Conflict(f"{why}: nobody can be written to", code="no_address")
