"""Who may tell what became of an email: the services we know, and how each signs its calls.

- SendGrid signs timestamp and body with a key of its own (ECDSA); we keep the public half.
- Mailgun signs timestamp and a token with the key of the account (HMAC), and not what it tells. So a token counts for
  one body only.
- Whoever speaks the Standard Webhooks signs id, timestamp and body with a secret that both know (HMAC).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias, get_args

from domain.base import Frozen, Instant, Json
from domain.p256 import is_signed, read_key
from domain.webhooks import signature

Provider: TypeAlias = Literal["sendgrid", "mailgun", "standard"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)

NAMES: Mapping[Provider, str] = {"sendgrid": "SendGrid", "mailgun": "Mailgun", "standard": "the mail service"}
"""What people call them."""

SECRETS: Mapping[Provider, str] = {each: f"{each}_events" for each in PROVIDERS}
"""The secret under whose name the key of each is kept."""

KEYS = frozenset(SECRETS.values())
"""Secrets that no step may name: whoever writes workflows could send such a key away, and speak for the service."""

AHEAD = timedelta(minutes=5)
"""How far the clock of a service may be ahead of ours."""

OLDEST: Mapping[Provider, timedelta] = {
    "sendgrid": timedelta(hours=25),
    "mailgun": timedelta(hours=9),
    "standard": timedelta(minutes=5),
}
"""How long ago a call may be signed. The first two repeat what was not answered for 24 and 8 hours, and do not say that
they sign it anew; what is told twice counts once in any case.
"""

TOKEN_KEPT = timedelta(days=2)
"""For how long a token is remembered: longer than it opens anything."""

LONGEST_PART = 500


class ProviderCall(Frozen):
    """One call as it came. ``id``: of the call, or the token it is signed with."""

    body: bytes
    signature: str = ""
    timestamp: str = ""
    id: str = ""

    @property
    def digest(self) -> str:
        """Which body it is."""
        return hashlib.sha256(self.body).hexdigest()


def signed_inside(call: ProviderCall, document: Json) -> ProviderCall:
    """The call of a service that puts its signature into the body, as Mailgun does; what is left of that it tells."""
    whole = document if isinstance(document, dict) else {}
    found = whole.get("signature")
    parts = found if isinstance(found, dict) else {}
    named = {"signature": parts.get("signature"), "timestamp": parts.get("timestamp"), "id": parts.get("token")}
    said = {name: value for name, value in named.items() if _is_part(value)}
    told = {name: value for name, value in whole.items() if name != "signature"}
    return call.model_copy(update={**said, "body": json.dumps(told, sort_keys=True).encode()})


def signed_at(provider: Provider, call: ProviderCall, keys: tuple[str, ...], *, now: datetime) -> Instant | None:
    """When a call was signed; None when it was not signed with one of ``keys``, too long ago or ahead.

    Raises:
        ValueError: a key is none of this service.
    """
    stamp = call.timestamp
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return None
    age = now.timestamp() - int(stamp)
    if age > OLDEST[provider].total_seconds() or -age > AHEAD.total_seconds():
        return None
    if not any(_is_by(provider, call, key) for key in keys):
        return None
    return datetime.fromtimestamp(int(stamp), UTC)


def _is_part(value: Json) -> bool:
    return isinstance(value, str) and value.isascii() and len(value) <= LONGEST_PART


def _is_by(provider: Provider, call: ProviderCall, key: str) -> bool:
    match provider:
        case "sendgrid":
            return _is_by_owner(call, key)
        case "mailgun":
            made = hmac.new(key.encode(), f"{call.timestamp}{call.id}".encode(), hashlib.sha256).hexdigest()
            return bool(call.id) and hmac.compare_digest(made.encode(), call.signature.encode())
        case "standard":
            at = datetime.fromtimestamp(int(call.timestamp), UTC)
            made = signature([key], call.id, at, call.body)
            given = call.signature.split()
            return bool(call.id) and any(hmac.compare_digest(made.encode(), each.encode()) for each in given)


def _is_by_owner(call: ProviderCall, key: str) -> bool:
    public = read_key(key)
    try:
        given = base64.b64decode(call.signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return is_signed(public, given, call.timestamp.encode() + call.body)
