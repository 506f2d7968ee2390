"""What the reader of a message does by a link in it: unsubscribe with one click, or choose what to get.

Whoever has the message may do it, so the token of the link is all it takes: no cookie, no login, no second question.
The contact is who the message went to; should that one be gone, whoever has the address now, else the address alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from domain.base import Frozen, Json
from domain.events import UNSUBSCRIBED
from domain.facts import SubscriptionState
from domain.links import Purpose
from domain.records import StoredRecord
from domain.subscriptions import Consent, SubscriptionType
from domain.values import unique_form
from services.installation import Installation
from services.intake.events import Happened, record_event
from services.leaving.replies import find_answered
from services.links import read_link
from services.records.records import Write
from services.records.subscriptions import OBJECT, Grounds, set_subscriptions
from services.records.suppressing import (
    ADDRESS,
    is_unsubscribed_from_all,
    keep_from,
    take_marketing_again,
    unsubscribe_from_all,
)
from store import subscriptions as rows
from store.database import Read, Tx
from store.locks import lock_records
from store.outputs import find_message
from store.records import find_by_unique, get_record
from store.schema import load_account, load_schema
from store.suppressions import Suppression, state_of

ONE_CLICK = Grounds(source="one-click unsubscribe")
PAGE = Grounds(source="preference page", legal_basis="consent")
MOST_TYPES = 1000
"""More than anybody keeps apart."""

How = Literal["one_click", "page", "provider"]


class Sent(Frozen):
    """A message that left, as its links need it."""

    id: str
    contact_id: str | None
    recipient: str
    subscription: str | None


class Choice(Frozen):
    """A type of messages on the preference page; ``receives``: the contact gets it, unless it wants nothing at all."""

    slug: str
    name: str
    description: str
    receives: bool


class Preferences(Frozen):
    """What the preference page shows: whose it is, of whom, what there is, and whether everything is off."""

    sender: str
    address: str
    choices: tuple[Choice, ...]
    unsubscribed_from_all: bool


async def find_sent(read: Read, inst: Installation, token: str, purpose: Purpose) -> Sent | None:
    """The message that carries a link; None when the token is not ours or no such message left."""
    link = read_link(inst, await load_account(read), token, purpose)
    row = await find_message(read, link.key) if link is not None else None
    return Sent(**{name: row[name] for name in Sent.model_fields}) if row is not None else None


async def find_contact(read: Read, sent: Sent) -> StoredRecord | None:
    """The contact a message went to, or who has its address now."""
    if sent.contact_id is not None and (found := await get_record(read, sent.contact_id)) is not None:
        return found
    email = (await load_schema(read)).objects[OBJECT].properties[ADDRESS]
    return await find_by_unique(read, OBJECT, ADDRESS, unique_form(email.type, sent.recipient))


async def show_preferences(read: Read, sent: Sent) -> Preferences:
    """What a contact gets and could get, types that are archived only while it gets them."""
    account = await load_account(read)
    contact = await find_contact(read, sent)
    known = await rows.consents_of(read, contact.id) if contact is not None else {}
    choices = tuple(
        Choice(slug=each.slug, name=each.name, description=each.description, receives=receives)
        for each in await rows.page_types(read, limit=MOST_TYPES)
        if each.kind == "marketing"
        and ((receives := _receives(each, known, account.send_to_not_specified)) or not each.archived)
    )
    return Preferences(
        sender=account.mail_from_name or account.name,
        address=_veiled(sent.recipient),
        choices=choices,
        unsubscribed_from_all=contact is not None and await is_unsubscribed_from_all(read, contact),
    )


async def unsubscribe(tx: Tx, write: Write, sent: Sent) -> None:
    """Do what a mail service asks for when its reader presses the button: no more messages of this type.

    The event and the change of state are committed together; the same click again is nothing.
    """
    contact = await _held(tx, sent)
    if contact is None or sent.subscription is None:
        await _out_of_all(tx, write, sent, contact, ONE_CLICK, "one_click")
        return
    if await state_of(tx, contact.id, sent.subscription) != "unsubscribed":
        await set_subscriptions(tx, contact.id, {sent.subscription: "unsubscribed"}, write.stamp, ONE_CLICK)
        await _tell(tx, write, sent, contact, {"subscription": sent.subscription, "how": "one_click"})


async def unsubscribe_altogether(tx: Tx, write: Write, sent: Sent) -> None:
    """No more marketing, as the contact says on the page."""
    await _out_of_all(tx, write, sent, await _held(tx, sent), PAGE, "page")


async def unsubscribe_elsewhere(tx: Tx, write: Write, sent: Sent, source: str) -> None:
    """No more marketing, as the contact told the service that carried a message; ``source``: which one."""
    await _out_of_all(tx, write, sent, await _held(tx, sent), Grounds(source=source), "provider")


async def choose(
    tx: Tx, write: Write, sent: Sent, wanted: Collection[str], *, offered: Collection[str] | None = None
) -> bool:
    """Let a contact get the types it ticked on the page and no others; those it had ticked anyway stay as they are.

    ``offered``: the types that the page showed, None for all there are; whatever else there is stays as it is.
    To tick one is to agree to it, so whoever was unsubscribed from all gets what is ticked again. Where nobody has the
    address any more, to tick none is kept for whoever has it next; False: there is nobody who could agree.
    """
    contact = await _held(tx, sent)
    shown = await show_preferences(tx, sent)
    choices = [choice for choice in shown.choices if offered is None or choice.slug in offered]
    agrees = any(choice.slug in wanted for choice in choices)
    if contact is None:
        if not agrees:
            await _out_of_all(tx, write, sent, None, PAGE, "page")
        return not agrees
    if shown.unsubscribed_from_all:
        if not agrees:
            return True
        await take_marketing_again(tx, contact.id)
    moved: dict[str, SubscriptionState] = {
        choice.slug: "subscribed" if choice.slug in wanted else "unsubscribed"
        for choice in choices
        if choice.receives != (choice.slug in wanted)
    }
    if moved:
        await set_subscriptions(tx, contact.id, moved, write.stamp, PAGE)
    for slug, state in moved.items():
        if state == "unsubscribed":
            await _tell(tx, write, sent, contact, {"subscription": slug, "how": "page"})
    return True


async def _held(tx: Tx, sent: Sent) -> StoredRecord | None:
    """The contact, locked for writing together with the records of the enrollment that sent the message."""
    contact = await find_contact(tx, sent)
    about = await find_answered(tx, UNSUBSCRIBED, {"message": sent.id})
    if contact is None:
        return None
    locked = await lock_records(tx, {contact.id, *(about.records if about else ())}, write={contact.id})
    found = locked.get(contact.id)
    return found if found is not None and found.deleted_at is None else None


async def _out_of_all(
    tx: Tx, write: Write, sent: Sent, contact: StoredRecord | None, grounds: Grounds, how: How
) -> None:
    if contact is None:
        made = Suppression(
            subject=sent.recipient, reason="unsubscribed", source=grounds.source, cause=write.cause, since=write.now
        )
        await keep_from(tx, made)
    elif await unsubscribe_from_all(tx, contact.id, write.stamp, grounds):
        await _tell(tx, write, sent, contact, {"all": True, "how": how})


async def _tell(tx: Tx, write: Write, sent: Sent, contact: StoredRecord, carried: Mapping[str, Json]) -> None:
    happened = Happened(name=UNSUBSCRIBED, properties={"message": sent.id, **carried})
    await record_event(tx, write, contact.id, happened)


def _receives(type_: SubscriptionType, known: Mapping[str, Consent], allows_unspecified: bool) -> bool:
    consent = known.get(type_.slug)
    if consent is None or consent.state == "not_specified":
        return allows_unspecified and not type_.archived
    return consent.state == "subscribed"


def _veiled(address: str) -> str:
    """An address as far as whoever was forwarded the message may see it: ``a…@example.com``."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"
