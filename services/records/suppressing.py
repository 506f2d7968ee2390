"""Writing down that nothing more is sent to somebody: who bounced, complained, said stop or wants none.

An address or number is kept besides the contact that has it now, so that merging, deleting or importing anew brings
back nobody. Whoever has the address is locked first, so that a message claimed afterwards sees it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from domain.consent import EMAIL_STATUS, OK, UNREACHABLE, SuppressionReason
from domain.errors import NotFound
from domain.facts import SubscriptionState
from domain.incoming_texts import OPTED_OUT
from domain.ports import Phones
from domain.records import StoredRecord
from services.records.records import Write, hold_record, update_record
from services.records.subscriptions import OBJECT, Grounds, set_subscriptions
from store import subscriptions as types
from store import suppressions as rows
from store.changes import Stamp
from store.database import Read, Tx
from store.locks import lock_address, lock_records
from store.schema import load_account
from store.suppressions import Suppression
from store.texts import contacts_written_to

ADDRESS = "email"


async def suppress_address(
    tx: Tx, write: Write, address: str, reason: Literal["bounced", "complained"], *, source: str | None = None
) -> bool:
    """Send nothing to an address any more; its contact, if there is one, carries the reason as ``email_status``.

    Returns False when that was known; then nothing is written.

    Raises:
        Invalid: it is no address.
        Conflict: the address goes from contact to contact at the same time.
    """
    contact = await hold_record(tx, write, OBJECT, ADDRESS, address)
    made = Suppression(subject=address, reason=reason, source=source, cause=write.cause, since=write.now)
    is_new = await keep_from(tx, made)
    if contact is not None and is_new:
        # Who complained is not written to either when the address bounces later, and the graver word stays.
        status = "complained" if contact.properties.get(EMAIL_STATUS) == "complained" else reason
        await update_record(tx, write, contact.id, {EMAIL_STATUS: status})
    return is_new


async def lift_suppression(tx: Tx, write: Write, address: str, reasons: Collection[SuppressionReason]) -> int:
    """Send to an address again, as far as these reasons go; answers how many there were.

    Raises:
        Invalid: it is no address.
        Conflict: the address goes from contact to contact at the same time.
    """
    contact = await hold_record(tx, write, OBJECT, ADDRESS, address)
    subjects = [address, *([contact.id] if contact else [])]
    lifted = await rows.drop_suppressions(tx, subjects, reasons)
    if contact is not None and contact.properties.get(EMAIL_STATUS) in UNREACHABLE:
        left = [each.reason for each in await rows.suppressions_of(tx, address) if each.reason in UNREACHABLE]
        await update_record(tx, write, contact.id, {EMAIL_STATUS: left[0] if left else OK})
    return lifted


async def suppress_number(tx: Tx, write: Write, phones: Phones, number: str, *, source: str | None = None) -> bool:
    """Send no text message to a number (E.164) any more; False when that was so already."""
    return await opt_out(tx, write, number, await _written_to(tx, phones, number), source=source)


async def lift_number(tx: Tx, write: Write, phones: Phones, number: str) -> bool:
    """Send text messages to a number (E.164) again; False when they were sent already."""
    return await opt_in(tx, write, number, await _written_to(tx, phones, number))


def holders_of(records: Iterable[StoredRecord], phones: Phones, region: str, number: str) -> list[str]:
    """The ids of those records that are there and have this number (E.164) now; ``region``: the account's.

    Whoever had it once has nothing to do with what is said from it.
    """

    def has(record: StoredRecord) -> bool:
        written = record.properties.get("phone")
        return isinstance(written, str) and phones.e164(written, region) == number

    return [record.id for record in records if record.deleted_at is None and has(record)]


async def opt_out(tx: Tx, write: Write, number: str, contacts: Collection[str], *, source: str | None = None) -> bool:
    """Keep text messages from a number; ``contacts``, locked already, say so too. False when it was kept already."""
    made = Suppression(subject=number, reason="opted_out", source=source, cause=write.cause, since=write.now)
    is_new = await keep_from(tx, made)
    for id in sorted(contacts):
        await update_record(tx, write, id, {OPTED_OUT: True})
    return is_new


async def opt_in(tx: Tx, write: Write, number: str, contacts: Collection[str]) -> bool:
    """Let text messages go to a number again; ``contacts``, locked already, say so too. False when they did already."""
    dropped = await rows.drop_suppressions(tx, [number], ["opted_out"])
    for id in sorted(contacts):
        await update_record(tx, write, id, {OPTED_OUT: False})
    return dropped > 0


async def unsubscribe_from_all(tx: Tx, record_id: str, stamp: Stamp, grounds: Grounds) -> bool:
    """Send a contact no marketing any more, of whatever type, nor anybody who has its address later.

    The state of every marketing type becomes ``unsubscribed``, which is a change that workflows see. Returns False
    when that was so already.

    Raises:
        NotFound: there is no such contact.
    """
    contact = await _hold(tx, record_id)
    is_new = False
    for subject in _subjects(contact):
        made = Suppression(
            subject=subject, reason="unsubscribed", source=grounds.source, cause=stamp.cause, since=stamp.now
        )
        is_new |= await keep_from(tx, made)
    known = await types.consents_of(tx, record_id)
    wanted: dict[str, SubscriptionState] = {
        slug: "unsubscribed"
        for slug in await types.marketing_types(tx)
        if slug not in known or known[slug].state != "unsubscribed"
    }
    if wanted:
        await set_subscriptions(tx, record_id, wanted, stamp, grounds)
    return is_new or bool(wanted)


async def take_marketing_again(tx: Tx, record_id: str) -> bool:
    """Let the types a contact subscribes to count again; none is subscribed to by this. False: they counted already.

    Raises:
        NotFound: there is no such contact.
    """
    contact = await _hold(tx, record_id)
    return await rows.drop_suppressions(tx, _subjects(contact), ["unsubscribed"]) > 0


async def is_unsubscribed_from_all(read: Read, contact: StoredRecord) -> bool:
    """Whether no marketing of whatever type goes to a contact."""
    return "unsubscribed" in await rows.why_suppressed(read, _subjects(contact))


async def _written_to(tx: Tx, phones: Phones, number: str) -> list[str]:
    """Lock the contacts that were written to under a number; those who have it still."""
    locked = await lock_records(tx, await contacts_written_to(tx, number), write=True)
    return holders_of(locked.values(), phones, (await load_account(tx)).default_region, number)


async def keep_from(tx: Tx, made: Suppression) -> bool:
    """Keep messages from an address or a contact, whoever has it; False when they were kept from it already."""
    # A message that is being claimed for it leaves first, or sees this.
    await lock_address(tx, made.subject, write=True)
    return await rows.put_suppression(tx, made)


async def _hold(tx: Tx, record_id: str) -> StoredRecord:
    contact = (await lock_records(tx, [record_id], write=True)).get(record_id)
    if contact is None or contact.deleted_at is not None or contact.object != OBJECT:
        raise NotFound(f"there is no {OBJECT} {record_id}")
    return contact


def _subjects(contact: StoredRecord) -> list[str]:
    address = contact.properties.get(ADDRESS)
    return [contact.id, *([address] if isinstance(address, str) and address else [])]
