"""Calls of a hook: how they are signed, which are the same delivery, and what is read out of them.

The signature is over the bytes as they were sent. Somebody who caught a call can send it again for as long as its
timestamp is near, but it stays the same delivery.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from domain.base import Frozen, Instant, Json
from domain.events import HOOK_PREFIX

TOLERANCE = timedelta(minutes=5)
"""How far the timestamp of a signature may be from now, and within which the same body is the same delivery."""

EVENT = "webhook.received"
"""The name under which a delivery is kept as an event; nobody can send one of it any other way."""

DELIVERY_LENGTH = 100
DELIVERY = r"^[!-z|}~]+$"
"""The ids of deliveries: no space and no ``{``, with which the body begins. Else one who has no secret could move the
border between the id and the body without the signature noticing."""


class Call(Frozen):
    """One call: the body as it was sent, its signature header, and the id its sender gave it.

    ``unreadable``: why the body is no JSON, in words; None when it is.
    """

    body: bytes
    signature: str | None
    delivery: str | None
    unreadable: str | None = None


def sign(secret: str, at: datetime, body: bytes, delivery: str | None = None) -> str:
    """The signature header of a call: ``t=<unix seconds>,v1=<hex>``."""
    stamp = int(at.timestamp())
    return f"t={stamp},v1={_digest(secret, stamp, body, delivery)}"


def signed_at(call: Call, secret: str, *, now: datetime) -> Instant | None:
    """When a call was signed; None when it was not signed with ``secret``, or too long ago or ahead."""
    parts = dict(part.strip().partition("=")[::2] for part in (call.signature or "").split(","))
    stamp = parts.get("t", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return None
    expected = _digest(secret, int(stamp), call.body, call.delivery)
    if not hmac.compare_digest(expected.encode(), parts.get("v1", "").encode()):
        return None
    if abs(int(stamp) - now.timestamp()) > TOLERANCE.total_seconds():
        return None
    return datetime.fromtimestamp(int(stamp), UTC)


def delivery_ids(call: Call, hook: str, at: datetime) -> tuple[str, ...]:
    """Under which ids of events this delivery may be known: the first is its own.

    Without an id of its sender the body says which it is, counted in stretches of the tolerance: the same body in the
    stretch before or after is the same delivery too if it was signed within the tolerance.
    """
    if call.delivery is not None:
        return (f"{HOOK_PREFIX}{hook}:id:{call.delivery}",)
    digest = hashlib.sha256(call.body).hexdigest()
    stretch = int(at.timestamp() // TOLERANCE.total_seconds())
    return tuple(f"{HOOK_PREFIX}{hook}:{digest}:{n}" for n in (stretch, stretch - 1, stretch + 1))


def pointer_problem(pointer: str) -> str | None:
    """Why this is no JSON Pointer; None when it is one."""
    if pointer and not pointer.startswith("/"):
        return f"{pointer!r} is no JSON Pointer; write for example /customer/email"
    if any(part not in ("0", "1") for part in _after_tildes(pointer)):
        return f"{pointer!r} is no JSON Pointer: in it '~' is written ~0 and '/' in a name ~1"
    return None


def read_pointer(document: Json, pointer: str) -> tuple[bool, Json]:
    """Whether there is something at a place of a document, and what; ``/items/0/sku`` looks into lists."""
    found = document
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif (
            isinstance(found, list) and name.isascii() and name.isdigit() and len(name) <= 9 and int(name) < len(found)
        ):
            found = found[int(name)]
        else:
            return False, None
    return True, found


def mapped(document: Json, pointers: Mapping[str, str]) -> dict[str, Json]:
    """What is at each place, by property; a place that is not there leaves its property out."""
    found = {name: read_pointer(document, pointer) for name, pointer in pointers.items()}
    return {name: value for name, (is_there, value) in found.items() if is_there}


def _digest(secret: str, stamp: int, body: bytes, delivery: str | None) -> str:
    # With an id, it is signed as well: else a caught call could be sent again under another one.
    head = f"{stamp}." if delivery is None else f"{stamp}.{delivery}."
    return hmac.new(secret.encode(), head.encode() + body, hashlib.sha256).hexdigest()


def _after_tildes(pointer: str) -> list[str]:
    return [part[:1] for part in pointer.split("~")[1:]]
