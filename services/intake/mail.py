"""Mail that comes in: kept once, matched with what it is about, and followed by the event it means.

Whatever bytes come are kept, as far as they are understood. Row and event are committed together, so that a mail whose
sender was told "later" can be sent again, and one that comes twice counts once.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from domain.base import Frozen, Json
from domain.errors import NotFound
from domain.events import MAIL_PREFIX, REPLIED, SENT_BY_USER
from domain.incoming_mail import InboundKind, IncomingMail, read_mail
from domain.mail_parts import is_same_domain, is_same_mailbox
from domain.mail_reports import MailReport
from domain.records import Cause
from services.conversations.receiving import Said, receive
from services.installation import Installation
from services.intake.events import Happened, KnownAlready, record_event
from services.intake.mail_matching import Match, match_mail
from services.intake.mail_threads import LONGEST_SENDER, find_place, find_reported, follow_report, kind_in, said_in
from services.intake.statuses import Told, advance, note
from services.leaving.replies import find_answered
from services.records.records import Write, begin_write
from store import inbound as rows
from store.channels import find_by_address
from store.database import Row, Tx
from store.events import EventRow
from store.ids import new_id
from store.inbound import InboundMail

UNKNOWN_SENDER = "it comes from an address that is none of the contact's"
UNKNOWN_RECIPIENT = "it reports of an address that the message did not go to"
SOURCE = "mail that came in"


class Envelope(Frozen):
    """What the mail server was told besides the mail itself; ``sent_by`` ``""``: nobody, as reports are."""

    sent_by: str | None = None
    sent_to: tuple[str, ...] = ()


class Taken(Frozen):
    """The mail as it is kept; ``is_new`` False: it came before and nothing was done."""

    mail: InboundMail
    is_new: bool


@dataclass(frozen=True)
class _Read:
    """A mail, understood, and what tells it from other mail."""

    mail: IncomingMail
    digest: str
    identity: str | None

    @property
    def external_id(self) -> str:
        """The id of the event it leads to."""
        return f"{MAIL_PREFIX}{self.identity or self.digest}"


@dataclass(frozen=True)
class _Meaning:
    """What a mail is to us, and what follows: an event of a record, or what became of the message, or a note of it."""

    kind: InboundKind
    record_id: str | None = None
    event: str | None = None
    carried: Mapping[str, Json] | None = None
    told: Told | None = None
    detail: str | None = None


async def take_mail(inst: Installation, raw: bytes, envelope: Envelope, cause: Cause) -> Taken:
    """Keep a mail and do what follows from it; the same mail again, however it comes, is the same.

    Raises:
        Conflict: whoever it is about is being merged or changes its address at the same time; nothing was kept.
    """
    # A mail of many megabytes takes seconds to understand.
    read = await asyncio.to_thread(_understand, raw, envelope)
    async with inst.db.transaction() as tx:
        known = await rows.find_known(tx, read.digest, read.identity)
        if known is not None:
            return Taken(mail=known, is_new=False)
        return await _keep(tx, await begin_write(tx, inst, cause), read)


async def is_channel(inst: Installation, address: str) -> bool:
    """Whether mail for an address, in lower case, comes in at a channel."""
    async with inst.db.glance() as read:
        return bool(await find_by_address(read, "email", [address]))


def _understand(raw: bytes, envelope: Envelope) -> _Read:
    mail = read_mail(raw, sent_to=envelope.sent_to, sent_by=envelope.sent_by)
    identity = None
    if mail.message_id is not None:
        identity = hashlib.sha256(f"{mail.message_id}\n{mail.sender or ''}".encode()).hexdigest()
    return _Read(mail=mail, digest=hashlib.sha256(raw).hexdigest(), identity=identity)


async def _keep(tx: Tx, write: Write, read: _Read) -> Taken:
    mail = read.mail
    match = await match_mail(tx, mail)
    place = await find_place(tx, mail, match, now=write.now)
    meaning, id = _meaning(mail, match), new_id(write.now)
    sent = await find_reported(tx, mail) if mail.report is not None and match.message is None else None
    if mail.report is not None and sent is not None:
        meaning = _reported(mail.report, sent.address or "")
    said = await said_in(tx, write, place, mail, match, id) if place is not None else None
    if place is not None and said is not None and meaning.event is None:
        meaning = _Meaning(kind_in(place, said.author), said.contact_id)
    kept = InboundMail(
        id=id,
        digest=read.digest,
        identity=read.identity,
        kind=meaning.kind,
        message_id=mail.message_id,
        sender=mail.sender[:LONGEST_SENDER] if mail.sender is not None else None,
        answers=match.message["id"] if match.message is not None else None,
        record_id=match.record_id or meaning.record_id,
        subject=mail.subject,
        text=mail.text,
        detail=meaning.detail,
        received_at=write.now,
    )
    # Before any lock: whoever writes the same mail waits here and holds nothing that this one needs.
    if not await rows.insert_mail(tx, kept):
        known = await rows.find_known(tx, read.digest, read.identity)
        assert known is not None, "whoever kept it first has committed"
        return Taken(mail=known, is_new=False)
    thread_id = await _converse(tx, write, said, meaning) if said is not None else None
    if sent is not None and meaning.kind != "other":
        await follow_report(tx, write, sent, meaning.told, meaning.detail)
    event_id = await _tell(tx, write, read, match.message, meaning, kept)
    if event_id is not None or thread_id is not None:
        await rows.note_followed(tx, kept.id, event_id=event_id, thread_id=thread_id)
    return Taken(mail=kept.model_copy(update={"event_id": event_id, "thread_id": thread_id}), is_new=True)


async def _converse(tx: Tx, write: Write, said: Said, meaning: _Meaning) -> str:
    """Write the mail into its conversation; the id of the thread. Who the event is about is locked along with it."""
    about = await find_answered(tx, meaning.event, meaning.carried or {}) if meaning.event is not None else None
    also = {*(about.records if about is not None else ()), *([meaning.record_id] if meaning.record_id else [])}
    return (await receive(tx, write, said, also=also)).thread.id


def _meaning(mail: IncomingMail, match: Match) -> _Meaning:
    if mail.kind == "automatic":
        return _Meaning("automatic")
    if match.message is None:
        return _Meaning("unmatched", detail=_words(mail.report) if mail.report else None)
    if mail.report is not None:
        return _reported(mail.report, match.message["recipient"])
    about: dict[str, Json] = {"message": match.message["id"]}
    if match.author is not None:
        return _Meaning("reply", match.author.id, REPLIED, about)
    if match.user is not None and match.contact is not None:
        return _Meaning("sent_by_user", match.contact.id, SENT_BY_USER, {**about, "user": match.user})
    return _Meaning("other", detail=UNKNOWN_SENDER)


def _reported(report: MailReport, recipient: str) -> _Meaning:
    """What a report means; one of another address than the message went to says nothing of that."""
    words = _words(report)
    told_of = report.recipient
    if report.kind == "complained":
        # Who complains is often left out, or made unreadable (RFC 6590); the message itself says whose it is.
        is_meant = told_of is None or is_same_domain(told_of, recipient)
    else:
        is_meant = told_of is not None and is_same_mailbox(told_of, recipient)
    if not is_meant:
        return _Meaning("other", detail=UNKNOWN_RECIPIENT)
    match report.kind:
        case "bounced" if not report.hard:
            return _Meaning("soft_bounced", detail=words)
        case "bounced" | "complained":
            return _Meaning(report.kind, detail=words, told=Told(fate=report.kind, detail=words, source=SOURCE))
        case "delivered":
            return _Meaning("report", detail=words, told=Told(fate="delivered", source=SOURCE))
    return _Meaning("report", detail=words)


def _words(report: MailReport) -> str:
    """What a report says, in one line: ``bounced: 5.1.1 no such user``."""
    why = " ".join(dict.fromkeys(filter(None, (report.status, report.diagnosis))))
    if report.status and report.diagnosis and report.status in report.diagnosis:
        why = report.diagnosis
    return f"{report.kind}: {why}" if why else report.kind


async def _tell(
    tx: Tx, write: Write, read: _Read, message: Row | None, meaning: _Meaning, kept: InboundMail
) -> str | None:
    """Do what follows; the event that was written. None where there is none, or its contact was deleted meanwhile."""
    if meaning.kind == "soft_bounced" and message is not None and kept.detail is not None:
        await note(tx, write, message, kept.detail)
    if meaning.told is not None and message is not None:
        event = (await advance(tx, write, message, meaning.told)).event
    else:
        event = await _event(tx, write, read, meaning, kept)
    return event.id if event is not None else None


async def _event(tx: Tx, write: Write, read: _Read, meaning: _Meaning, kept: InboundMail) -> EventRow | None:
    if meaning.event is None or meaning.record_id is None:
        return None
    carried = {**(meaning.carried or {}), "mail": kept.id}
    happened = Happened(name=meaning.event, properties=carried, external_id=read.external_id)
    try:
        async with tx.savepoint():
            return await record_event(tx, write, meaning.record_id, happened)
    except (KnownAlready, NotFound):
        return None
