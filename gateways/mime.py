"""Builds the bytes of an email, so that what was decided is what arrives.

Two habits of the standard library are corrected here: it wraps long List-Unsubscribe addresses into encoded words,
which mail services then ignore, and it lets a client library fold the message a second time. Hence bytes, built once.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import EmailPolicy

from email_validator import EmailNotValidError, validate_email

from domain.errors import Rejected
from domain.ports import Mail

# RFC 8058: these two must reach the reader's mail service byte by byte.
_UNFOLDED = "list-unsubscribe"
# RFC 5322 2.1.1: the longest line there may be, without its end.
_LONGEST_LINE = 998


class _Policy(EmailPolicy):
    """The standard policy, except that List-Unsubscribe headers stay on one line."""

    def fold(self, name: str, value: str) -> str:
        if name.lower().startswith(_UNFOLDED):
            return f"{name}: {value}{self.linesep}"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower().startswith(_UNFOLDED):
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_POLICY = _Policy(linesep="\r\n")


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


def _mailbox(address: str, display: str = "") -> object:
    from email.headerregistry import Address

    return Address(display_name=display, addr_spec=envelope_address(address))


def _add_header(message: EmailMessage, name: str, value: str) -> None:
    if name.lower() in (header.lower() for header in message):
        raise ValueError("header given twice")
    if name.lower().startswith(_UNFOLDED) and not (value.isascii() and value.isprintable()):
        raise ValueError("an unsubscribe header is printable ASCII")
    if len(name) + len(value) + 2 > _LONGEST_LINE:
        raise ValueError("header too long")
    message[name] = value
