"""Takes in mail by SMTP, as the mail server of a domain, or by LMTP from the one that is.

A mail is answered 250 once it is kept, 451 as long as it cannot be, so that whoever hands it over tries again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

Accepts: TypeAlias = Callable[[str], Awaitable[bool]]
"""Whether mail for an address, in lower case, is taken besides that for the reply address."""

Take: TypeAlias = Callable[[bytes, str, tuple[str, ...]], Awaitable[None]]
"""Keeps a mail: its bytes, who sent it by the envelope (``""``: nobody) and whom it is for. Raises when it cannot."""

LARGEST_MAIL = 25 * 1024 * 1024
"""Bytes of one mail."""
LONGEST_LINE = 1024 * 1024
"""RFC 5321 allows 1,000 bytes, and many programs write more."""
MOST_SESSIONS = 50
"""At once; each may be handing over a mail of the largest size."""
SILENCE_S = 120.0
"""How long a session may be silent."""

NOBODY = "<>"
"""What the library needs for a sender that is nobody; it takes an empty one for none at all."""
LATER = "451 4.3.0 it cannot be kept now, try again later"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListenAt:
    """Where to listen; ``is_lmtp``: speaking LMTP. Port 0 is one that is free."""

    host: str
    port: int
    is_lmtp: bool = False

    @classmethod
    def read(cls, url: str) -> ListenAt:
        """``smtp://0.0.0.0:25`` or ``lmtp://127.0.0.1:2424``.

        Raises:
            ValueError: it is none of these, or lacks host or port.
        """
        parts = urlsplit(url)
        plain = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
        if parts.scheme not in ("smtp", "lmtp") or not parts.hostname or parts.port is None or not plain:
            raise ValueError("must be host:port, smtp://host:port or lmtp://host:port")
        return cls(host=parts.hostname, port=parts.port, is_lmtp=parts.scheme == "lmtp")


@asynccontextmanager
async def listening(at: ListenAt, reply_address: str, take: Take, accepts: Accepts) -> AsyncIterator[int]:
    """Take in mail while the block runs; the port it listens on.

    It is taken for ``reply_address``, with a token or without, and whatever else ``accepts`` says.

    Raises:
        OSError: somebody else listens there, or it is not allowed.
    """
    # Its lines hold addresses.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    door = _Door(reply_address.lower(), take, accepts, one_at_once=at.is_lmtp)
    kind = _Lmtp if at.is_lmtp else _Smtp
    server = await asyncio.get_running_loop().create_server(lambda: kind(door), at.host, at.port)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        # What is under way was not answered, so it comes again.
        door.hang_up()
        await server.wait_closed()


class _Door:
    """Who may hand over what; one for all sessions."""

    def __init__(self, reply_address: str, take: Take, accepts: Accepts, *, one_at_once: bool) -> None:
        self._local, _, self._domain = reply_address.rpartition("@")
        self._take = take
        self._accepts = accepts
        self._one_at_once = one_at_once
        self._open: set[asyncio.BaseTransport] = set()

    def is_open_for(self, transport: asyncio.BaseTransport) -> bool:
        """Count a session in; False when there are too many."""
        self._open = {each for each in self._open if not each.is_closing()}
        if len(self._open) >= MOST_SESSIONS:
            return False
        self._open.add(transport)
        return True

    def hang_up(self) -> None:
        """End every session."""
        for each in self._open:
            each.close()

    async def handle_MAIL(  # noqa: N802 - the library finds it by this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take any sender."""
        envelope.mail_from = address or NOBODY
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take nobody but those whose mail we are asked to take."""
        try:
            if not (self._is_reply_address(address.lower()) or await self._accepts(address.lower())):
                return "550 5.1.1 nobody here has this address"
        except Exception as error:  # noqa: BLE001 - whatever keeps us from knowing, the sender tries again
            log.warning("recipient_not_known", extra={"error": type(error).__name__})
            return LATER
        if self._one_at_once and envelope.rcpt_tos:
            # LMTP wants an answer for each of them, which the library does not give; a server sends the others next.
            return "452 4.5.3 one recipient at a time"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    def _is_reply_address(self, address: str) -> bool:
        local, _, domain = address.rpartition("@")
        return domain == self._domain and local.partition("+")[0] == self._local

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail before it is answered for."""
        content = envelope.original_content or b""
        sender = "" if envelope.mail_from in (None, NOBODY) else str(envelope.mail_from)
        try:
            await self._take(content, sender, tuple(envelope.rcpt_tos))
        except Exception as error:  # noqa: BLE001 - whatever keeps us from it, the sender has the mail still
            log.warning("mail_not_kept", extra={"error": type(error).__name__})
            return LATER
        return "250 2.6.0 kept"

    async def handle_exception(self, error: Exception) -> str:
        """Answer what the library itself fails on."""
        log.warning("mail_session_failed", extra={"error": type(error).__name__})
        return LATER


class _Smtp(SMTP):
    """A session."""

    line_length_limit = LONGEST_LINE

    def __init__(self, door: _Door) -> None:
        super().__init__(
            door, data_size_limit=LARGEST_MAIL, enable_SMTPUTF8=True, ident="Followthrough", timeout=SILENCE_S
        )
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a session, unless there are too many."""
        if not self._door.is_open_for(transport):
            assert isinstance(transport, asyncio.WriteTransport)
            transport.write(b"421 4.3.2 too many sessions, try again later\r\n")
            transport.close()
        super().connection_made(transport)


class _Lmtp(LMTP, _Smtp):
    """A session with a mail server."""
