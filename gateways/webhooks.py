"""Calls addresses that workflows name: one connection per call, nothing from the environment, answers cut short."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urljoin

import httpcore2

from domain.errors import Rejected, Unavailable
from domain.ports import WebhookAnswer, WebhookRequest
from domain.webhooks import Address, read_address
from gateways.guarded_network import AllowList, GuardedNetwork

SETTING = "FOLLOWTHROUGH_WEBHOOK_ALLOW"

CONNECT_S = 3.0
RESPOND_S = 30.0
MOST_REDIRECTS = 5
LONGEST_CALL_S = (CONNECT_S + RESPOND_S) * 2
"""All of a call, redirects included. Whoever calls must allow for more."""

MOST_BYTES = 256 * 1024
"""What is read of an answer."""

_TIMEOUT = {"connect": CONNECT_S, "read": RESPOND_S, "write": RESPOND_S, "pool": CONNECT_S}
_AWAY = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout)
_LOST = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, TimeoutError)
_MOVED = frozenset({301, 302, 303, 307, 308})
_SAME_CALL = frozenset({307, 308})
"""Redirects that want the same call again; the others want a GET, unless it was none that changes anything."""


@dataclass(frozen=True)
class _Answered:
    answer: WebhookAnswer
    location: str | None


class HttpWebhooks:
    """Outgoing webhooks over HTTP/1.1. ``tls``: whom to trust, by default whom the machine trusts."""

    def __init__(self, allowed: Iterable[str] = (), *, tls: ssl.SSLContext | None = None) -> None:
        self._allowed = AllowList.read(SETTING, allowed)
        self._given = tls

    async def send(self, request: WebhookRequest) -> WebhookAnswer:
        """Make the call; see ``domain.ports.WebhookGateway``."""
        try:
            async with asyncio.timeout(LONGEST_CALL_S):
                return await self._follow(request)
        except _AWAY as away:
            raise Unavailable(f"no connection ({_name(away)})") from away
        except httpcore2.UnsupportedProtocol as wrong:
            raise Rejected("this address cannot be called") from wrong
        except _LOST as lost:
            raise Unavailable(f"no answer ({_name(lost)})", handed_over=True) from lost

    async def _follow(self, request: WebhookRequest) -> WebhookAnswer:
        url, method, headers, body = request.url, request.method, dict(request.headers), request.body
        for hop in range(MOST_REDIRECTS + 1):
            address = _address(url)
            try:
                answered = await self._once(address, method, headers, body)
            except _AWAY as away:
                if hop == 0:
                    raise
                # Whoever redirected has taken the call.
                raise Unavailable(f"no connection to where it redirected ({_name(away)})", handed_over=True) from away
            if not request.follow_redirects or answered.location is None:
                return answered.answer
            url = _onward(url, answered.location)
            if _address(url).origin != address.origin:
                headers = {name: value for name, value in headers.items() if name.lower() not in request.private}
            if answered.answer.status not in _SAME_CALL and method not in ("GET", "HEAD"):
                method, body = "GET", None
                headers = {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
        raise Rejected(f"it redirected more than {MOST_REDIRECTS} times")

    async def _once(self, address: Address, method: str, headers: Mapping[str, str], body: bytes | None) -> _Answered:
        network = GuardedNetwork(self._allowed, is_plain=address.scheme == "http")
        async with (
            httpcore2.AsyncConnectionPool(ssl_context=self._tls, network_backend=network, max_connections=1) as pool,
            pool.stream(
                method,
                httpcore2.URL(
                    scheme=address.scheme, host=address.host, port=address.port, target=address.target.encode()
                ),
                headers=_written(address, headers, body),
                content=body,
                extensions={"timeout": _TIMEOUT},
            ) as response,
        ):
            content, is_whole = await _read(response)
            found = {name.lower(): value.decode("latin-1") for name, value in response.headers}
            answer = WebhookAnswer(
                status=response.status,
                body=content,
                is_cut=not is_whole,
                retry_after=found.get(b"retry-after", ""),
            )
            return _Answered(answer, found.get(b"location") if response.status in _MOVED else None)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Loading the certificates of the machine takes longer than most calls.
        return self._given or ssl.create_default_context()


async def _read(response: httpcore2.Response) -> tuple[bytes, bool]:
    """As much of an answer as is wanted, and whether that is all of it; its status stands, whatever becomes of it."""
    content = bytearray()
    try:
        async with asyncio.timeout(RESPOND_S):
            async for part in response.aiter_stream():
                content += part
                if len(content) > MOST_BYTES:
                    break
    except _LOST:
        return bytes(content[:MOST_BYTES]), False
    return bytes(content[:MOST_BYTES]), len(content) <= MOST_BYTES


def _onward(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise Rejected("it redirected to what is no address") from None


def _address(url: str) -> Address:
    try:
        return read_address(url)
    except ValueError as wrong:
        raise Rejected(str(wrong)) from None


def _written(address: Address, headers: Mapping[str, str], body: bytes | None) -> list[tuple[bytes, bytes]]:
    every = {
        "Host": address.authority,
        "User-Agent": "Followthrough",
        "Accept": "*/*",
        # An answer that is unpacked here could be any size.
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
    }
    if body is not None:
        every["Content-Length"] = str(len(body))
    return [(name.encode("latin-1"), value.encode("utf-8")) for name, value in every.items()]


def _name(error: BaseException) -> str:
    """What went wrong, without the words of the error: they name hosts."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, ssl.SSLCertVerificationError):
            return "its certificate is not to be trusted"
        at = at.__cause__ or at.__context__
    return type(error).__name__
