"""Email over SMTP, against a real server."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from domain.errors import GatewayError, Rejected, Unavailable
from domain.ports import Mail, Receipt
from gateways import mail_smtp
from gateways.mail_smtp import SmtpMail, SmtpServer
from tests.fixtures.smtp_sink import AtData, SmtpSink
from tests.gateways.builders import a_mail


def gateway(sink: SmtpSink, username: str | None = None, password: str | None = None) -> SmtpMail:
    return SmtpMail(SmtpServer(host="127.0.0.1", port=sink.port, username=username, password=password))


async def send(sink: SmtpSink, mail: Mail | None = None) -> Receipt:
    async with gateway(sink).prepare(mail or a_mail()) as hand_over:
        return await hand_over()


async def test_a_message_arrives_as_it_was_decided(smtp_sink: SmtpSink) -> None:
    receipt = await send(
        smtp_sink, a_mail(subject="Grüße", text="Hallo Bob", html="<p>Hallo Böb</p>", reply_to="r@example.com")
    )
    (received,) = smtp_sink.received
    assert (received.sender, received.recipients) == ("sales@example.com", ["bob@example.com"])
    message = message_from_bytes(received.content, policy=default)
    assert message["Subject"] == "Grüße"
    assert message["From"] == "Ana of Sales <sales@example.com>"
    assert message["Reply-To"] == "r@example.com"
    assert message["Message-ID"] == "<e1.hello.1@crm.example.com>"
    assert message["Date"] == "Sun, 31 Jan 2027 09:00:00 +0000"
    assert [part.get_content().strip() for part in message.iter_parts()] == ["Hallo Bob", "<p>Hallo Böb</p>"]
    assert receipt.reference == "2.0.0 queued as 42"


async def test_a_line_with_a_single_dot_does_not_end_the_message(smtp_sink: SmtpSink) -> None:
    text = "first\r\n.\r\nMAIL FROM:<evil@example.com>\r\n..two\n.\nlast"
    await send(smtp_sink, a_mail(text=text))
    (received,) = smtp_sink.received
    (plain, _) = message_from_bytes(received.content, policy=default).iter_parts()
    assert plain.get_content().split() == text.split()


async def test_a_long_unsubscribe_address_arrives_byte_by_byte(smtp_sink: SmtpSink) -> None:
    value = "<https://crm.example.com/u/" + "a" * 180 + ">"
    headers = {"List-Unsubscribe": value, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    await send(smtp_sink, a_mail(headers=headers))
    (received,) = smtp_sink.received
    assert b"\r\nList-Unsubscribe: " + value.encode() + b"\r\n" in received.content
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in received.content


async def test_leaving_without_handing_over_delivers_nothing_and_says_goodbye(smtp_sink: SmtpSink) -> None:
    async with gateway(smtp_sink).prepare(a_mail()):
        assert smtp_sink.received == []
    assert smtp_sink.received == []
    assert smtp_sink.commands == ["RSET", "QUIT"]


async def test_an_error_between_the_phases_is_passed_on_and_delivers_nothing(smtp_sink: SmtpSink) -> None:
    with pytest.raises(LookupError):
        async with gateway(smtp_sink).prepare(a_mail()):
            raise LookupError
    assert smtp_sink.received == []
    assert smtp_sink.commands[-1] == "QUIT"


async def failure(sink: SmtpSink, *, handing_over: bool) -> GatewayError:
    """What sending ends with; ``handing_over``: in which phase it is expected."""
    reached = False
    with pytest.raises(GatewayError) as failed:
        async with gateway(sink).prepare(a_mail()) as hand_over:
            reached = True
            await hand_over()
    assert reached is handing_over
    assert "bob" not in str(failed.value)
    assert "sales" not in str(failed.value)
    return failed.value


async def test_an_address_refused_for_good_is_rejected_before_the_hand_over(smtp_sink: SmtpSink) -> None:
    smtp_sink.refusals["bob@example.com"] = "550 5.1.1 <bob@example.com>: user bob is unknown"
    refused = await failure(smtp_sink, handing_over=False)
    assert isinstance(refused, Rejected)
    assert "550 5.1.1" in str(refused)


async def test_a_sender_the_server_refuses_is_our_concern_and_drops_nobody(smtp_sink: SmtpSink) -> None:
    smtp_sink.refusals["sales@example.com"] = "550 5.4.5 <sales@example.com>: daily quota exceeded"
    refused = await failure(smtp_sink, handing_over=False)
    assert isinstance(refused, Unavailable)
    assert not refused.handed_over
    assert "550 5.4.5" in str(refused)


async def test_an_address_refused_for_now_is_unavailable_and_nothing_left(smtp_sink: SmtpSink) -> None:
    smtp_sink.refusals["bob@example.com"] = "451 4.7.1 greylisted, try bob@example.com later"
    refused = await failure(smtp_sink, handing_over=False)
    assert isinstance(refused, Unavailable)
    assert not refused.handed_over


async def test_a_server_that_wants_a_login_we_do_not_have_is_unavailable(smtp_sink: SmtpSink) -> None:
    smtp_sink.login = ("crm", "secret")
    refused = await failure(smtp_sink, handing_over=False)
    assert isinstance(refused, Unavailable)


async def test_a_wrong_password_delays_and_drops_nobody(smtp_sink: SmtpSink) -> None:
    smtp_sink.login = ("crm", "secret")
    with pytest.raises(Unavailable) as refused:
        async with gateway(smtp_sink, "crm", "wr0ng").prepare(a_mail()):
            pass
    assert "wr0ng" not in str(refused.value)
    async with gateway(smtp_sink, "crm", "secret").prepare(a_mail()) as hand_over:
        await hand_over()
    assert len(smtp_sink.received) == 1


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = SmtpServer(host="127.0.0.1", port=taken.getsockname()[1])
        with pytest.raises(Unavailable) as refused:
            async with SmtpMail(server).prepare(a_mail()):
                pass
    assert not refused.value.handed_over


async def test_encryption_that_is_demanded_and_not_offered_is_unavailable(smtp_sink: SmtpSink) -> None:
    server = SmtpServer(host="127.0.0.1", port=smtp_sink.port, start_tls=True)
    with pytest.raises(Unavailable):
        async with SmtpMail(server).prepare(a_mail()):
            pass
    assert smtp_sink.received == []


@pytest.mark.parametrize(
    ("answer", "expected"), [("554 5.7.1 spam, bob@example.com", Rejected), ("452 4.3.1 full for bob", Unavailable)]
)
async def test_the_answer_to_the_content_decides(
    answer: str, expected: type[GatewayError], smtp_sink: SmtpSink
) -> None:
    smtp_sink.answer = answer
    refused = await failure(smtp_sink, handing_over=True)
    assert type(refused) is expected
    assert not getattr(refused, "handed_over", False)


@pytest.mark.parametrize(("answer", "expected"), [("554 5.5.1 no", Rejected), ("421 4.3.2 shutting down", Unavailable)])
async def test_a_refusal_of_the_data_command_left_nothing(
    answer: str, expected: type[GatewayError], smtp_sink: SmtpSink
) -> None:
    smtp_sink.answer_to_data = answer
    refused = await failure(smtp_sink, handing_over=True)
    assert type(refused) is expected
    assert not getattr(refused, "handed_over", False)
    assert smtp_sink.received == []


async def test_a_connection_lost_before_the_content_left_nothing(smtp_sink: SmtpSink) -> None:
    smtp_sink.at_data = AtData.HANG_UP_BEFORE
    lost = await failure(smtp_sink, handing_over=True)
    assert isinstance(lost, Unavailable)
    assert not lost.handed_over


@pytest.mark.parametrize("at_data", [AtData.HANG_UP_AFTER, AtData.NONSENSE])
async def test_no_answer_after_the_content_is_unknown(at_data: AtData, smtp_sink: SmtpSink) -> None:
    smtp_sink.at_data = at_data
    lost = await failure(smtp_sink, handing_over=True)
    assert isinstance(lost, Unavailable)
    assert lost.handed_over
    assert len(smtp_sink.received) == 1


async def test_an_answer_that_never_comes_is_unknown(smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_smtp, "ANSWER_TIMEOUT_S", 0.2)
    smtp_sink.at_data = AtData.STALL
    lost = await failure(smtp_sink, handing_over=True)
    assert isinstance(lost, Unavailable)
    assert lost.handed_over


async def test_a_cancelled_hand_over_closes_the_connection(smtp_sink: SmtpSink) -> None:
    smtp_sink.at_data = AtData.STALL
    task = asyncio.create_task(send(smtp_sink))
    await asyncio.wait_for(smtp_sink.stalled.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(smtp_sink.closed.wait(), 10)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key, signed by nobody."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not on PATH")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=sink -addext subjectAltName=IP:127.0.0.1"
    command = [openssl, *request.split(), "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


async def send_encrypted(sink: SmtpSink, certificate: Path, *, start_tls: bool | None) -> None:
    sink.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    sink.tls.load_cert_chain(certificate)
    server = SmtpServer(host="127.0.0.1", port=sink.port, start_tls=start_tls)
    async with SmtpMail(server).prepare(a_mail()) as hand_over:
        await hand_over()


async def test_encryption_that_is_offered_is_taken_even_when_nobody_vouches(
    smtp_sink: SmtpSink, certificate: Path
) -> None:
    await send_encrypted(smtp_sink, certificate, start_tls=None)
    assert smtp_sink.encrypted == [True]


async def test_encryption_that_is_demanded_must_be_vouched_for(
    smtp_sink: SmtpSink, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable):
        await send_encrypted(smtp_sink, certificate, start_tls=True)
    assert smtp_sink.received == []
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    await send_encrypted(smtp_sink, certificate, start_tls=True)
    assert smtp_sink.encrypted == [True]


def test_a_password_is_not_shown_with_its_server() -> None:
    assert "secret" not in repr(SmtpServer(host="h", port=25, username="u", password="secret"))
