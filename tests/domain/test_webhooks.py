"""Outgoing webhooks: what is tried again, how calls are signed, what an address may look like."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from domain.base import Json
from domain.webhooks import LONGEST_TEXT, fate, output, read_address, retry_after_s, signature

OLD, NEW = (f"whsec_{base64.b64encode(bytes([n]) * 24).decode()}" for n in (1, 2))
BODY = json.dumps({"name": "Åse"}).encode()


@pytest.mark.parametrize(
    ("statuses", "what"),
    [
        ((200, 201, 204, 299), "done"),
        ((429, 500, 502, 503, 504, 599), "later"),
        ((100, 301, 302, 307, 308, 400, 401, 403, 404, 408, 409, 410, 422, 425, 451), "refused"),
    ],
)
def test_only_too_many_and_a_broken_server_are_tried_again(statuses: tuple[int, ...], what: str) -> None:
    assert {fate(status) for status in statuses} == {what}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0), ("120", 120.0), (" 7 ", 7.0), ("999999999", 28_800.0), ("-5", None), ("", None), ("soon", None),
        ("Mon, 01 Mar 2027 09:01:30 GMT", 90.0), ("Mon, 01 Mar 2027 08:00:00 GMT", 0.0), ("1.5", None),
        ("Thu, 31 Dec 2099 23:59:59 GMT", 28_800.0), ("Thu, 01 Jan 2026 00:00:00 +99999999999999999999", None),
    ],
)  # fmt: skip
def test_retry_after_is_a_length_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, now=datetime(2027, 3, 1, 9, 0, tzinfo=UTC)) == seconds


def test_a_signature_is_what_the_library_of_the_standard_verifies() -> None:
    at = datetime.now(tz=UTC)
    signed = signature([NEW], "e1:call:1", at, BODY)
    assert signed == Webhook(NEW).sign("e1:call:1", at, BODY.decode())
    headers = {"webhook-id": "e1:call:1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signed}
    assert Webhook(NEW).verify(BODY, headers) == {"name": "Åse"}
    for wrong in ({"webhook-id": "e2"}, {"webhook-timestamp": str(int((at - timedelta(hours=1)).timestamp()))}):
        with pytest.raises(WebhookVerificationError):
            Webhook(NEW).verify(BODY, {**headers, **wrong})
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, headers)


def test_while_a_secret_is_exchanged_receivers_may_know_either() -> None:
    at = datetime.now(tz=UTC)
    signed = signature([NEW, OLD.removeprefix("whsec_")], "m1", at, BODY)
    headers = {"webhook-id": "m1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signed}
    assert Webhook(OLD).verify(BODY, headers) == Webhook(NEW).verify(BODY, headers) == {"name": "Åse"}


def test_a_secret_that_cannot_sign_says_so_without_repeating_itself() -> None:
    with pytest.raises(ValueError, match="base64") as wrong:
        signature(["not base64!"], "m1", datetime.now(tz=UTC), BODY)
    assert "not base64!" not in str(wrong.value)
    with pytest.raises(ValueError, match="nothing in it"):
        signature(["whsec_"], "m1", datetime.now(tz=UTC), BODY)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://example.com", ("https", "example.com", 443, "/")),
        ("HTTP://Example.COM:8080/a b?c=d e#f", ("http", "example.com", 8080, "/a%20b?c=d%20e")),
        ("https://[::1]:8443/x", ("https", "::1", 8443, "/x")),
        ("https://bücher.example/ü", ("https", "xn--bcher-kva.example", 443, "/%C3%BC")),
    ],
)
def test_an_address_is_taken_apart(url: str, parts: tuple[str, str, int, str]) -> None:
    found = read_address(url)
    assert (found.scheme, found.host, found.port, found.target) == parts


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "ftp://example.com", "file:///etc/passwd", "https://", "https://:80", "https://a:99999",
        "https://a:0", "https://ana@a", "https://ana:pw@a", " https://a", "https://a\r\nX: y", "https://a\\@b",
        "https://a%00b", "//a", "gopher://a",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|host") as wrong:
        read_address(url)
    assert "pw" not in str(wrong.value)


@pytest.mark.parametrize(
    ("pointer", "kind", "value", "why"),
    [
        ("/id", "string", "x1", None),
        ("/n", "number", 2.5, None),
        ("/items/1/ok", "bool", True, None),
        ("/n", "string", None, "not a string"),
        ("/items/1/ok", "number", None, "not a number"),
        ("/nothing", "string", None, "nothing there"),
        ("/none", "string", None, "nothing there"),
        ("/long", "string", None, f"longer than {LONGEST_TEXT} characters"),
    ],
)
def test_an_output_is_a_value_of_its_kind_or_nothing(pointer: str, kind: str, value: Json, why: str | None) -> None:
    items: list[Json] = [{}, {"ok": True}]
    document: Json = {"id": "x1", "n": 2.5, "items": items, "none": None, "long": "a" * (LONGEST_TEXT + 1)}
    assert output(document, pointer, kind) == (value, why)  # type: ignore[arg-type]
