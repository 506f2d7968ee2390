"""Takes in what a program says was written in a conversation of its own: a chat, a messenger, a form, another desk."""

from __future__ import annotations

from domain.base import Frozen, Json
from domain.conversations import Channel, Thread
from domain.errors import Conflict, Invalid, NotFound
from domain.problems import FieldError
from domain.records import StoredRecord
from domain.values import unique_form
from services.conversations.channels import find
from services.conversations.opening import company_of
from services.conversations.receiving import BEING_CHANGED, Received, Said, receive
from services.records.associating import associate
from services.records.records import Write, upsert_record
from services.records.subscriptions import OBJECT
from store.channels import find_by_address
from store.database import Tx
from store.people import get_user
from store.records import find_by_unique, get_record
from store.threads import change_thread, thread_of_conversation

TEXTS = ("message", "text", "comments", "question", "body")
"""What forms call the field that people write into."""
LONGEST_TEXT = 20_000


class Writer(Frozen):
    """Who wrote: the contact of an id, of a unique property, a colleague, or nobody known."""

    contact_id: str | None = None
    property: str | None = None
    value: Json = None
    user_id: str | None = None


class Written(Frozen):
    """What was written. ``conversation``: what the other side calls it; ``external_id``: what it calls the message."""

    conversation: str
    external_id: str | None = None
    subject: str = ""
    text: str


async def take_message(tx: Tx, write: Write, slug: str, writer: Writer, written: Written) -> Received:
    """Keep a message of a channel that is not mail; the same one again is the same.

    Raises:
        NotFound: there is no such channel, contact or user, or a colleague answers in a conversation that is not there.
        Invalid: the channel takes mail in by itself, or a value is none of its property.
        Conflict: the channel is switched off, or the conversation is being changed by others at the same time.
    """
    channel = await find(tx, slug)
    if channel.kind == "email":
        words = "mail comes in by POST /inbound/email, with its headers, or by SMTP"
        raise Invalid(words, errors=[FieldError(path="", code="wrong_value", message=words)])
    if not channel.active:
        raise Conflict(f"the channel {slug} is switched off", code="switched_off")
    thread = await thread_of_conversation(tx, channel.id, written.conversation)
    if writer.user_id is not None:
        return await _by_user(tx, write, channel, thread, writer.user_id, written)
    contact = await _contact(tx, write, writer)
    contact_id = contact.id if contact is not None else thread.contact_id if thread is not None else None
    said = _said(channel, thread, written).model_copy(update={"contact_id": contact_id})
    if thread is None or thread.contact_id is not None or contact is None:
        return await receive(tx, write, said)
    company = await company_of(tx, contact.id)
    received = await receive(tx, write, said, also={company} if company is not None else ())
    if received.is_new:
        await _introduce(tx, write, received.thread, contact, company)
    return received


async def open_by_form(tx: Tx, write: Write, channel: Channel, contact_id: str, properties: dict[str, Json]) -> None:
    """Begin a conversation with a contact who filled in the form of a channel; the contact is locked."""
    subject = properties.get("subject")
    said = Said(
        channel=channel,
        thread=None,
        author="contact",
        contact_id=contact_id,
        subject=subject if isinstance(subject, str) and subject.strip() else channel.name,
        text=_text_of(properties)[:LONGEST_TEXT],
    )
    await receive(tx, write, said)


async def channel_of_form(tx: Tx, form: Json) -> Channel | None:
    """The active channel that a form belongs to."""
    return (await find_by_address(tx, "form", [form])).get(form) if isinstance(form, str) else None


def _said(channel: Channel, thread: Thread | None, written: Written) -> Said:
    return Said(
        channel=channel,
        thread=thread,
        author="contact",
        subject=written.subject,
        text=written.text,
        external_id=written.external_id,
        conversation=written.conversation,
    )


async def _by_user(
    tx: Tx, write: Write, channel: Channel, thread: Thread | None, user_id: str, written: Written
) -> Received:
    if await get_user(tx, user_id) is None:
        raise NotFound(f"there is no user {user_id}")
    if thread is None:
        raise NotFound(f"the channel {channel.slug} has no conversation {written.conversation}", code="unknown_thread")
    said = _said(channel, thread, written)
    return await receive(tx, write, said.model_copy(update={"author": "user", "user_id": user_id}))


async def _contact(tx: Tx, write: Write, writer: Writer) -> StoredRecord | None:
    if writer.contact_id is not None:
        found = await get_record(tx, writer.contact_id)
        if found is None or found.object != OBJECT:
            raise NotFound(f"there is no contact {writer.contact_id}")
        return found
    if writer.property is None:
        return None
    # Only looked at: whoever is there is locked with the ticket, as all have to be locked at once.
    known = write.schema.objects[OBJECT].property(writer.property)
    if known is not None and known.unique and isinstance(writer.value, str):
        found = await find_by_unique(tx, OBJECT, known.name, unique_form(known.type, writer.value))
        if found is not None:
            return found
    return (await upsert_record(tx, write, OBJECT, writer.property, writer.value, {}))[0]


async def _introduce(tx: Tx, write: Write, thread: Thread, contact: StoredRecord, company: str | None) -> None:
    """From now on it is known who a conversation is with. ``company``: the contact's first one, locked with it."""
    await change_thread(tx, thread.id, contact_id=contact.id)
    if thread.ticket_id is None:
        return
    if company != await company_of(tx, contact.id):
        raise Conflict(BEING_CHANGED)
    try:
        for each in (contact.id, *([company] if company is not None else [])):
            await associate(tx, write, thread.ticket_id, each)
    except NotFound as gone:
        raise Conflict("the ticket is being deleted by others at the same time: try again") from gone


def _text_of(properties: dict[str, Json]) -> str:
    for name in TEXTS:
        written = properties.get(name)
        if isinstance(written, str) and written.strip():
            return written.strip()
    return "\n".join(f"{name}: {value}" for name, value in properties.items() if name not in ("form", "subject"))
