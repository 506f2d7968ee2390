"""Outgoing webhooks: which answers are tried again, how a call is signed, and what of an answer becomes an output."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias
from urllib.parse import quote, urlsplit

from domain.base import Frozen, Json
from domain.hooks import read_pointer
from domain.operators import is_number

Fate: TypeAlias = Literal["done", "later", "refused"]

FIRST_RETRY_S = 60
LARGEST_GAP_S = 8 * 3600
GIVE_UP_S = 3 * 86400
"""How long an address that is away delays a record before the step fails as ``gave_up``."""

LONGEST_TEXT = 10_000
"""Characters of a text that is kept as an output."""

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
OURS = frozenset(
    {
        "host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect",
        "idempotency-key", "webhook-id", "webhook-timestamp", "webhook-signature",
    }
)  # fmt: skip
"""Headers that nobody may set: they say where a message ends, or which one it is."""

_WITHIN_PATH = "/%:@!$&'()*+,;=~-._"


class Address(Frozen):
    """The parts of a URL. ``host``: lower case and ASCII, IPv6 without brackets; ``target``: from the path on."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Two addresses with the same origin are served by the same server."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """What the header ``Host`` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


def read_address(url: str) -> Address:
    """Take a URL apart.

    Raises:
        ValueError: it is none that can be called; the words do not repeat it, as it may hold what nobody shall see.
    """
    if url != url.strip() or any(ord(sign) < 32 or ord(sign) == 127 or sign == "\\" for sign in url):
        raise ValueError("the address has a space around it, a line break or a backslash in it")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("this is no address with a host and a port") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("the address begins with https:// (or http://)")
    if not host or port == 0:
        raise ValueError("this is no address with a host and a port")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address holds a user or password; put a secret into a header")
    try:
        name = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        raise ValueError("the host is not a name that can be looked up") from None
    if any(sign in " %/@[]" for sign in name):
        raise ValueError("the host is not a name that can be looked up")
    target = quote(parts.path or "/", safe=_WITHIN_PATH)
    if parts.query:
        target += "?" + quote(parts.query, safe=_WITHIN_PATH + "?")
    secure = parts.scheme == "https"
    return Address(
        scheme="https" if secure else "http", host=name.lower(), port=port or (443 if secure else 80), target=target
    )


def fate(status: int) -> Fate:
    """What follows from a status: 2xx is done, 429 and 5xx are tried again, everything else is a no for good."""
    if 200 <= status < 300:
        return "done"
    return "later" if status == 429 or status >= 500 else "refused"


def retry_after_s(value: str, *, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` asks to wait, by length or by date; None where it says neither.

    At most the largest gap between two attempts: a longer one would leave no time for another, and the record behind.
    """
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) <= 9:
        asked = float(value)
    else:
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        if at.tzinfo is None:
            return None
        asked = (at - now).total_seconds()
    return min(max(asked, 0.0), float(LARGEST_GAP_S))


def signature(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> str:
    """The header ``webhook-signature`` of the Standard Webhooks: one part per secret, so that a receiver may know any.

    Raises:
        ValueError: a secret is not ``whsec_`` and base64 (or base64 alone).
    """
    content = f"{message_id}.{int(at.timestamp())}.".encode() + body
    return " ".join(f"v1,{_signed(_key(secret), content)}" for secret in secrets)


def output(document: Json, pointer: str, kind: Literal["string", "number", "bool"]) -> tuple[Json, str | None]:
    """The value at a place of an answer if it is of this kind, else None and why."""
    is_there, value = read_pointer(document, pointer)
    if not is_there or value is None:
        return None, "nothing there"
    fits = {"string": isinstance(value, str), "number": is_number(value), "bool": isinstance(value, bool)}
    if not fits[kind]:
        return None, f"not a {kind}"
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return None, f"longer than {LONGEST_TEXT} characters"
    return (value, None) if _can_be_stored(value) else (None, "cannot be stored")


def _can_be_stored(value: Json) -> bool:
    """Whether both databases take a value: no zero byte, no half of a pair, no number that is none."""
    if isinstance(value, str):
        return not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value)
    return not isinstance(value, float) or math.isfinite(value)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("to sign with, a secret is whsec_ and base64") from None
    if not key:
        raise ValueError("there is nothing in it to sign with: a secret is whsec_ and base64")
    return key


def _signed(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
