"""How often an address may try what it cannot prove, and open one link: a token bucket for each, in this process.

Whoever proves itself, by a key, a signature or a token of ours, is never held up by who does not, though both come from
one address, as everybody does behind a proxy: providers send in bursts, and an unsubscription refused is lost.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response
from services.installation import Installation

MOST_BUCKETS = 20_000
"""Of each kind, some megabytes in all. Beyond, the one that was longest at rest is forgotten, so is full again."""

PREFIX = "/api/v1"
LINK = re.compile(r"/(?:u|t/[oc])/.+")
"""What readers of messages open."""
TARGETS = (
    ("hooks", re.compile(rf"{PREFIX}/hooks/.+")),
    ("callbacks", re.compile(rf"{PREFIX}/callbacks/.+")),
    ("providers", re.compile(rf"{PREFIX}/(?:providers/.+|inbound/sms)")),
    ("links", LINK),
    ("keys", re.compile(rf"{PREFIX}(?:/.*)?|/metrics")),
)
"""What an address can try to get past, and where; the first that fits."""
READS = ("GET", "HEAD")


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Calls a minute, and as many at once: those without proof by address and target, reads by address and link.

    0: no limit.
    """

    refused_per_minute: int = 0
    link_opens_per_minute: int = 0


class Buckets:
    """Token buckets by key, each full at first; at most ``most`` of them are remembered."""

    def __init__(self, per_minute: int, most: int = MOST_BUCKETS) -> None:
        self._size, self._most = per_minute, most
        self._kept: OrderedDict[tuple[str, ...], tuple[float, datetime]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def wait_s(self, key: tuple[str, ...], now: datetime) -> int:
        """How many seconds until there is a token; 0: there is one, or no limit."""
        if self._size == 0:
            return 0
        return max(0, ceil((1 - self._level(key, now)) * 60 / self._size))

    def take(self, key: tuple[str, ...], now: datetime) -> int:
        """Take a token: 0. Where there is none: how many seconds until there is one."""
        wait_s = self.wait_s(key, now)
        if self._size and not wait_s:
            self._kept[key] = (self._level(key, now) - 1, now)
            self._kept.move_to_end(key)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return wait_s

    def _level(self, key: tuple[str, ...], now: datetime) -> float:
        if key not in self._kept:
            return self._size
        level, at = self._kept[key]
        # A clock that was put back gives no token, and takes none away.
        return min(self._size, level + max(0.0, (now - at).total_seconds()) * self._size / 60)


class RateLimits:
    """ASGI middleware: 429 with ``Retry-After`` for an address that tries too much."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self.app = app
        self._refused = Buckets(rates.refused_per_minute)
        self._opens = Buckets(rates.link_opens_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through where it may pass, and count it if it had no proof."""
        target = target_of(scope["path"]) if scope["type"] == "http" else None
        if target is None:
            await self.app(scope, receive, send)
            return
        inst: Installation = scope["app"].state.installation
        client = _client(scope)
        if target == "links" and scope["method"] in READS:
            wait_s = self._opens.take((client, _short(scope["path"])), inst.clock.now())
            if wait_s:
                await _too_many(wait_s)(scope, receive, send)
                return
        counted = _Counted(self, (client, target), scope, send)
        await self.app(scope, receive, counted.send)
        if counted.wait_s:
            await _too_many(counted.wait_s)(scope, receive, send)

    def count(self, who: tuple[str, ...], now: datetime) -> int:
        """Note a call without proof; how many seconds it has to wait, if there were too many."""
        return self._refused.take(who, now)


class _Counted:
    """The answer of one request, held back when there were too many of its sort."""

    def __init__(self, limits: RateLimits, who: tuple[str, ...], scope: Scope, send: Send) -> None:
        self._limits, self._who, self._scope, self._send = limits, who, scope, send
        self._state: dict[str, Any] = scope.setdefault("state", {})
        self.wait_s = 0

    async def send(self, message: Message) -> None:
        """Pass a message on, unless the answer is another one."""
        if message["type"] == "http.response.start":
            inst: Installation = self._scope["app"].state.installation
            if self._state.get("unproven"):
                self.wait_s = self._limits.count(self._who, inst.clock.now())
        if not self.wait_s:
            await self._send(message)


def _too_many(wait_s: int) -> Any:
    words = f"too many calls of this sort from your address; try again in {wait_s} seconds"
    return problem_response(429, "too_many", words, headers={"Retry-After": str(wait_s)})


def target_of(path: str) -> str | None:
    """What a call of this path can try to get past; None: nothing."""
    return next((name for name, pattern in TARGETS if pattern.fullmatch(path)), None)


def _short(path: str) -> str:
    """The same for the same path, and no longer for a longer one: strangers choose what they ask for."""
    return sha256(path.encode(errors="replace")).hexdigest()[:32]


def _client(scope: Scope) -> str:
    """Who calls, as far as that can be told; of IPv6 the network, which one customer has to himself."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)
