"""Connections to an outgoing mail server, kept for a while between messages, as connecting and login cost most.

A kept connection is asked to forget whatever was before (RSET) when it is taken again, which also tells whether it is
still there; one that is not is replaced, and nothing of a message is lost with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from domain.errors import GatewayError, Unavailable

# Connecting, encryption and login together.
CONNECT_TIMEOUT_S = 45.0
COMMAND_TIMEOUT_S = 30.0
FAREWELL_TIMEOUT_S = 3.0
KEPT_S = 20.0
"""How long a connection waits for its next message. Servers end silent ones after a minute or more."""
MOST_KEPT = 8
"""More than wait at once close: a server allows few connections from one place."""
MOST_MESSAGES = 100
"""After as many a connection is ended; servers that spread load count on it."""


@dataclass(frozen=True)
class SmtpServer:
    """Where outgoing mail goes. ``start_tls``: must, must not, or (None) may when the server offers it."""

    host: str
    port: int
    tls: bool = False
    start_tls: bool | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass
class _Kept:
    """A connection that waits, in the loop it belongs to, until ``timer`` ends it."""

    client: SMTP
    messages: int
    loop: asyncio.AbstractEventLoop
    timer: asyncio.TimerHandle


class SmtpConnections:
    """The connections to one server. ``kept_s`` 0: each is for one message."""

    def __init__(self, server: SmtpServer, *, kept_s: float = 0.0) -> None:
        self.server = server
        self.kept_s = kept_s
        self._kept: list[_Kept] = []
        self._farewells: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[SMTP]:
        """A connection that is logged in, for one message.

        Raises:
            Unavailable: the server cannot be reached or refuses the login.
        """
        client, messages = await self._take()
        try:
            yield client
        except GatewayError:
            # The server said no, or was not heard: its connection is as good as before, or closed.
            await self._give_back(client, messages + 1)
            raise
        except BaseException:
            # Nobody knows in which state it is.
            await take_leave(client)
            raise
        await self._give_back(client, messages + 1)

    async def close(self) -> None:
        """End the connections that wait."""
        kept, self._kept = self._kept, []
        for each in kept:
            each.timer.cancel()
            await take_leave(each.client)
        await asyncio.gather(*self._farewells)

    async def _take(self) -> tuple[SMTP, int]:
        loop = asyncio.get_running_loop()
        while self._kept:
            # The last one that came back: the others may end.
            kept = self._kept.pop()
            kept.timer.cancel()
            if kept.loop is not loop:
                continue
            try:
                if kept.client.is_connected:
                    await kept.client.rset(timeout=FAREWELL_TIMEOUT_S)
                    return kept.client, kept.messages
            except (SMTPException, OSError):
                pass
            kept.client.close()
        return await self._connect(), 0

    async def _give_back(self, client: SMTP, messages: int) -> None:
        is_good = client.is_connected and messages < MOST_MESSAGES
        if not (self.kept_s and is_good and len(self._kept) < MOST_KEPT):
            await take_leave(client)
            return
        loop = asyncio.get_running_loop()
        kept = _Kept(client=client, messages=messages, loop=loop, timer=loop.call_later(self.kept_s, self._end, client))
        self._kept.append(kept)

    def _end(self, client: SMTP) -> None:
        self._kept = [kept for kept in self._kept if kept.client is not client]
        farewell = asyncio.get_running_loop().create_task(take_leave(client))
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)

    async def _connect(self) -> SMTP:
        server = self.server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls,
            start_tls=None if server.tls else server.start_tls,
            username=server.username,
            password=server.password,
            # Encryption that the server merely offers is better than none even when nobody vouches for its key.
            validate_certs=server.tls or server.start_tls is True,
            timeout=COMMAND_TIMEOUT_S,
        )
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await client.connect()
        except SMTPResponseException as refused:
            raise Unavailable(f"the mail server refused the connection or the login: {refused.code}") from refused
        except (SMTPException, OSError) as unreachable:
            raise Unavailable(f"the mail server cannot be reached ({type(unreachable).__name__})") from unreachable
        return client


async def take_leave(client: SMTP) -> None:
    """End the connection in good order; the effect is settled by now, so nothing that happens here matters to it."""
    try:
        if client.is_connected:
            await client.rset(timeout=FAREWELL_TIMEOUT_S)
            await client.quit(timeout=FAREWELL_TIMEOUT_S)
    except (SMTPException, OSError):
        pass
    finally:
        client.close()
