"""Who may tell what became of an email: each service's signature, and nobody else's."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from domain.provider_signing import (
    AHEAD,
    OLDEST,
    SECRETS,
    TOKEN_KEPT,
    Provider,
    ProviderCall,
    signed_at,
    signed_inside,
)
from tests.domain.test_p256 import SENDGRID_BODY, SENDGRID_KEY, SENDGRID_SIGNATURE
from tests.fixtures.providers import MAILGUN_KEY, STANDARD_KEY, Owner

THEN = datetime.fromtimestamp(1600112502, UTC)
BODY = b'{"a": 1}'


def call_of(provider: Provider, at: datetime = THEN) -> ProviderCall:
    stamp = str(int(at.timestamp()))
    match provider:
        case "sendgrid":
            return ProviderCall(body=BODY, timestamp=stamp, signature=Owner().sign(stamp.encode() + BODY))
        case "mailgun":
            made = hmac.new(MAILGUN_KEY.encode(), f"{stamp}abc".encode(), hashlib.sha256).hexdigest()
            return ProviderCall(body=BODY, timestamp=stamp, id="abc", signature=made)
        case "standard":
            made = Webhook(STANDARD_KEY).sign("msg_1", at, BODY.decode())
            return ProviderCall(body=BODY, timestamp=stamp, id="msg_1", signature=f"v1a,x v1,AAAA {made}")


KEYS: dict[Provider, str] = {"sendgrid": Owner().public, "mailgun": MAILGUN_KEY, "standard": STANDARD_KEY}
OTHERS: dict[Provider, str] = {"sendgrid": SENDGRID_KEY, "mailgun": "key-x", "standard": "whsec_AAAA"}
PROVIDERS: list[Provider] = ["sendgrid", "mailgun", "standard"]


def test_the_call_that_sendgrid_publishes_is_taken() -> None:
    call = ProviderCall(body=SENDGRID_BODY, timestamp="1600112502", signature=SENDGRID_SIGNATURE)
    assert signed_at("sendgrid", call, (SENDGRID_KEY,), now=THEN) == THEN


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_call_is_taken_with_its_key_and_the_former_one(provider: Provider) -> None:
    call = call_of(provider)
    assert signed_at(provider, call, (KEYS[provider],), now=THEN) == THEN
    assert signed_at(provider, call, (OTHERS[provider], KEYS[provider]), now=THEN) == THEN
    assert signed_at(provider, call, (OTHERS[provider],), now=THEN) is None
    assert signed_at(provider, call, (), now=THEN) is None


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_changed_call_is_not_taken(provider: Provider) -> None:
    call, keys = call_of(provider), (KEYS[provider],)
    changed = {
        "signature": ("", "x", "ä", call.signature[:-4]),
        "timestamp": ("", "x", "-1", "²", "9" * 13, "1600112503"),
    }
    if provider != "sendgrid":
        changed["id"] = ("", "abcd")
    for name, values in changed.items():
        for value in values:
            assert signed_at(provider, call.model_copy(update={name: value}), keys, now=THEN) is None, (name, value)
    # Mailgun does not sign what it tells; its token is kept.
    taken = signed_at(provider, call.model_copy(update={"body": BODY + b" "}), keys, now=THEN)
    assert (taken is None) == (provider != "mailgun")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_call_is_taken_as_long_as_it_is_repeated(provider: Provider) -> None:
    call, keys, longest = call_of(provider), (KEYS[provider],), OLDEST[provider]
    assert longest < TOKEN_KEPT
    for age, is_taken in ((longest, True), (longest + timedelta(seconds=1), False), (-AHEAD, True)):
        assert (signed_at(provider, call, keys, now=THEN + age) is not None) == is_taken
    assert signed_at(provider, call, keys, now=THEN - AHEAD - timedelta(seconds=1)) is None
    assert signed_at(provider, call.model_copy(update={"timestamp": "9" * 12}), keys, now=THEN) is None


@pytest.mark.parametrize(("provider", "key"), [("sendgrid", "no key"), ("standard", "whsec_ä")])
def test_a_secret_that_is_no_key_is_told(provider: Provider, key: str) -> None:
    with pytest.raises(ValueError, match=r"P-256|whsec_"):
        signed_at(provider, call_of(provider), (key,), now=THEN)


def test_a_signature_inside_the_body_is_found_and_what_is_left_is_what_is_told() -> None:
    signature = {"timestamp": "1", "token": "t", "signature": "s"}
    call = signed_inside(ProviderCall(body=b"x"), {"signature": {**signature}, "event-data": {"b": 1, "a": 2}})
    other = signed_inside(ProviderCall(body=b"x"), {"event-data": {"a": 2, "b": 1}, "signature": {"timestamp": "2"}})
    assert (call.timestamp, call.id, call.signature) == ("1", "t", "s")
    assert call.digest == other.digest
    assert json.loads(call.body) == {"event-data": {"a": 2, "b": 1}}
    for odd in (None, [], {"signature": []}, {"signature": {"token": 1, "signature": "ä", "timestamp": "1" * 501}}):
        found = signed_inside(ProviderCall(body=b"x"), odd)
        assert (found.timestamp, found.id, found.signature) == ("", "", "")


def test_each_key_has_a_name() -> None:
    assert set(SECRETS.values()) == {"sendgrid_events", "mailgun_events", "standard_events"}
