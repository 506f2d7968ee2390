"""One attempt at sending what a colleague wrote: build, claim, hand over, settle, as for every outside effect.

A mail whose answer was lost is ``unknown`` and never sent again by itself; whoever wrote it is told, as of one that
could not be sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from domain.base import Json
from domain.consent import ADDRESS, EMAIL_STATUS, UNREACHABLE, refuse_unreachable
from domain.conversations import UNDER_WAY, Channel, Sending, Thread, ThreadMessage
from domain.errors import Rejected, StepSkipped, Unavailable
from domain.ports import Mail
from domain.records import StoredRecord
from services.installation import Installation
from services.running.carrying import with_thread
from services.running.recipients import keep_sample_inside
from store.channels import find_channel
from store.database import Read, Tx
from store.notifications import insert_notifications
from store.people import get_user
from store.records import get_record
from store.suppressions import why_suppressed
from store.threads import get_thread, get_thread_message, mails_of_thread, move_sending, waiting_mails

LOST = "the mail server did not answer: nobody knows whether it arrived"
GONE = "what it was written in is gone"
TITLES: Mapping[Sending, str] = {
    "failed": "Your email could not be sent",
    "unknown": "Nobody knows whether your email was sent",
    "bounced": "Your email came back",
}
BEFORE: Mapping[Sending, tuple[Sending, ...]] = {
    "sent": ("handed_over", "queued", "unknown"),
    "failed": ("handed_over", "queued", "unknown"),
    "unknown": ("handed_over",),
    "delivered": ("sent", "handed_over", "unknown"),
    "bounced": ("delivered", "sent", "handed_over", "unknown"),
}
"""What a mail may have been before it came to an end; it only ever advances."""
MOST_AT_ONCE = 100
GRACE = timedelta(seconds=10)
"""How long a mail may wait for whoever wrote it to start its run."""


async def send_mail(inst: Installation, message_id: str) -> Sending:
    """Make one attempt, unless it came to an end before; what became of it.

    Raises:
        Unavailable: the mail server cannot take it now; a later attempt begins anew.
    """
    async with inst.db.read() as read:
        message = await get_thread_message(read, message_id)
        if message is None or message.status is None:
            return "failed"
        if message.status not in UNDER_WAY:
            return message.status
        mail = await _mail(read, inst, message)
    if message.status == "handed_over" and not inst.mail.repeatable:
        return await _settle(inst, message, "unknown", LOST)
    if isinstance(mail, str):
        return await _settle(inst, message, "failed", mail)
    return await _attempt(inst, message, mail)


async def give_up(inst: Installation, message_id: str) -> Sending:
    """The mail server could not take it for days; what became of it."""
    async with inst.db.read() as read:
        message = await get_thread_message(read, message_id)
    if message is None or message.status not in UNDER_WAY:
        return message.status if message is not None and message.status is not None else "failed"
    if message.status == "handed_over":
        return await _settle(inst, message, "unknown", LOST)
    return await _settle(inst, message, "failed", message.detail or "the mail server could not take it for days")


async def begin_mail(inst: Installation, message_id: str) -> None:
    """Start the run of a mail that was just written; while Temporal is away it is left to the relays."""
    with suppress(Unavailable):
        await inst.runs.start_mail(message_id)


async def begin_waiting_mails(inst: Installation) -> int:
    """Start the runs of mails that whoever wrote them could not; while Temporal is away they wait for the next time."""
    async with inst.db.read() as read:
        waiting = await waiting_mails(read, before=inst.clock.now() - GRACE, limit=MOST_AT_ONCE)
    for n, id in enumerate(waiting):
        try:
            await inst.runs.start_mail(id)
        except Unavailable:
            return n
    return len(waiting)


async def _attempt(inst: Installation, message: ThreadMessage, mail: Mail) -> Sending:
    try:
        async with inst.mail.prepare(mail) as hand_over:
            async with inst.db.transaction() as tx:
                claimed = message.status == "handed_over" or await move_sending(
                    tx, message.id, was="queued", now="handed_over"
                )
            if not claimed:
                raise Unavailable("another attempt has just claimed this mail")
            await hand_over()
    except Rejected as no:
        return await _settle(inst, message, "failed", str(no))
    except Unavailable as away:
        if away.handed_over and not inst.mail.repeatable:
            return await _settle(inst, message, "unknown", LOST)
        async with inst.db.transaction() as tx:
            if not await move_sending(tx, message.id, was="handed_over", now="queued", detail=str(away)):
                await move_sending(tx, message.id, was="queued", now="queued", detail=str(away))
        raise
    return await _settle(inst, message, "sent", None)


async def _mail(read: Read, inst: Installation, message: ThreadMessage) -> Mail | str:
    """The mail as it leaves, or why it cannot."""
    thread = await get_thread(read, message.thread_id)
    channel = await find_channel(read, thread.channel) if thread is not None else None
    user = await get_user(read, message.user_id) if message.user_id is not None else None
    contact = await get_record(read, message.contact_id) if message.contact_id is not None else None
    if thread is None or channel is None or channel.address is None or user is None or message.address is None:
        return GONE
    if contact is None:
        return "the contact was deleted before it was sent"
    if (no := await _refused(read, inst, contact, message.address)) is not None:
        return no
    mail = Mail(
        key=f"thread:{message.id}",
        message_id=message.message_id or "",
        sender=channel.address,
        sender_name=user.name,
        to=message.address,
        reply_to=_reply_to(inst, channel, thread),
        bounce_to=_reply_to(inst, channel, thread) if inst.takes_bounces else None,
        subject=message.subject,
        html=message.html or "",
        text=message.text,
        at=message.created_at,
    )
    before = await mails_of_thread(read, thread.id)
    return with_thread(mail, [each for each in before if each != message.message_id])


async def _refused(read: Read, inst: Installation, contact: StoredRecord, address: str) -> str | None:
    """Why nothing may go to an address any more; a mail may have waited for days since it was written."""
    is_current = str(contact.properties.get(ADDRESS)).lower() == address.lower()
    status = contact.properties.get(EMAIL_STATUS) if is_current else None
    domain = address.rpartition("@")[2]
    try:
        refuse_unreachable(status, await why_suppressed(read, [address, contact.id]))
        keep_sample_inside(contact.facts(), domain, allowed=inst.sample_mail_domains, stays_here=inst.mail.repeatable)
    except StepSkipped as no:
        return f"{no.reason}: {no.detail}" if no.reason in UNREACHABLE else no.detail
    return None


def _reply_to(inst: Installation, channel: Channel, thread: Thread) -> str | None:
    """The address whose token finds the thread, where the installation has one; else answers come to the channel."""
    if not inst.reply_address:
        return channel.address
    local, _, domain = inst.reply_address.rpartition("@")
    return f"{local}+{thread.token}@{domain}"


async def _settle(inst: Installation, message: ThreadMessage, fate: Sending, detail: str | None) -> Sending:
    async with inst.db.transaction() as tx:
        return await settle_mail(tx, message, fate, detail, now=inst.clock.now())


async def settle_mail(
    tx: Tx, message: ThreadMessage, fate: Sending, detail: str | None, *, now: datetime
) -> Sending:  # fmt: skip
    """Write down what became of a mail, and tell whoever wrote it where it did not arrive; what is known of it then.

    Who was told by the mail server knows better than who guessed, and a report of it better than both.
    """
    for was in BEFORE[fate]:
        if await move_sending(tx, message.id, was=was, now=fate, detail=detail):
            break
    else:
        known = await get_thread_message(tx, message.id)
        return known.status if known is not None and known.status is not None else fate
    if fate in TITLES and message.user_id is not None:
        values: dict[str, Json] = {
            "title": TITLES[fate],
            "body": f"{message.subject}: {detail}",
            "record_id": message.contact_id or message.thread_id,
        }
        await insert_notifications(tx, [message.user_id], values, now=now)
    return fate
