"""Addresses that a message carries: signed, so that nobody guesses one, and without an end, as mail is kept for years.

A token holds what the link is for and the key of the effect that sent the message, nothing about anybody. It is signed
with the first of the installation's keys; any of them reads it, so a new one can be put in front of the old.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal, TypeAlias
from uuid import UUID

from domain.base import Frozen

Purpose: TypeAlias = Literal["unsubscribe", "open", "click", "callback"]

_MARKS: dict[Purpose, bytes] = {
    "unsubscribe": b"u", "open": b"o", "click": b"c", "callback": b"b",
}  # fmt: skip
_SIGNATURE_BYTES = 16
"""128 bits: nobody finds one by trying."""
_REPLY_CHARACTERS = 20
"""100 bits."""
_UUID = 255
"""Stands for the length of a part that is a uuid, which takes 16 bytes instead of 36."""
_LONGEST_PART = 200
LONGEST_TOKEN = 400
"""No token is longer; what is, is not read at all."""


class Link(Frozen):
    """What a link is about: ``key`` of the effect, and for a click which link of the message, from 0 on."""

    purpose: Purpose
    key: str
    index: int | None = None


def write_token(link: Link, keys: Sequence[str]) -> str:
    """The token of a link, safe in an address: letters, digits, ``-`` and ``_``.

    Raises:
        ValueError: a part of the key is too long, or there is nothing to sign with.
    """
    if not keys:
        raise ValueError("there is no key to sign links with")
    parts = [*link.key.split(":"), *([str(link.index)] if link.index is not None else [])]
    payload = _MARKS[link.purpose] + b"".join(map(_packed, parts))
    return base64.urlsafe_b64encode(payload + _signature(payload, keys[0])).decode().rstrip("=")


def read_token(token: str, purpose: Purpose, keys: Sequence[str]) -> Link | None:
    """What a token says; None when it is none of ours, was changed, or is meant for something else."""
    raw = _decoded(token)
    payload, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    if payload[:1] != _MARKS[purpose]:
        return None
    if not any(hmac.compare_digest(signature, _signature(payload, key)) for key in keys):
        return None
    parts = _unpacked(payload[1:])
    index = int(parts.pop()) if purpose == "click" else None
    return Link(purpose=purpose, key=":".join(parts), index=index)


def reply_token(key: str, keys: Sequence[str]) -> str:
    """What the address holds that answers to the message of an effect go to: 20 letters and digits.

    Short and of one case, as mail servers shorten and rewrite what stands before the @; it is found by looking it up.

    Raises:
        ValueError: there is nothing to make it with.
    """
    if not keys:
        raise ValueError("there is no key to make reply addresses with")
    digest = hmac.new(keys[0].encode(), b"r" + key.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest)[:_REPLY_CHARACTERS].decode().lower()


def _signature(payload: bytes, key: str) -> bytes:
    return hmac.new(key.encode(), payload, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def _packed(part: str) -> bytes:
    try:
        number = UUID(part)
    except ValueError:
        number = None
    if number is not None and str(number) == part:
        return bytes([_UUID]) + number.bytes
    text = part.encode()
    if len(text) > _LONGEST_PART:
        raise ValueError(f"a part of the key has {len(text)} bytes")
    return bytes([len(text)]) + text


def _unpacked(payload: bytes) -> list[str]:
    """The parts of a payload whose signature is right."""
    parts, at = [], 0
    while at < len(payload):
        length = payload[at]
        end = at + 1 + (16 if length == _UUID else length)
        piece = payload[at + 1 : end]
        parts.append(str(UUID(bytes=piece)) if length == _UUID else piece.decode())
        at = end
    return parts


def _decoded(token: str) -> bytes:
    if len(token) > LONGEST_TOKEN:
        return b""
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
