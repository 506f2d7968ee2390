"""Begins conversations: a thread, the contact it is with, and the ticket where its channel opens one."""

from __future__ import annotations

from collections.abc import Mapping

from domain.base import Json
from domain.builtin import PIPELINE, STAGE
from domain.conversations import (
    LONGEST_SUBJECT,
    NO_SUBJECT,
    TICKET,
    Channel,
    Thread,
    first_open_stage,
    person_names,
)
from domain.errors import Conflict, Invalid
from domain.records import StoredRecord
from domain.values import unique_form
from services.conversations.standing import closed_stages, pipeline_named
from services.records.records import Link, Write, create_record
from services.records.subscriptions import OBJECT
from services.records.suppressing import ADDRESS
from store.associations import list_associations
from store.database import Read, Tx
from store.ids import new_address_token, new_id
from store.records import find_by_unique
from store.threads import insert_thread

PRIMARY, COMPANY = "primary", "company"
OPENED = "opened a ticket"


async def open_thread(
    tx: Tx,
    write: Write,
    channel: Channel,
    *,
    contact_id: str | None,
    subject: str,
    ticket_id: str | None = None,
    opens_ticket: bool = True,
    external_id: str | None = None,
) -> tuple[Thread, str | None]:
    """Begin a thread and the ticket it opens; the thread, and what is to be said of the ticket.

    ``ticket_id``: it is about that one; ``opens_ticket`` False: about none, whatever the channel says.

    Raises:
        Conflict: the other side's conversation has a thread.
    """
    subject = " ".join(subject.split())[:LONGEST_SUBJECT] or NO_SUBJECT
    said, opened = None, False
    if ticket_id is None and opens_ticket and channel.opens_tickets:
        ticket, said = await open_ticket(tx, write, channel, contact_id=contact_id, subject=subject)
        ticket_id, opened = ticket.id, True
    thread = Thread(
        id=new_id(write.now),
        channel=channel.slug,
        contact_id=contact_id,
        ticket_id=ticket_id,
        opened_ticket=opened,
        subject=subject,
        token=new_address_token(),
        external_id=external_id,
        created_at=write.now,
        last_at=write.now,
    )
    if not await insert_thread(tx, channel.id, thread):
        raise Conflict(f"the conversation {external_id} is being begun by others at the same time: try again")
    return thread, said


async def open_ticket(
    tx: Tx, write: Write, channel: Channel, *, contact_id: str | None, subject: str
) -> tuple[StoredRecord, str]:
    """Create a ticket as its channel says, of the contact and its company; it, and what is to be said of it."""
    pipeline = pipeline_named(write, channel.pipeline)
    own = {
        "subject": subject,
        "source": channel.kind,
        PIPELINE: pipeline.value,
        STAGE: channel.stage or first_open_stage(pipeline, closed_stages(write)) or pipeline.stages[0],
    }
    properties = {**channel.properties, **own}
    return await create_record(tx, write, TICKET, properties, await _links(tx, contact_id)), OPENED


async def company_of(read: Read, contact_id: str) -> str | None:
    """The company a contact belongs to first."""
    links = (await list_associations(read, [contact_id]))[contact_id]
    return next((each.other_id for each in links if (each.other_object, each.label) == (COMPANY, PRIMARY)), None)


async def find_or_add_contact(tx: Tx, write: Write, address: str, name: str) -> StoredRecord | None:
    """Who has an address, as a contact, added if nobody has; None for what can be no address."""
    made: Mapping[str, Json] = {ADDRESS: address, **person_names(name)}
    try:
        async with tx.savepoint():
            return await create_record(tx, write, OBJECT, made)
    except Invalid:
        return None
    except Conflict:
        email = write.schema.objects[OBJECT].properties[ADDRESS]
        return await find_by_unique(tx, OBJECT, ADDRESS, unique_form(email.type, address))


async def _links(read: Read, contact_id: str | None) -> list[Link]:
    if contact_id is None:
        return []
    company = await company_of(read, contact_id)
    links = [Link(object=OBJECT, id=contact_id)]
    return [*links, Link(object=COMPANY, id=company)] if company is not None else links
