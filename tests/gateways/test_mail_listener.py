"""Mail handed over by SMTP and LMTP: for us and for nobody else, kept before it is answered for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiosmtplib import SMTP, SMTPResponseException

from gateways import mail_listener
from gateways.mail_listener import LARGEST_MAIL, ListenAt, listening

US = "reply+abcdefghij2345672345@in.example.com"
MAIL = b"From: ana@example.com\r\nSubject: Re: Hello\r\n\r\nYes\r\n"


@dataclass
class Kept:
    """What was taken; ``error``: what keeps it from being kept."""

    mails: list[tuple[bytes, str, tuple[str, ...]]] = field(default_factory=list)
    error: Exception | None = None
    channels: tuple[str, ...] = ()

    async def accepts(self, address: str) -> bool:
        if self.error is not None:
            raise self.error
        return address in self.channels

    async def take(self, raw: bytes, sender: str, recipients: tuple[str, ...]) -> None:
        if self.error is not None:
            raise self.error
        self.mails.append((raw, sender, recipients))


@asynccontextmanager
async def door(kept: Kept, *, is_lmtp: bool = False) -> AsyncIterator[int]:
    async with listening(ListenAt("127.0.0.1", 0, is_lmtp), "Reply@in.example.com", kept.take, kept.accepts) as port:
        yield port


async def hand_over(port: int, mail: bytes = MAIL, *, sender: str = "ana@example.com", to: str = US) -> str:
    """The last answer of a session that hands over one mail."""
    async with SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        try:
            await client.mail(sender)
            await client.rcpt(to)
            answer = await client.data(mail)
        except SMTPResponseException as refused:
            return f"{refused.code} {refused.message}"
        return f"{answer.code} {answer.message}"


async def lines(port: int, *said: bytes) -> list[str]:
    """What a program that speaks by itself is answered, the greeting first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = [(await reader.readline()).decode()]
    for each in said:
        writer.write(each + b"\r\n")
        heard.append((await reader.readline()).decode())
        while heard[-1][3:4] == "-":
            heard.append((await reader.readline()).decode())
    writer.close()
    await writer.wait_closed()
    return [each.strip() for each in heard if each[3:4] != "-"]


async def test_what_is_for_us_is_kept_byte_by_byte_with_its_envelope() -> None:
    kept = Kept()
    async with door(kept) as port:
        assert await hand_over(port) == "250 2.6.0 kept"
        assert await hand_over(port, sender="", to="REPLY@IN.example.com") == "250 2.6.0 kept"
        long = b"From: \xff\xfe <\r\n" + b"x" * 200_000 + b"\r\n\r\n.\r\n..\r\nend\r\n"
        assert await hand_over(port, long) == "250 2.6.0 kept"
    assert kept.mails == [
        (MAIL, "ana@example.com", (US,)),
        (MAIL, "", ("REPLY@IN.example.com",)),
        (long, "ana@example.com", (US,)),
    ]


@pytest.mark.parametrize(
    "to", ["ana@example.com", "other@in.example.com", "replyx+abc@in.example.com", "reply@in.example.com.evil.example"]
)
async def test_mail_for_anybody_else_is_refused(to: str) -> None:
    kept = Kept()
    async with door(kept) as port:
        assert await hand_over(port, to=to) == "550 5.1.1 nobody here has this address"
    assert kept.mails == []


async def test_what_cannot_be_kept_stays_with_its_sender(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    kept = Kept(error=ConnectionRefusedError("ana@example.com"))
    async with door(kept) as port:
        assert (await hand_over(port)).startswith("451 4.3.0")
        kept.error = None
        assert await hand_over(port) == "250 2.6.0 kept"
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == ["mail_not_kept"]
    assert "example.com" not in caplog.text


async def test_too_much_is_refused_declared_or_not() -> None:
    kept = Kept()
    async with door(kept) as port:
        heard = await lines(port, b"EHLO x", b"MAIL FROM:<a@b.example> SIZE=%d" % (LARGEST_MAIL + 1))
        assert heard[-1].startswith("552")
        undeclared = b"x" * 70 + b"\r\n"
        assert (await hand_over(port, undeclared * (LARGEST_MAIL // 72 + 1))).startswith("552")
        assert await hand_over(port) == "250 2.6.0 kept"
    assert len(kept.mails) == 1


async def test_a_mail_server_hands_over_by_lmtp_one_recipient_at_a_time() -> None:
    kept = Kept()
    async with door(kept, is_lmtp=True) as port:
        to = f"RCPT TO:<{US}>".encode()
        heard = await lines(port, b"LHLO mx", b"MAIL FROM:<>", to, to, b"DATA", b"Subject: x\r\n\r\ny\r\n.", b"EHLO x")
    assert [line[:3] for line in heard] == ["220", "250", "250", "250", "452", "354", "250", "500"]
    assert kept.mails == [(b"Subject: x\r\n\r\ny\r\n", "", (US,))]


async def test_sessions_beyond_the_most_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_listener, "MOST_SESSIONS", 2)
    async with door(Kept()) as port:
        open_ = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for reader, _ in open_:
            assert (await reader.readline()).startswith(b"220")
        assert (await lines(port))[0].startswith("421")
        open_[0][1].close()
        await open_[0][1].wait_closed()
        while not (await lines(port))[0].startswith("220"):
            await asyncio.sleep(0)
        open_[1][1].close()


@pytest.mark.parametrize(
    ("url", "at"),
    [
        ("smtp://0.0.0.0:25", ListenAt("0.0.0.0", 25)),
        ("lmtp://[::1]:24", ListenAt("::1", 24, is_lmtp=True)),
    ],
)
def test_where_to_listen_is_read(url: str, at: ListenAt) -> None:
    assert ListenAt.read(url) == at


@pytest.mark.parametrize("url", ["smtp://h", "http://h:25", "smtp://h:25/x", "h:25", "smtp://u@h:25"])
def test_where_nobody_can_listen_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        ListenAt.read(url)


async def test_mail_for_a_channel_is_taken_and_while_nobody_knows_it_is_put_off() -> None:
    kept = Kept(channels=("support@example.com",))
    async with door(kept) as port:
        assert (await hand_over(port, to="Support@Example.com")).startswith("250")
        assert (await hand_over(port, to="other@example.com")).startswith("550")
        kept.error = OSError("no database")
        assert (await hand_over(port, to="support@example.com")).startswith("451")
    assert [to for _, _, to in kept.mails] == [("Support@Example.com",)]
