"""Reads what mail servers report of a message of ours: not delivered (RFC 3464), or complained of (RFC 5965).

Only the parts made for machines are read. The id of our message comes from the mail or the headers they return.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from email.message import Message
from typing import Literal, TypeAlias

from domain.base import Frozen
from domain.mail_parts import header, message_ids, parts_of, read_message, storable

Report: TypeAlias = Literal["bounced", "complained", "delayed", "delivered"]

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_LONGEST_DIAGNOSIS = 500
# RFC 3463, of class 5: about this message, this moment or the sender; the address itself may be good.
_NOT_THE_ADDRESS = frozenset({(2, 2), (2, 3), (4, 0), (4, 3), (4, 5), (4, 6), (4, 7)})
# The other system, the protocol, the content and policies.
_NOT_THE_ADDRESS_AT_ALL = frozenset({3, 5, 6, 7})


class MailReport(Frozen):
    """What became of a message of ours.

    ``hard``: the address is no good, so nothing more is sent to it. ``recipient``: the address that is meant, as far as
    it is told, in lower case; ``originals``: the ids of the message that is returned, and of those it follows.
    """

    kind: Report
    hard: bool = False
    status: str | None = None
    recipient: str | None = None
    diagnosis: str | None = None
    originals: tuple[str, ...] = ()


def find_report(message: Message) -> MailReport | None:
    """The report a mail is; None when it is none."""
    parts = list(_own_parts(message))
    status = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    feedback = next((part for part in parts if part.get_content_type() == "message/feedback-report"), None)
    if feedback is not None:
        return _complaint(feedback, parts)
    return _delivery(status, parts) if status is not None else None


def is_hard(status: str) -> bool:
    """Whether a status of RFC 3463 says that the address is no good, and not only that this message was refused."""
    found = _STATUS.search(status)
    if found is None or found[1] != "5":
        return False
    subject, detail = int(found[2]), int(found[3])
    return subject not in _NOT_THE_ADDRESS_AT_ALL and (subject, detail) not in _NOT_THE_ADDRESS


def _delivery(status: Message, parts: Sequence[Message]) -> MailReport | None:
    """The worst that is told of any recipient."""
    told = [group for group in _groups(status) if header(group, "Action") or header(group, "Status")]
    found = [_of_recipient(group) for group in told]
    if not found:
        return None
    worst = max(found, key=lambda each: (each.hard, each.kind == "bounced", each.kind == "delayed"))
    return worst.model_copy(update={"originals": _originals(parts)})


def _of_recipient(group: Message) -> MailReport:
    diagnosis = _after_type(header(group, "Diagnostic-Code"))[:_LONGEST_DIAGNOSIS]
    written = _STATUS.search(header(group, "Status")) or _STATUS.search(diagnosis)
    status = written[0] if written else None
    action = header(group, "Action").lower()
    kind: Report = "bounced"
    if action == "delayed":
        kind = "delayed"
    elif action in ("delivered", "relayed", "expanded") or (status or "").startswith("2."):
        kind = "delivered"
    recipient = _address(header(group, "Original-Recipient")) or _address(header(group, "Final-Recipient"))
    return MailReport(
        kind=kind,
        hard=kind == "bounced" and status is not None and is_hard(status),
        status=status,
        recipient=recipient,
        diagnosis=diagnosis or None,
    )


def _complaint(feedback: Message, parts: Sequence[Message]) -> MailReport | None:
    fields = next(iter(_groups(feedback)), None)
    # A reader may also say "not spam", and servers report on forged mail (auth-failure).
    if fields is None or header(fields, "Feedback-Type").lower() not in ("abuse", "fraud", "opt-out", "other", "virus"):
        return None
    recipient = _address(header(fields, "Original-Rcpt-To"))
    return MailReport(kind="complained", recipient=recipient, originals=_originals(parts))


def _groups(part: Message) -> Iterator[Message]:
    """The groups of fields of a report; some servers encode the part, which the standard forbids."""
    nested = parts_of(part)
    if nested and any(each.keys() for each in nested):
        yield from nested
        return
    for each in nested or [part]:
        payload = each.get_payload(decode=True)
        if isinstance(payload, bytes):
            for block in re.split(rb"\r?\n[ \t]*\r?\n", payload):
                yield read_message(block.lstrip() + b"\r\n\r\n")


def _originals(parts: Sequence[Message]) -> tuple[str, ...]:
    found: list[str] = []
    for part in parts:
        match part.get_content_type():
            case "message/rfc822":
                returned = next(iter(parts_of(part)), None)
            case "text/rfc822-headers" | "message/rfc822-headers":
                payload = part.get_payload(decode=True)
                returned = read_message(payload) if isinstance(payload, bytes) else next(iter(parts_of(part)), None)
            case _:
                returned = None
        if returned is not None:
            found += message_ids(returned, "Message-ID", "References")
    return tuple(dict.fromkeys(found))


def _own_parts(message: Message) -> Iterator[Message]:
    if message.get_content_maintype() == "multipart":
        for part in parts_of(message):
            yield from _own_parts(part)
    else:
        yield message


def _after_type(value: str) -> str:
    """What follows the type of a field such as ``rfc822; ana@example.com``."""
    kind, sign, rest = value.partition(";")
    return storable(rest if sign else kind).strip()


def _address(value: str) -> str | None:
    written = _after_type(value).strip("<> ").lower()
    return written if "@" in written else None
