"""Connections to a mail server are kept between messages, and no message pays for one that is gone."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.errors import Rejected, Unavailable
from gateways import smtp_connections
from gateways.mail_smtp import SmtpMail, SmtpServer
from tests.fixtures.smtp_sink import SmtpSink, running_sink
from tests.gateways.builders import a_mail
from tests.gateways.test_mail_smtp import certificate

__all__ = ["certificate"]


@pytest.fixture
async def mail(smtp_sink: SmtpSink) -> AsyncIterator[SmtpMail]:
    gateway = SmtpMail(SmtpServer(host="127.0.0.1", port=smtp_sink.port), kept_s=60)
    yield gateway
    await gateway.close()


async def send(gateway: SmtpMail) -> None:
    async with gateway.prepare(a_mail()) as hand_over:
        await hand_over()


async def test_messages_one_after_the_other_share_a_connection(smtp_sink: SmtpSink, mail: SmtpMail) -> None:
    for _ in range(5):
        await send(mail)
    assert (smtp_sink.connections, len(smtp_sink.received)) == (1, 5)
    assert "QUIT" not in smtp_sink.commands
    await mail.close()
    assert smtp_sink.commands[-1] == "QUIT"


async def test_messages_at_once_have_a_connection_each_and_few_are_kept(
    smtp_sink: SmtpSink, mail: SmtpMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_connections, "MOST_KEPT", 2)
    together = asyncio.Barrier(5)

    async def one() -> None:
        async with mail.prepare(a_mail()) as hand_over:
            await together.wait()
            await hand_over()

    await asyncio.gather(*(one() for _ in range(5)))
    assert smtp_sink.connections == 5
    assert smtp_sink.commands.count("QUIT") == 3


async def test_a_connection_the_server_ended_costs_no_message(smtp_sink: SmtpSink, mail: SmtpMail) -> None:
    await send(mail)
    await smtp_sink.hang_up()
    await send(mail)
    assert (smtp_sink.connections, len(smtp_sink.received)) == (2, 2)


async def test_a_connection_that_waited_too_long_says_goodbye(smtp_sink: SmtpSink) -> None:
    gateway = SmtpMail(SmtpServer(host="127.0.0.1", port=smtp_sink.port), kept_s=0.01)
    await send(gateway)
    await asyncio.wait_for(smtp_sink.closed.wait(), 10)
    assert smtp_sink.commands[-1] == "QUIT"
    await gateway.close()


async def test_what_was_begun_before_is_forgotten(smtp_sink: SmtpSink, mail: SmtpMail) -> None:
    async with mail.prepare(a_mail(to="first@example.com")):
        pass
    smtp_sink.refusals["nobody@example.com"] = "550 5.1.1 no such user"
    with pytest.raises(Rejected):
        async with mail.prepare(a_mail(to="nobody@example.com")):
            pass
    await send(mail)
    assert smtp_sink.connections == 1
    assert [each.recipients for each in smtp_sink.received] == [["bob@example.com"]]


async def test_a_connection_ends_after_many_messages(
    smtp_sink: SmtpSink, mail: SmtpMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_connections, "MOST_MESSAGES", 2)
    for _ in range(5):
        await send(mail)
    assert smtp_sink.connections == 3


def offering(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def test_a_server_encrypted_from_the_start_is_logged_in_to_and_kept(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_sink(offering(certificate)) as sink:
        sink.login = ("crm", "secret")
        server = SmtpServer(host="127.0.0.1", port=sink.port, tls=True, username="crm", password="secret")
        with pytest.raises(Unavailable):
            await send(SmtpMail(server))
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
        gateway = SmtpMail(server, kept_s=60)
        before = sink.connections
        for _ in range(3):
            await send(gateway)
        assert (sink.connections - before, sink.encrypted) == (1, [True] * 3)
        await gateway.close()


async def test_a_login_over_starttls_is_made_once(
    smtp_sink: SmtpSink, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    smtp_sink.tls, smtp_sink.login = offering(certificate), ("crm", "secret")
    server = SmtpServer(
        host="127.0.0.1", port=smtp_sink.port, start_tls=True, username="crm", password="secret"
    )  # fmt: skip
    gateway = SmtpMail(server, kept_s=60)
    for _ in range(3):
        await send(gateway)
    assert (smtp_sink.connections, smtp_sink.encrypted) == (1, [True] * 3)
    await gateway.close()
