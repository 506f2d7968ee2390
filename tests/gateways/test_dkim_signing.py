"""Signatures of messages hold for whoever checks them, over the headers that matter."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import dkim  # type: ignore[import-untyped]
import pytest

from gateways.dkim_signing import DkimSigner
from gateways.mail_smtp import SmtpMail, SmtpServer
from tests.fixtures.smtp_sink import SmtpSink
from tests.gateways.builders import a_mail


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key; the public one lies beside it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not on PATH")
    path = tmp_path_factory.mktemp("dkim") / "key.pem"
    subprocess.run([openssl, "genrsa", "-out", str(path), "2048"], check=True, capture_output=True)
    command = [openssl, "rsa", "-in", str(path), "-pubout", "-outform", "PEM", "-out", f"{path}.pub"]
    subprocess.run(command, check=True, capture_output=True)
    return path


def holds(content: bytes, key_file: Path) -> bool:
    public = "".join(Path(f"{key_file}.pub").read_text().splitlines()[1:-1])

    def dns(name: bytes, **_: object) -> bytes:
        assert name == b"mail._domainkey.example.com."
        return f"v=DKIM1; k=rsa; p={public}".encode()

    return bool(dkim.verify(content, dnsfunc=dns))


async def test_a_signature_holds_over_both_unsubscribe_headers_as_they_arrive(
    smtp_sink: SmtpSink, key_file: Path
) -> None:
    signer = DkimSigner.open("example.com", "mail", key_file)
    headers = {
        "List-Unsubscribe": "<https://crm.example.com/u/" + "a" * 180 + ">",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    mail = SmtpMail(SmtpServer(host="127.0.0.1", port=smtp_sink.port), signer=signer)
    text = "Grüße\n.\n..\nfrom us\n\n\n"
    async with mail.prepare(a_mail(headers=headers, subject="Überraschung " * 20, text=text)) as hand_over:
        await hand_over()
    (received,) = smtp_sink.received
    assert holds(received.content, key_file)
    signature = received.content.partition(b"\r\nFrom:")[0]
    named = re.sub(rb"\s", b"", signature).partition(b";h=")[2].partition(b";")[0].split(b":")
    assert {b"from", b"to", b"subject", b"date", b"message-id", b"list-unsubscribe", b"list-unsubscribe-post"} <= set(
        named
    )
    for change in (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click", b"=C3=9Cberraschung", b"/u/aaaa"):
        assert change in received.content
        assert not holds(received.content.replace(change, change[:-2] + b"xx", 1), key_file)


@pytest.mark.parametrize("content", [None, b"", b"no key at all", b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n"])
def test_a_key_that_cannot_sign_is_told_by_its_setting(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="FOLLOWTHROUGH_DKIM_DOMAIN"):
        DkimSigner.open("example.com", "mail", path)
