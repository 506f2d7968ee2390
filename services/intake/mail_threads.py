"""In which conversation a mail that came in is written, and by whom.

A mail belongs to the thread whose address it went to, or whose mail it answers; an answer to an email that a workflow
sent about a ticket belongs to the thread that ticket was created from. Everything else that comes to the address of a
channel begins a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from domain.conversations import TICKET, Author, Channel, Sending, Thread, ThreadMessage
from domain.incoming_mail import InboundKind, IncomingMail
from domain.mail_parts import is_same_mailbox
from services.conversations.opening import find_or_add_contact
from services.conversations.receiving import Said
from services.conversations.sending import settle_mail
from services.intake.mail_matching import Match
from services.intake.statuses import Told
from services.records.records import Write
from services.records.suppressing import suppress_address
from store.associations import associated_among
from store.channels import find_by_address, find_channel, has_address
from store.database import Read, Tx
from store.enrollments import get_enrollment
from store.people import find_user
from store.schema import load_account
from store.threads import (
    addresses_in,
    begun_by_nobody,
    begun_lately,
    find_sent_mail,
    first_thread_of,
    get_thread,
    last_sent_mail,
    note_sending,
    thread_answered,
    thread_of_tokens,
)

KINDS: dict[Author, InboundKind] = {
    "contact": "reply",
    "user": "sent_by_user",
    "personal_mailbox": "sent_by_user",
    "forwarded": "forwarded",
    "reply_to_forwarded": "forwarded",
    "automatic": "automatic",
    "other": "other",
}
"""What a mail in a thread is to us, by who wrote it."""

LONGEST_SENDER = 320
"""Characters that are kept of the address of who wrote; a header may hold any number."""

BRAKE_AFTER, BRAKE_SPAN = 10, timedelta(hours=1)
"""How many conversations one sender begins in a channel within which time; nobody has more to ask."""

FORWARDED: frozenset[Author] = frozenset({"forwarded", "reply_to_forwarded"})


@dataclass(frozen=True)
class Place:
    """Where a mail is written. ``thread`` None: it begins one. ``answers``: who wrote the mail that it answers.

    ``is_braked``: it would have begun one, and its sender began too many.
    """

    channel: Channel
    thread: Thread | None = None
    answers: Author | None = None
    is_braked: bool = False


async def find_place(read: Read, mail: IncomingMail, match: Match, *, now: datetime) -> Place | None:
    """Where a mail is written; None for one that is about no conversation and came to no channel.

    What no person wrote begins nothing, and neither does what comes from an address of ours.
    """
    if mail.kind == "report":
        return None
    found = await _thread_of(read, mail, match)
    if found is not None:
        thread, answers = found
        channel = await find_channel(read, thread.channel)
        assert channel is not None, "a channel with threads stays"
        if channel.active:
            return Place(channel, thread, answers)
    channels = await find_by_address(read, "email", mail.recipients)
    first = next((channels[each] for each in mail.recipients if each in channels), None)
    if first is None or mail.kind == "automatic" or await _is_ours(read, mail.sender):
        return None
    return await _brake(read, first, mail, match, now=now) or Place(first)


async def _brake(read: Read, channel: Channel, mail: IncomingMail, match: Match, *, now: datetime) -> Place | None:
    """Where the mail of somebody who begins one conversation after the other is written; None: it may begin another.

    Two programs that answer each other would open tickets for ever; what they write is kept and opens no more.
    """
    since = now - BRAKE_SPAN
    if match.known is not None:
        begun = await begun_lately(read, channel.id, match.known.id, since=since)
    elif mail.sender is not None:
        # A colleague, and whoever's address makes no contact.
        begun = await begun_by_nobody(read, channel.id, mail.sender[:LONGEST_SENDER], since=since)
    else:
        return None
    newest = await get_thread(read, begun[0]) if len(begun) >= BRAKE_AFTER else None
    return Place(channel, newest, is_braked=True) if newest is not None else None


async def said_in(tx: Tx, write: Write, place: Place, mail: IncomingMail, match: Match, mail_id: str) -> Said:
    """What a mail says there; whoever begins a conversation is a contact from then on, unless it is a colleague."""
    contact = match.known
    user = await find_user(tx, mail.sender) if mail.sender is not None else None
    if place.thread is None and contact is None and user is None and mail.sender is not None:
        contact = await find_or_add_contact(tx, write, mail.sender, mail.sender_name)
    contact_id = contact.id if contact is not None else await _whose(tx, place, mail)
    author = await _author(tx, place, mail, contact_id, is_user=user is not None)
    is_theirs = place.thread is None or author == "contact"
    return Said(
        channel=place.channel,
        thread=place.thread,
        author=author,
        contact_id=contact_id if is_theirs else None,
        user_id=user.id if user is not None and author == "personal_mailbox" else None,
        address=mail.sender[:LONGEST_SENDER] if mail.sender is not None else None,
        subject=mail.subject,
        text=mail.text,
        message_id=mail.message_id,
        mail=mail_id,
    )


def kind_in(place: Place, author: Author) -> InboundKind:
    """What the mail is to us."""
    return "opened" if place.thread is None else KINDS[author]


async def _thread_of(read: Read, mail: IncomingMail, match: Match) -> tuple[Thread, Author | None] | None:
    answered = await thread_answered(read, mail.answers)
    addressed = await thread_of_tokens(read, mail.tokens)
    if addressed is not None:
        is_there = answered is not None and answered[0].id == addressed.id
        return addressed, answered[1] if answered is not None and is_there else None
    if answered is not None:
        return answered
    if match.message is None or match.author is None:
        return None
    enrollment = await get_enrollment(read, match.message["enrollment_id"])
    if enrollment is None or enrollment.object != TICKET:
        return None
    first = await first_thread_of(read, enrollment.record_id)
    return (first, None) if first is not None else None


async def _author(read: Read, place: Place, mail: IncomingMail, contact_id: str | None, *, is_user: bool) -> Author:
    if mail.kind == "automatic" or place.is_braked:
        return "automatic"
    if mail.forwarded:
        return "forwarded"
    if mail.answers_forwarded or place.answers in FORWARDED:
        return "reply_to_forwarded"
    if contact_id is not None and await _takes_part(read, place, contact_id):
        return "contact"
    return "personal_mailbox" if is_user else "other"


async def _whose(read: Read, place: Place, mail: IncomingMail) -> str | None:
    """The contact of a conversation who writes from an address that nobody has any more, but had here.

    People go on to write from where they were written to after their record was merged or got another address.
    """
    thread, sender = place.thread, mail.sender
    if thread is None or thread.contact_id is None or sender is None:
        return None
    had = await addresses_in(read, thread.id, thread.contact_id)
    return thread.contact_id if any(is_same_mailbox(each, sender) for each in had) else None


async def _takes_part(read: Read, place: Place, contact_id: str) -> bool:
    """Whether a contact may answer: the one a conversation is with, or one whose ticket it is."""
    if place.thread is None or place.thread.contact_id == contact_id:
        return True
    ticket = place.thread.ticket_id
    return ticket is not None and contact_id in await associated_among(read, ticket, [contact_id])


async def _is_ours(read: Read, sender: str | None) -> bool:
    """Whether an address is one that we write from: a copy of our own mail is nobody's question."""
    if sender is None:
        return False
    account = await load_account(read)
    return sender == (account.mail_from or "").lower() or await has_address(read, sender)


async def find_reported(read: Read, mail: IncomingMail) -> ThreadMessage | None:
    """The mail of ours in a conversation that a mail server tells of: by its id, or the address the report came to."""
    sent = await find_sent_mail(read, mail.answers) if mail.answers else None
    if sent is not None:
        return sent
    thread = await thread_of_tokens(read, mail.tokens)
    return await last_sent_mail(read, thread.id) if thread is not None else None


async def follow_report(tx: Tx, write: Write, sent: ThreadMessage, told: Told | None, detail: str | None) -> None:
    """Write down what became of a mail in a conversation; an address that is no good gets nothing more."""
    if told is None:
        if detail is not None:
            await note_sending(tx, sent.id, detail)
        return
    if told.fate in ("bounced", "complained") and sent.address is not None:
        reason: Literal["bounced", "complained"] = "bounced" if told.fate == "bounced" else "complained"
        await suppress_address(tx, write, sent.address, reason, source=told.source)
    if told.fate in ("bounced", "delivered"):
        fate: Sending = "bounced" if told.fate == "bounced" else "delivered"
        await settle_mail(tx, sent, fate, told.detail, now=write.now)
