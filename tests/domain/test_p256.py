"""Signatures of P-256: those of published tests, of openssl, and everything that is none."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from domain.p256 import N, is_signed, read_key
from tests.fixtures.providers import HEAD, Owner, der

SENDGRID_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6w"
    "EA3F+g=="
)
SENDGRID_SIGNATURE = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
SENDGRID_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)
# RFC 6979, A.2.5.
X, Y = (
    0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
    0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
)
R, S = (
    0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
    0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
)


def written(x: int, y: int) -> str:
    return base64.b64encode(HEAD + x.to_bytes(32, "big") + y.to_bytes(32, "big")).decode()


def test_the_signature_sendgrid_publishes_is_right_and_one_byte_makes_it_wrong() -> None:
    key, signature = read_key(SENDGRID_KEY), base64.b64decode(SENDGRID_SIGNATURE)
    assert is_signed(key, signature, b"1600112502" + SENDGRID_BODY)
    assert not is_signed(key, signature, b"1600112503" + SENDGRID_BODY)
    assert not is_signed(key, signature, b"1600112502" + SENDGRID_BODY.rstrip())
    assert not is_signed(read_key(written(X, Y)), signature, b"1600112502" + SENDGRID_BODY)


def test_the_published_numbers_of_the_standard_are_right_and_no_others() -> None:
    key = read_key(written(X, Y))
    assert key == (X, Y)
    assert is_signed(key, der(R, S), b"sample")
    # What is minus the second number is a signature as well; nothing else is.
    assert is_signed(key, der(R, N - S), b"sample")
    for numbers in ((S, R), (R, S + 1), (R + 1, S), (0, S), (R, 0), (R, N), (N, S), (R + N, S), (R, S + N), (0, 0)):
        assert not is_signed(key, der(*numbers), b"sample"), numbers


@pytest.mark.parametrize(
    "signature",
    [
        b"", b"\x30", b"\x30\x00", der(R), der(R, S, 1), der(R, S) + b"\0", der(R, S)[:-1], b"\x31" + der(R, S)[1:],
        der(R, S).replace(b"\x02\x21", b"\x03\x21"), b"\x30\x06\x02\x01\x80\x02\x01\x80",
        b"\x30\x81\x46" + der(R, S)[2:], b"\x30\x08\x02\x02\x00\x01\x02\x02\x00\x01",
        b"\x30\x06\x02\x00\x02\x02\x00\x01", b"\x30\x84\xff\xff\xff\xff",
    ],
)  # fmt: skip
def test_what_is_not_written_as_it_must_be_is_no_signature(signature: bytes) -> None:
    assert not is_signed((X, Y), signature, b"sample")


@pytest.mark.parametrize("key", ["", "x", "AAAA", written(X, Y + 1), written(0, 0), written(X, Y)[:-4], "ключ"])
def test_what_is_no_key_is_told(key: str) -> None:
    with pytest.raises(ValueError, match="no public key of the curve P-256"):
        read_key(key)


def test_a_key_in_pem_is_the_same_key(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not on PATH")
    key, content = tmp_path / "key.pem", tmp_path / "content"
    content.write_bytes(b"what is signed")
    for _ in range(3):
        made = [openssl, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)]
        subprocess.run(made, check=True, capture_output=True)
        shown = subprocess.run([openssl, "ec", "-in", str(key), "-pubout"], check=True, capture_output=True)
        signing = [openssl, "dgst", "-sha256", "-sign", str(key), str(content)]
        signature = subprocess.run(signing, check=True, capture_output=True).stdout
        public = read_key(shown.stdout.decode())
        assert is_signed(public, signature, b"what is signed")
        assert not is_signed(public, signature, b"what is signed.")
        assert not is_signed((X, Y), signature, b"what is signed")


def test_whoever_signs_in_tests_signs_right() -> None:
    owner = Owner()
    assert owner.public == written(X, Y)
    for n in range(5):
        content = b"content %d" % n
        assert is_signed((X, Y), base64.b64decode(owner.sign(content)), content)
