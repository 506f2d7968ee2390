"""What becomes of text messages: whether ours arrived, and what comes back.

Each is told by the service, possibly twice and in whatever order, and counts once. Who says stop gets no text message
any more, whoever's contact they are: the number is kept, besides the contacts that were written to under it.
"""

from __future__ import annotations

from domain.base import Frozen, Json
from domain.errors import NotFound
from domain.events import REPLIED, SMS_DELIVERED, SMS_FAILED, SMS_RECEIVED, TEXT_PREFIX
from domain.incoming_texts import TextKind, wish_of
from domain.ports import Phones
from domain.records import Cause
from services.installation import Installation
from services.intake.answering import Sent, find_contact
from services.intake.events import Happened, KnownAlready, record_event
from services.leaving.replies import find_answered
from services.records.records import Write, begin_write
from services.records.suppressing import holders_of, opt_in, opt_out
from services.running.decisions import settle_by_report
from store import texts as rows
from store.database import Row, Tx
from store.ids import new_id
from store.locks import lock_records
from store.outputs import advance_message, find_message
from store.schema import load_account
from store.suppressions import why_suppressed
from store.texts import InboundText

STOP_SOURCE = "a text message that said stop"


class IncomingText(Frozen):
    """A text message as the service tells it. ``reference``: its id there; numbers in E.164."""

    reference: str
    sender: str
    recipient: str
    text: str


class TakenText(Frozen):
    """The text as it is kept; ``is_new`` False: it came before and nothing was done."""

    text: InboundText
    is_new: bool


async def tell_text(inst: Installation, key: str, *, arrived: bool, detail: str | None, cause: Cause) -> bool:
    """Write what became of a message of ours, by its effect key; False when that was known.

    Raises:
        NotFound: no such message left.
        Conflict: its contact is being merged at the same time.
    """
    async with inst.db.transaction() as tx:
        message = await find_message(tx, key)
        if message is None or message["channel"] != "sms":
            raise NotFound(f"no text message {key} left")
        write = await begin_write(tx, inst, cause)
        name = SMS_DELIVERED if arrived else SMS_FAILED
        contact = await _hold(tx, message, name)
        await settle_by_report(tx, key, now=write.now)
        if not await advance_message(tx, message["id"], "delivered" if arrived else "bounced", detail=detail):
            return False
        if contact is not None:
            carried: dict[str, Json] = {"message": message["id"], **({"reason": detail} if detail else {})}
            await record_event(tx, write, contact, Happened(name=name, properties=carried))
        return True


async def take_text(inst: Installation, came: IncomingText, cause: Cause) -> TakenText:
    """Keep a text message and do what follows from it; the same again is the same.

    Raises:
        Conflict: whoever it is about is being merged at the same time; nothing was kept.
    """
    async with inst.db.transaction() as tx:
        known = await rows.find_text(tx, came.reference)
        if known is not None:
            return TakenText(text=known, is_new=False)
        return await _keep(tx, await begin_write(tx, inst, cause), inst.phones, came)


async def _keep(tx: Tx, write: Write, phones: Phones, came: IncomingText) -> TakenText:
    message = await rows.find_last_sent(tx, came.sender, came.recipient)
    contact = await find_contact(tx, Sent(**{n: message[n] for n in Sent.model_fields})) if message else None
    opted_out = "opted_out" in await why_suppressed(tx, [came.sender])
    wish = wish_of(came.text, opted_out=opted_out)
    kind: TextKind = wish or ("reply" if message is not None else "unmatched")
    kept = InboundText(
        id=new_id(write.now),
        **came.model_dump(),
        kind=kind,
        answers=message["id"] if message is not None else None,
        record_id=contact.id if contact is not None else None,
        received_at=write.now,
    )
    # Before any lock: whoever writes the same text waits here and holds nothing that this one needs.
    if not await rows.insert_text(tx, kept):
        known = await rows.find_text(tx, came.reference)
        assert known is not None, "whoever kept it first has committed"
        return TakenText(text=known, is_new=False)
    event_id = await _tell(tx, write, phones, kept)
    return TakenText(text=kept.model_copy(update={"event_id": event_id}), is_new=True)


async def _tell(tx: Tx, write: Write, phones: Phones, kept: InboundText) -> str | None:
    """Do what follows from a text; the id of the event it led to."""
    is_reply = kept.kind == "reply"
    carried: dict[str, Json] = {"text": kept.text, "from": kept.sender, "to": kept.recipient, "kind": kept.kind}
    about: dict[str, Json] = {"message": kept.answers} if kept.answers is not None else {}
    whose = [kept.record_id] if kept.record_id is not None else []
    concerned = {*whose}
    if kept.kind in ("stop", "start"):
        concerned |= {*await rows.contacts_written_to(tx, kept.sender)}
    answered = await find_answered(tx, REPLIED, about)
    locked = await lock_records(tx, concerned | (answered.records if answered else set()), write=concerned)
    here = {id for id, record in locked.items() if id in concerned and record.deleted_at is None}
    if kept.kind in ("stop", "start"):
        there = [locked[id] for id in here]
        holders = holders_of(there, phones, (await load_account(tx)).default_region, kept.sender)
        if kept.kind == "stop":
            await opt_out(tx, write, kept.sender, holders, source=STOP_SOURCE)
        else:
            await opt_in(tx, write, kept.sender, holders)
    if kept.record_id not in here:
        return None
    event = await _event(tx, write, kept, SMS_RECEIVED, {**carried, **about}, kept.reference)
    if is_reply:
        event = await _event(tx, write, kept, REPLIED, {**about, "text": kept.text}, f"{kept.reference}:reply") or event
    if event is not None:
        await rows.note_text_event(tx, kept.id, event)
    return event


async def _event(tx: Tx, write: Write, kept: InboundText, name: str, carried: dict[str, Json], once: str) -> str | None:
    assert kept.record_id is not None, "it is asked for only where there is a contact"
    happened = Happened(name=name, properties=carried, external_id=f"{TEXT_PREFIX}{once}")
    try:
        async with tx.savepoint():
            return (await record_event(tx, write, kept.record_id, happened)).id
    except (KnownAlready, NotFound):
        return None


async def _hold(tx: Tx, message: Row, event: str) -> str | None:
    """Lock everybody whom the news of a message concerns; the id of its contact, if there still is one."""
    contact = None
    if message["contact_id"] is not None:
        contact = await find_contact(tx, Sent(**{name: message[name] for name in Sent.model_fields}))
    about = await find_answered(tx, event, {"message": message["id"]})
    written = {contact.id} if contact is not None else set()
    locked = await lock_records(tx, written | (about.records if about else set()), write=written)
    held = locked.get(contact.id) if contact is not None else None
    return held.id if held is not None and held.deleted_at is None else None
