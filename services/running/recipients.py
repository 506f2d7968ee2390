"""Who a message goes to, and whether it may leave the house (engine.md, Consent for messages)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import assert_never

from domain.errors import StepFailed, StepSkipped, Unavailable
from domain.facts import RecordFacts
from domain.messages import StepCall
from domain.recipients import AssociatedContacts, TextTo, To, ToAddresses, ToAssociated, ToNumbers
from services.installation import Installation
from services.running.inside import Inside
from services.running.variables import look_inside, record_of
from store.people import User, get_user

CONTACTS = ("contact",)

SAMPLE_SOURCE = "sample"
"""What the property ``source`` of a record of the sample says."""


def contact_objects(object: str) -> Collection[str]:
    """Which associated objects the recipient of a workflow on ``object`` is found through."""
    return () if object == "contact" else ("contact",)


def contact_of(inside: Inside) -> RecordFacts:
    """The contact a message to the record goes to: the record itself, or its latest associated contact.

    Raises:
        StepSkipped: ``no_record``, when there is none.
    """
    contact = record_of(inside, "contact")
    if contact is None:
        raise StepSkipped("no_record", f"the {inside.record.object} has no contact")
    return contact


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How a channel reaches somebody: the ``property`` of a contact that holds the address, and that of a ``user``."""

    property: str
    user: Callable[[User], str | None]


BY_EMAIL = Reach(property="email", user=lambda user: user.email)
BY_TEXT = Reach(property="phone", user=lambda user: user.phone)


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """One who gets a message. ``name``: what tells it from the others of the visit; None: it is the only one.

    ``written`` is the address as it stands there (None: there is none), ``contact`` the contact it belongs to, if any.
    Both are asked again when the message leaves, and raise StepSkipped.
    """

    name: str | None = None
    address_objects: Collection[str] = ()
    through: Collection[str] = ()
    contact: Callable[[Inside], RecordFacts | None]
    written: Callable[[Inside], str | None]
    is_internal: bool = False


async def recipients_of(inst: Installation, call: StepCall, object: str, to: To | TextTo, by: Reach) -> list[Recipient]:
    """Everybody a step sends a message to, as things stand; ``object``: what the workflow is about.

    Empty when nobody is associated, or the enrollment is over.

    Raises:
        StepFailed: ``broken_reference``, when the owner is nobody who is there.
    """
    match to:
        case "record":
            return [_of_contact(contact_of, by, address_objects=contact_objects(object))]
        case "owner":
            return [await _owner(inst, call, by)]
        case ToAddresses():
            return [_fixed(address) for address in {each.lower(): each for each in to.addresses}.values()]
        case ToNumbers():
            return [_fixed(number) for number in dict.fromkeys(to.numbers)]
        case ToAssociated(associated=AssociatedContacts(match="latest") as wanted):
            return [_of_contact(partial(_associated, wanted, None), by, through=CONTACTS)]
        case ToAssociated(associated=wanted):
            async with inst.db.glance() as read:
                inside = await look_inside(read, inst, call, objects=(), through=CONTACTS)
            ids = sorted({each.id for each in _those(inside, wanted)}) if inside is not None else []
            return [_of_contact(partial(_associated, wanted, id), by, name=id, through=CONTACTS) for id in ids]
    assert_never(to)


def _of_contact(
    contact: Callable[[Inside], RecordFacts],
    by: Reach,
    *,
    name: str | None = None,
    address_objects: Collection[str] = (),
    through: Collection[str] = (),
) -> Recipient:
    def written(inside: Inside) -> str | None:
        address = contact(inside).properties.get(by.property)
        return address if isinstance(address, str) else None

    return Recipient(
        name=name, address_objects=address_objects, through=through, contact=contact, written=written
    )  # fmt: skip


def _those(inside: Inside, wanted: AssociatedContacts) -> list[RecordFacts]:
    """Associated contacts under the label, the youngest association first."""
    associated = inside.facts.associated.get("contact", ())
    return [each.record for each in associated if wanted.label is None or each.label == wanted.label]


def _associated(wanted: AssociatedContacts, contact_id: str | None, inside: Inside) -> RecordFacts:
    """The associated contact of this id (None: the latest)."""
    found = next((each for each in _those(inside, wanted) if contact_id in (None, each.id)), None)
    if found is None:
        label = f" that is its {wanted.label}" if wanted.label else ""
        raise StepSkipped("no_record", f"the {inside.record.object} has no associated contact{label}")
    return found


def _nobody(inside: Inside) -> None:
    return None


def _fixed(address: str) -> Recipient:
    digest = hashlib.sha256(address.lower().encode()).hexdigest()[:16]
    return Recipient(name=digest, contact=_nobody, written=lambda _: address, is_internal=True)


async def _owner(inst: Installation, call: StepCall, by: Reach) -> Recipient:
    async with inst.db.glance() as read:
        inside = await look_inside(read, inst, call, objects=())
        owner = inside.record.properties.get("owner") if inside is not None else None
        user = await get_user(read, owner) if isinstance(owner, str) else None
    if owner and (user is None or not user.active):
        raise StepFailed("broken_reference", f"there is no active user {owner}")

    def written(now: Inside) -> str | None:
        current = now.record.properties.get("owner")
        if not current:
            raise StepSkipped("no_owner", f"nobody owns the {now.record.object}")
        if user is None or user.id != current:
            raise Unavailable("the record changed hands while the message was prepared")
        return by.user(user)

    return Recipient(contact=_nobody, written=written, is_internal=True)


def keep_sample_inside(contact: RecordFacts, domain: str, *, allowed: Collection[str], stays_here: bool) -> None:
    """Refuse to send to somebody made up. ``stays_here``: the gateway is the local outbox, which reaches nobody.

    Raises:
        StepSkipped: ``no_consent``, for a sample record whose ``domain`` is not among the allowed ones.
    """
    if stays_here or contact.properties.get("source") != SAMPLE_SOURCE:
        return
    if domain.lower() not in {name.lower() for name in allowed}:
        raise StepSkipped("no_consent", "a sample record is not written to outside the outbox")
