"""Builds the bytes of an email, so that what was decided is what arrives.

Three habits of the standard library are corrected here. It wraps long List-Unsubscribe addresses into encoded words,
which mail services then ignore. It loses the space between two words where it folds a text beyond ASCII. And it lets
a client library fold the message a second time; hence bytes, built once.
"""

from __future__ import annotations

import re
from email.header import Header
from email.headerregistry import Address, AddressHeader
from email.message import EmailMessage
from email.policy import EmailPolicy

from email_validator import EmailNotValidError, validate_email

from domain.errors import Rejected
from domain.ports import Mail

# RFC 8058: the first two must reach the reader's mail service byte by byte, the last the service that carries it.
_UNFOLDED = ("list-unsubscribe", "x-smtpapi")
# The standard library makes encoded words of long ids, and then no program finds the message they name.
_IDS = frozenset({"in-reply-to", "references"})
# RFC 5322 2.1.1: the longest line there may be, without its end.
_LONGEST_LINE = 998
# RFC 2047 ends an encoded word at 75 characters; each continued line begins with a space.
_LONGEST_FOLDED = 76


class _Policy(EmailPolicy):
    """The standard policy, but for the headers that it damages."""

    def fold(self, name: str, value: str) -> str:
        written = self._written(name, value)
        return str(super().fold(name, value)) if written is None else f"{name}: {written}{self.linesep}"

    def fold_binary(self, name: str, value: str) -> bytes:
        if self._written(name, value) is None:
            return super().fold_binary(name, value)
        return self.fold(name, value).encode("ascii")

    def _written(self, name: str, value: str) -> str | None:
        """The value as it goes over the wire; None when the standard policy gets it right."""
        match name.lower():
            case header if header.startswith(_UNFOLDED):
                return str(value)
            case header if header in _IDS and value.isascii():
                return f"{self.linesep} ".join(str(value).split())
            case "subject" if not value.isascii():
                return self._encoded(name, str(value))
            case "from" if not value.isascii() and isinstance(value, AddressHeader):
                address = value.addresses[0]
                return f"{self._encoded(name, address.display_name)}{self.linesep} <{address.addr_spec}>"
        return None

    def _encoded(self, name: str, text: str) -> str:
        # The whole text, spaces included, in encoded words cut between characters.
        return Header(text, "utf-8", header_name=name, maxlinelen=_LONGEST_FOLDED).encode(linesep=self.linesep)


_POLICY = _Policy(linesep="\r\n", max_line_length=_LONGEST_FOLDED)

# RFC 5322 3.6.8: visible ASCII without a colon. The standard library writes any name as it is given.
_HEADER_NAME = re.compile(r"[!-9;-~]+")
# What build_message itself decides.
_OWN_HEADERS = frozenset(
    {"from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version"}
)


def build_message(mail: Mail) -> bytes:
    """The message as it goes over the wire: text and HTML as alternatives, CRLF line ends, ASCII only.

    Raises:
        Rejected: a header cannot be written (a line break in it, an address that is none); nobody would take it.
    """
    message = EmailMessage(policy=_POLICY)
    try:
        message["From"] = _mailbox(mail.sender, mail.sender_name)
        message["To"] = _mailbox(mail.to)
        if mail.reply_to:
            message["Reply-To"] = _mailbox(mail.reply_to)
        message["Subject"] = mail.subject
        message["Date"] = mail.at
        message["Message-ID"] = f"<{mail.message_id}>"
        for name, value in mail.headers.items():
            _add_header(message, name, value)
        message.set_content(mail.text, cte="quoted-printable")
        message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
        return message.as_bytes()
    except (ValueError, LookupError, AttributeError, IndexError) as refused:
        # The parser of the standard library fails in all these ways; its words may contain an address.
        raise Rejected("a header of the message cannot be written; see its subject, names and addresses") from refused


def envelope_address(address: str) -> str:
    """The address as SMTP takes it: the domain in its ASCII form.

    Raises:
        Rejected: it is not an address.
    """
    try:
        checked = validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as refused:
        raise Rejected("an address of the message is not one that mail servers take") from refused
    return checked.ascii_email or address


def _mailbox(address: str, display: str = "") -> Address:
    return Address(display_name=display, addr_spec=envelope_address(address))


def _add_header(message: EmailMessage, name: str, value: str) -> None:
    if _HEADER_NAME.fullmatch(name) is None or name.lower() in _OWN_HEADERS or name.lower().startswith("content-"):
        raise ValueError("not a header to add")
    if name.lower().startswith(_UNFOLDED) and not (value.isascii() and value.isprintable()):
        raise ValueError("a header that is not folded is printable ASCII")
    if len(name) + len(value) + 2 > _LONGEST_LINE:
        raise ValueError("header too long")
    message[name] = value
