"""The settings that say where messages go."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateways.mail import open_mail
from gateways.mail_outbox import OutboxMail, read_outbox
from gateways.mail_smtp import SmtpMail, SmtpServer
from gateways.sms import open_sms
from gateways.sms_outbox import OutboxSms
from gateways.sms_twilio import TwilioAccount, TwilioSms
from tests.fixtures.http_sink import HttpSink
from tests.fixtures.smtp_sink import SmtpSink
from tests.gateways.builders import a_mail, an_sms

SECRET = "s3cr3t"


async def test_the_outbox_is_in_the_data_folder(tmp_path: Path) -> None:
    mail, sms = open_mail("outbox:", tmp_path), open_sms("outbox:", tmp_path)
    assert isinstance(mail, OutboxMail)
    assert isinstance(sms, OutboxSms)
    async with mail.prepare(a_mail()) as hand_over:
        await hand_over()
    async with sms.prepare(an_sms()) as hand_over:
        await hand_over()
    assert len(list(read_outbox(tmp_path / "outbox" / "email"))) == 1
    assert len(list(read_outbox(tmp_path / "outbox" / "sms"))) == 1


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", SmtpServer("mail.example.com", 25)),
        ("smtp://mail.example.com:2525/?starttls=false", SmtpServer("mail.example.com", 2525, start_tls=False)),
        ("smtp://mail.example.com?starttls=true", SmtpServer("mail.example.com", 25, start_tls=True)),
        (
            "smtp://crm:p%40ss%2Fword@mail.example.com",
            SmtpServer("mail.example.com", 587, start_tls=True, username="crm", password="p@ss/word"),
        ),
        (
            "smtps://crm%40example.com:x@mail.example.com",
            SmtpServer("mail.example.com", 465, tls=True, username="crm@example.com", password="x"),
        ),
        ("smtp://[::1]:2525", SmtpServer("::1", 2525)),
    ],
)
def test_an_smtp_address_names_a_server(url: str, server: SmtpServer, tmp_path: Path) -> None:
    gateway = open_mail(url, tmp_path)
    assert isinstance(gateway, SmtpMail)
    assert gateway.server == server


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("twilio://AC1:t@api.twilio.com", TwilioAccount("https://api.twilio.com", "AC1", "t")),
        ("twilio://AC1:t%2F@127.0.0.1:99?scheme=http", TwilioAccount("http://127.0.0.1:99", "AC1", "t/")),
        ("twilio://AC1:t@[::1]:99", TwilioAccount("https://[::1]:99", "AC1", "t")),
    ],
)
def test_a_twilio_address_names_an_account(url: str, account: TwilioAccount, tmp_path: Path) -> None:
    gateway = open_sms(url, tmp_path)
    assert isinstance(gateway, TwilioSms)
    assert gateway.account == account


async def test_what_is_opened_delivers(smtp_sink: SmtpSink, http_sink: HttpSink, tmp_path: Path) -> None:
    async with open_mail(smtp_sink.url, tmp_path).prepare(a_mail()) as hand_over:
        await hand_over()
    url = f"twilio://AC1:t@127.0.0.1:{http_sink.port}?scheme=http"
    async with open_sms(url, tmp_path).prepare(an_sms()) as hand_over:
        await hand_over()
    assert len(smtp_sink.received) == len(http_sink.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example.com",
        "outbox",
        f"http://u:{SECRET}@host",
        f"smtp://u:{SECRET}@",
        f"smtp://u:{SECRET}@host:port",
        f"smtp://u:{SECRET}@host:99999",
        f"smtp://u:{SECRET}/x@host",
        f"smtp://u:{SECRET}#x@host",
        f"smtp://u:{SECRET}@[::1",
        f"smtp://{SECRET}@host",
        f"smtp://u:{SECRET}@host/path",
        f"smtp://u:{SECRET}@host?starttls=maybe",
        f"smtp://u:{SECRET}@host?starttls=true&starttls=false",
        f"smtp://u:x@host?{SECRET}=1",
        f"smtp://u:x@host?{SECRET}",
        f"smtps://u:{SECRET}@host?starttls=true",
        f"smtp://u:{SECRET}@host?service=postmark",
    ],
)
def test_a_malformed_mail_setting_is_named_and_no_secret_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^FOLLOWTHROUGH_MAIL_URL: ") as refused:
        open_mail(url, tmp_path)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "smtp://host",
        f"twilio://AC1:{SECRET}@",
        f"twilio://AC1:{SECRET}@host:x",
        f"twilio://{SECRET}@host",
        "twilio://api.twilio.com",
        f"twilio://A/C1:{SECRET}@host",
        f"twilio://A%2FC:{SECRET}@host",
        f"twilio://AC1:{SECRET}@host?scheme=ftp",
    ],
)
def test_a_malformed_sms_setting_is_named_and_no_secret_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^FOLLOWTHROUGH_SMS_URL: ") as refused:
        open_sms(url, tmp_path)
    assert SECRET not in str(refused.value)
