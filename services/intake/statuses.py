"""What becomes of a message after it left: it arrived, it came back, or its reader complained of it.

A message only ever advances (sent, delivered, bounced, complained), whoever tells and in whatever order, so what is
told twice counts once. Its event and what it means for the address are committed with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from domain.base import Frozen, Instant, Json
from domain.events import BOUNCED, COMPLAINED, DELIVERED
from domain.records import Cause
from domain.values import unique_form
from services.installation import Installation
from services.intake.answering import Sent, find_contact
from services.intake.events import Happened, record_event
from services.leaving.replies import find_answered
from services.records.records import Write, begin_write
from services.records.subscriptions import OBJECT
from services.records.suppressing import ADDRESS, suppress_address
from services.running.decisions import settle_by_report
from store.database import Row, Tx
from store.events import EventRow
from store.locks import lock_records
from store.outputs import Fate, advance_message, note_message
from store.records import find_by_unique

EVENTS: Mapping[Fate, str] = {"delivered": DELIVERED, "bounced": BOUNCED, "complained": COMPLAINED}


AT_THE_DOOR = "the mail server, before it took the message"


class Told(Frozen):
    """What somebody says of an email. ``detail``: why, in their words; ``source``: how that became known; ``at``: when
    it happened, as far as they say.

    A ``bounced`` one is told only when the address is no good, as nothing more is sent to it.
    """

    fate: Fate
    detail: str | None = None
    source: str
    at: Instant | None = None


class Advanced(Frozen):
    """``is_new`` False: that, or worse, was known of the message. ``event``: None also where the contact is gone."""

    is_new: bool
    event: EventRow | None = None


async def advance(tx: Tx, write: Write, message: Row, told: Told) -> Advanced:
    """Write what became of an email; an address that bounced or complained gets nothing more.

    ``message`` is its row.

    Raises:
        Conflict: its contact is being merged or its address changes hands at the same time.
    """
    contact_id = await _hold(tx, write, message, EVENTS[told.fate])
    # Whatever became of it: it was taken, though the answer to the attempt may have been lost.
    await settle_by_report(tx, message["effect_key"], now=write.now)
    if not await advance_message(tx, message["id"], told.fate, detail=told.detail):
        return Advanced(is_new=False)
    event = None
    if contact_id is not None:
        carried: dict[str, Json] = {"message": message["id"], **({"reason": told.detail} if told.detail else {})}
        # Clocks differ: nothing became of it before there was a message, or later than we hear of it.
        at = min(max(told.at or write.now, message["created_at"]), write.now)
        happened = Happened(name=EVENTS[told.fate], properties=carried, occurred_at=at)
        event = await record_event(tx, write, contact_id, happened)
    if told.fate != "delivered":
        await suppress_address(tx, write, message["recipient"], told.fate, source=told.source)
    return Advanced(is_new=True, event=event)


async def tell_refused(inst: Installation, addresses: Collection[str], cause: Cause) -> None:
    """Send nothing more to addresses of which a mail server said, when asked, that there are none.

    Each by itself and behind what it was told for: should that be lost, the next message is told the same.
    """
    for address in sorted(addresses):
        async with inst.db.transaction() as tx:
            await suppress_address(tx, await begin_write(tx, inst, cause), address, "bounced", source=AT_THE_DOOR)


async def note(tx: Tx, write: Write, message: Row, detail: str) -> None:
    """Keep what was told of an email that has not come to an end by it."""
    await settle_by_report(tx, message["effect_key"], now=write.now)
    await note_message(tx, message["id"], detail)


async def _hold(tx: Tx, write: Write, message: Row, event: str) -> str | None:
    """Lock everybody whom it concerns at once; the id of the contact the message went to, if there still is one."""
    contact = None
    if message["contact_id"] is not None:
        contact = await find_contact(tx, Sent(**{name: message[name] for name in Sent.model_fields}))
    email = write.schema.objects[OBJECT].properties[ADDRESS]
    holder = await find_by_unique(tx, OBJECT, ADDRESS, unique_form(email.type, message["recipient"]))
    written = {each.id for each in (contact, holder) if each is not None}
    about = await find_answered(tx, event, {"message": message["id"]})
    locked = await lock_records(tx, written | (about.records if about else set()), write=written)
    held = locked.get(contact.id) if contact is not None else None
    return held.id if held is not None and held.deleted_at is None else None
