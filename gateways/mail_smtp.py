"""Delivers email over SMTP, in the two phases that effects need: all that cannot deliver, then the content.

The line between the phases is the DATA command. Until the server asks for the content nothing can be delivered, so
every trouble is a refusal or "try again". Once the content is on its way only the server's answer tells what became
of it, and without an answer nobody knows.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from aiosmtplib import SMTP, SMTPException, SMTPResponse, SMTPResponseException

from domain.errors import GatewayError, Rejected, Unavailable
from domain.mail_reports import is_hard
from domain.ports import HandOver, Mail, Receipt
from domain.provider_events import CUSTOM
from gateways.dkim_signing import DkimSigner
from gateways.mime import build_message, envelope_address
from gateways.smtp_connections import (
    COMMAND_TIMEOUT_S,
    CONNECT_TIMEOUT_S,
    FAREWELL_TIMEOUT_S,
    MOST_KEPT,
    SmtpConnections,
    SmtpServer,
)

__all__ = ["SmtpMail", "SmtpServer"]

# RFC 5321 4.5.3.2.6 asks for ten minutes after the final dot, where an early end makes duplicates. Two are what
# servers in use need; the rest is not waited for because the worker's slot is worth more.
ANSWER_TIMEOUT_S = 120.0
# Kept connections that are gone are found out first; MAIL, RCPT and DATA each wait for their answer, RSET and QUIT say
# goodbye; whoever calls must allow for more.
LONGEST_SENDING_S = (
    MOST_KEPT * FAREWELL_TIMEOUT_S
    + CONNECT_TIMEOUT_S
    + 3 * COMMAND_TIMEOUT_S
    + ANSWER_TIMEOUT_S
    + 2 * FAREWELL_TIMEOUT_S
)

_START_CONTENT = 354
# RFC 4954: what a server says about our own login, which an operator can mend; the recipient must not pay for it.
_ABOUT_THE_LOGIN = frozenset({530, 534, 535, 538})
_LONGEST_REPLY = 200


class SmtpMail:
    """An outgoing mail server. SMTP has no key for a message, so handing over twice can be two messages.

    ``kept_s``: how long a connection waits for the next message. ``signer``: signs what leaves. ``service``: whose
    server it is, where that wants to be told what to call a message when it tells what became of it.
    """

    repeatable = False

    def __init__(
        self,
        server: SmtpServer,
        *,
        kept_s: float = 0.0,
        signer: DkimSigner | None = None,
        service: Literal["sendgrid"] | None = None,
    ) -> None:
        self.server = server
        self.signer = signer
        self.service = service
        self._connections = SmtpConnections(server, kept_s=kept_s)

    @asynccontextmanager
    async def prepare(self, mail: Mail) -> AsyncIterator[HandOver]:
        """Build, connect, log in, MAIL and RCPT, and yield the hand-over, which is DATA.

        Left without handing over, the server is told to forget the message.

        Raises:
            Rejected: the recipient is refused for good (5xx), or the message cannot be built.
            Unavailable: the server cannot be reached, refuses login or sender, or says no for now; nothing was
                delivered.
        """
        content = build_message(_named(mail) if self.service == "sendgrid" else mail)
        if self.signer is not None:
            content = self.signer.sign(content)
        sender, recipient = envelope_address(mail.bounce_to or mail.sender), envelope_address(mail.to)
        async with self._connections.borrowed() as client:
            veil = _Veil(sender, recipient)
            try:
                await _ask(veil, "the sender", lambda: client.mail(sender))
            except Rejected as ours:
                # A quota, or a sender not confirmed yet: it concerns us, so nobody is dropped for it.
                raise Unavailable(str(ours)) from ours
            try:
                await _ask(veil, "the recipient", lambda: client.rcpt(recipient))
            except Rejected as no:
                raise Rejected(str(no), no_such_address=is_hard(str(no))) from no

            async def hand_over() -> Receipt:
                return await _deliver(client, content, veil)

            yield hand_over

    async def close(self) -> None:
        """End the connections that wait for their next message."""
        await self._connections.close()


def _named(mail: Mail) -> Mail:
    """A message that SendGrid knows by our name for it, of which it otherwise tells not with every event."""
    told = json.dumps({"unique_args": {CUSTOM: mail.message_id}})
    return mail.model_copy(update={"headers": {**mail.headers, "X-SMTPAPI": told}})


@dataclass(frozen=True)
class _Veil:
    """Keeps addresses out of messages: servers like to repeat them in their answers."""

    sender: str
    recipient: str

    def words(self, reply: str) -> str:
        """The first line of an answer, without an address."""
        line = (reply.splitlines() or [""])[0]
        for address in (self.sender, self.recipient):
            local = re.escape(address.rpartition("@")[0])
            line = re.sub(rf"(?i)(?<!\w){local}(?!\w)", "…", line)
        return re.sub(r"<[^<>]*>|[^\s<>]*@[^\s<>]*", "…", line)[:_LONGEST_REPLY]


async def _ask(veil: _Veil, about: str, command: Callable[[], Awaitable[SMTPResponse]]) -> None:
    """Ask something that cannot deliver yet."""
    try:
        await command()
    except SMTPResponseException as refused:
        raise _refusal(about, refused.code, veil.words(refused.message)) from refused
    except (SMTPException, OSError) as lost:
        raise Unavailable(f"the connection to the mail server was lost ({type(lost).__name__})") from lost


async def _deliver(client: SMTP, content: bytes, veil: _Veil) -> Receipt:
    try:
        invitation = await client.execute_command(b"DATA")
    except (SMTPException, OSError) as lost:
        raise Unavailable(f"the connection to the mail server was lost ({type(lost).__name__})") from lost
    if invitation.code != _START_CONTENT:
        raise _refusal("the message", invitation.code, veil.words(invitation.message))
    answer = await _send_content(client, content)
    if not 200 <= answer.code < 300:
        raise _refusal("the message", answer.code, veil.words(answer.message), sent=True)
    return Receipt(reference=veil.words(answer.message) or None)


async def _send_content(client: SMTP, content: bytes) -> SMTPResponse:
    """Write the content with its final dot and wait for the answer.

    The client library sends DATA and content in one call whose errors do not tell whether the content had left.
    """
    protocol = client.protocol
    if protocol is None:
        raise Unavailable("the connection to the mail server was lost before the content")
    try:
        protocol.write(_dotted(content))
        return await protocol.read_response(timeout=ANSWER_TIMEOUT_S)
    except (SMTPException, OSError) as lost:
        # Whatever the server says on this connection from now on could be the answer that was not waited for.
        client.close()
        raise Unavailable(f"no answer after the content ({type(lost).__name__})", handed_over=True) from lost
    except asyncio.CancelledError:
        client.close()
        raise


def _dotted(content: bytes) -> bytes:
    """The content as RFC 5321 4.5.2 wants it: a leading dot doubled, CRLF everywhere, one dot at the end.

    Without this a line with a single dot ends the message and what follows it are commands.
    """
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    ended = lines if lines.endswith(b"\r\n") else lines + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", ended) + b".\r\n"


def _refusal(about: str, code: int, words: str, *, sent: bool = False) -> GatewayError:
    message = f"the mail server refused {about}: {code} {words}".rstrip()
    if 500 <= code < 600 and code not in _ABOUT_THE_LOGIN:
        return Rejected(message)
    if 400 <= code < 600:
        return Unavailable(message)
    # Not an answer of SMTP at all. When the content has left, nobody knows.
    return Unavailable(message, handed_over=sent)
