"""Reads the parts of a mail that anybody may have written: wrong charsets, broken headers and encodings included.

The old policy of the standard library is used on purpose: the newer one raises many kinds of errors on headers that are
merely odd, and such a mail may be an answer all the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses

_FALLBACK = "latin-1"
"""A charset in which every byte is a character."""
# Half a pair, which no database of ours keeps, and NUL, which PostgreSQL refuses.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,400})>")
_LONGEST_HEADER = 20_000
"""Characters of a header that are read, and of the headers that hold addresses."""
_LONGEST_NAME = 200
_MOST_BYTES = 2 * 1024 * 1024
_MOST_PARTS, _MOST_NESTED = 5_000, 50
"""Lines that may begin a part, and parts that consist of others."""
_BOUNDARY = re.compile(rb"boundary\s*=", re.IGNORECASE)
_FOLDING = re.compile(r"[\r\n]+[ \t]*")


def read_message(raw: bytes) -> Message:
    """The mail in its parts, as far as its beginning holds them; text and reports stand before what is attached.

    Of one with more parts, or parts in parts, than people and servers write, the headers and the rest as it is: reading
    it would take minutes.
    """
    raw = raw[:_MOST_BYTES]
    if raw.count(b"\n--") > _MOST_PARTS or len(_BOUNDARY.findall(raw)) > _MOST_NESTED:
        return BytesHeaderParser().parsebytes(raw)
    try:
        message = message_from_bytes(raw)
        # Walking is what fails later, on a structure that could still be parsed.
        for _ in message.walk():
            pass
    except RecursionError:
        return BytesHeaderParser().parsebytes(raw)
    return message


def header(message: Message, name: str) -> str:
    """A header as people read it, in one line; empty when there is none."""
    return _plain(message.get(name))


def headers(message: Message, name: str) -> list[str]:
    """All headers of a name, as people read them."""
    return [_plain(value) for value in message.get_all(name, [])]


def addresses(message: Message, *names: str) -> list[str]:
    """The addresses in these headers, in lower case."""
    written = ", ".join(value for name in names for value in headers(message, name))
    try:
        found = getaddresses([written[:_LONGEST_HEADER]])
    except RecursionError:
        return []
    return [address.strip().lower() for _, address in found if "@" in address]


def name_of(message: Message, name: str) -> str:
    """What the first address in a header is called; empty when it has no name."""
    try:
        found = getaddresses([header(message, name)])
    except RecursionError:
        return ""
    return found[0][0].strip()[:_LONGEST_NAME] if found else ""


def message_ids(message: Message, *names: str) -> list[str]:
    """The ids in these headers, without brackets, in their order and each once."""
    return list(dict.fromkeys(found for name in names for found in _MESSAGE_ID.findall(header(message, name))))


def text_of(part: Message) -> str:
    """The content of a part that is no multipart, as text, whatever its charset is said to be."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    return storable(_decoded(payload, part.get_content_charset()))


def find_text(message: Message, kind: str) -> str:
    """The first part of the content type ``kind`` that is no attachment, not looking into mails that are attached."""
    for part in own_parts(message):
        if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
            return text_of(part)
    return ""


def own_parts(message: Message) -> Iterator[Message]:
    """The parts of a mail, without those of mails inside it."""
    if message.get_content_maintype() == "message":
        yield message
    elif message.is_multipart():
        for part in parts_of(message):
            yield from own_parts(part)
    else:
        yield message


def parts_of(message: Message) -> Sequence[Message]:
    """What a multipart, or a part of type ``message/…``, consists of."""
    payload = message.get_payload()
    return [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []


def is_same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses are one, whatever their case, and whichever way a domain beyond ASCII is written."""
    return _mailbox(one) == _mailbox(other)


def is_same_domain(one: str, other: str) -> bool:
    """Whether two addresses belong to one domain; what stands before the @ may have been made unreadable."""
    return _mailbox(one)[1] == _mailbox(other)[1]


def storable(text: str) -> str:
    """A text as every database of ours keeps it."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _mailbox(address: str) -> tuple[str, list[str]]:
    local, _, domain = unicodedata.normalize("NFC", address).lower().rpartition("@")
    return local, [_readable(label) for label in domain.split(".")]


def _readable(label: str) -> str:
    """One part of a domain; mail servers are told those beyond ASCII as Punycode (RFC 3492)."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        value = value[:_LONGEST_HEADER]
    try:
        pieces = decode_header(value)  # type: ignore[arg-type]
    except (ValueError, LookupError, AttributeError):
        pieces = [(str(value), None)]
    text = "".join(_decoded(piece, charset) if isinstance(piece, bytes) else piece for piece, charset in pieces)
    return storable(_FOLDING.sub(" ", text)).strip()


def _decoded(content: bytes, charset: str | None) -> str:
    for name in (charset, "utf-8"):
        try:
            return content.decode(name or "utf-8")
        except (UnicodeError, LookupError, ValueError):
            continue
    return content.decode(_FALLBACK)
