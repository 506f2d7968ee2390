"""What a mail that comes in is: somebody's answer, an automatic one, a report of a mail server; and what it answers.

Nothing here fails on bad input: whatever bytes come, something is known of them, and what is not known is left empty.
"""

from __future__ import annotations

import re
from email.message import Message
from typing import Literal, TypeAlias

from domain.base import Frozen
from domain.forwarding import answers_forwarded, is_forwarded
from domain.mail_html import words_of
from domain.mail_parts import addresses, find_text, header, headers, message_ids, name_of, read_message, storable
from domain.mail_reports import MailReport, find_report

MailKind: TypeAlias = Literal["reply", "automatic", "report"]
"""What a mail is by itself."""
InboundKind: TypeAlias = Literal[
    "reply", "sent_by_user", "automatic", "bounced", "soft_bounced", "complained", "report", "forwarded", "opened",
    "other", "unmatched",
]  # fmt: skip
"""What a mail is to us. ``soft_bounced``: the message came back, though the address may be good; ``report``: what else
a mail server tells of it; ``forwarded``: somebody handed another mail on; ``opened``: it began a conversation;
``other`` is about a message of ours, but not from or about its recipient."""

TEXT_LENGTH = 20_000
"""Characters that are kept of what somebody wrote."""
SUBJECT_LENGTH = 500
HTML_LENGTH = 200_000
"""Characters of HTML that are read for their text."""
MOST_IDS = 50
"""Ids and tokens of one mail that are looked up; a mail program names the nearest last."""

RECIPIENTS = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")
_TOKEN = re.compile(r"\+([a-z0-9]{20})@")
_PRECEDENCE = frozenset({"auto_reply", "auto-reply", "bulk", "junk", "list"})
_MACHINE_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Autoresponse", "X-Auto-Reply-From", "X-Mail-Autoreply")
_SENDERS = frozenset({"mailer-daemon", "postmaster"})


class IncomingMail(Frozen):
    """A mail as it is understood. Addresses are in lower case, ids without brackets, everything else as written.

    ``sender``: None when no address can be made out. ``tokens``: what our addresses for answers held that it went to.
    ``answers``: the ids of the messages it may answer, the nearest first. ``text``: of its HTML where it has no other.
    ``forwarded``: it hands another mail on; ``answers_forwarded``: it answers one that did.
    """

    kind: MailKind
    message_id: str | None
    sender: str | None
    recipients: tuple[str, ...]
    subject: str
    text: str
    tokens: tuple[str, ...]
    answers: tuple[str, ...]
    report: MailReport | None = None
    sender_name: str = ""
    forwarded: bool = False
    answers_forwarded: bool = False


def read_mail(raw: bytes, *, sent_to: tuple[str, ...] = (), sent_by: str | None = None) -> IncomingMail:
    """Understand a mail. ``sent_to`` and ``sent_by``: what the envelope says, if there is one; ``""`` is nobody."""
    message = read_message(raw)
    sent_to = tuple(storable(each).lower() for each in sent_to)
    sent_by = storable(sent_by).lower() if sent_by is not None else None
    report = find_report(message)
    recipients = tuple(dict.fromkeys([*sent_to, *addresses(message, *RECIPIENTS)]))
    text = find_text(message, "text/plain")
    if not text.strip():
        text = storable(words_of(find_text(message, "text/html")[:HTML_LENGTH]))
    return IncomingMail(
        kind=_kind(message, report, sent_by),
        message_id=next(iter(message_ids(message, "Message-ID")), None),
        sender=next(iter(addresses(message, "From", "Sender", "Return-Path")), sent_by or None),
        recipients=recipients,
        subject=header(message, "Subject")[:SUBJECT_LENGTH],
        text=text.replace("\r\n", "\n").strip()[:TEXT_LENGTH],
        tokens=tuple(dict.fromkeys(found[1] for each in recipients if (found := _TOKEN.search(each))))[:MOST_IDS],
        answers=_answers(message, report),
        report=report,
        sender_name=name_of(message, "From"),
        forwarded=is_forwarded(message, text),
        answers_forwarded=answers_forwarded(message),
    )


def _kind(message: Message, report: MailReport | None, sent_by: str | None) -> MailKind:
    if report is not None:
        return "report"
    return "automatic" if _is_automatic(message, sent_by) else "reply"


def _is_automatic(message: Message, sent_by: str | None) -> bool:
    """Whether no person wrote it: RFC 3834, and what programs from before it or beside it say."""
    submitted = header(message, "Auto-Submitted").partition(";")[0].strip().lower()
    if submitted and submitted != "no":
        return True
    if any(header(message, name) for name in _MACHINE_HEADERS):
        return True
    if any(value.lower() in _PRECEDENCE for value in headers(message, "Precedence")):
        return True
    # Nobody may answer it, so nobody wrote it (RFC 5321 4.5.5).
    if sent_by == "" or header(message, "Return-Path") == "<>":
        return True
    return any(address.partition("@")[0] in _SENDERS for address in addresses(message, "From"))


def _answers(message: Message, report: MailReport | None) -> tuple[str, ...]:
    if report is not None:
        return report.originals[:MOST_IDS]
    named = [*message_ids(message, "In-Reply-To"), *reversed(message_ids(message, "References"))]
    return tuple(dict.fromkeys(named))[:MOST_IDS]
