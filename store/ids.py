"""Makes identifiers and secrets; the only place of the product that asks for randomness."""

from __future__ import annotations

import base64
import secrets
import threading
from datetime import datetime
from uuid import UUID

_COUNTER_BITS = 12


class _Sequence:
    """The last id's millisecond and counter, so that ids of one process always grow, even if the clock steps back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self, millisecond: int) -> int:
        """A number whose upper bits are milliseconds and whose lower 12 count within one."""
        with self._lock:
            self._last = max(self._last + 1, millisecond << _COUNTER_BITS)
            return self._last


_sequence = _Sequence()


def new_id(now: datetime) -> str:
    """A uuid7 as text: sorts by creation, also within a millisecond of this process.

    Source: RFC 9562, section 5.7 with method 1 of section 6.2 (a counter in ``rand_a``).
    """
    stamp = _sequence.next(int(now.timestamp() * 1000))
    millisecond, counter = stamp >> _COUNTER_BITS, stamp & ((1 << _COUNTER_BITS) - 1)
    number = (millisecond << 80) | (0x7 << 76) | (counter << 64) | (0b10 << 62) | secrets.randbits(62)
    return str(UUID(int=number))


def new_token() -> str:
    """An address nobody can guess: 32 random bytes as text, 43 characters."""
    return secrets.token_urlsafe(32)


def new_address_token() -> str:
    """What an address of mail holds so that nobody guesses it: 20 letters and digits of one case, 100 bits.

    Mail servers shorten and rewrite what stands before the @, so it is short.
    """
    return base64.b32encode(secrets.token_bytes(15)).decode().lower()[:20]


def new_hook_secret() -> str:
    """What calls of a hook are signed with: ``fthook_`` and 32 random bytes as text."""
    return f"fthook_{secrets.token_urlsafe(32)}"


def new_encryption_key() -> str:
    """What payloads are encrypted with: 32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def new_secret() -> str:
    """An API key nobody can guess: ``ft_`` and 32 random bytes as text."""
    return f"ft_{secrets.token_urlsafe(32)}"
