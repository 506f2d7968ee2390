"""How calls of hooks are signed, which are the same delivery, and what is read out of them."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pytest

from domain.hooks import TOLERANCE, Call, delivery_ids, mapped, pointer_problem, sign, signed_at
from tests.fixtures.clock import START

BODY = b'{"email": "ana@example.com"}'


def call(signature: str | None, delivery: str | None = None, body: bytes = BODY) -> Call:
    return Call(body=body, signature=signature, delivery=delivery)


def test_a_signature_is_what_the_documentation_says() -> None:
    stamp = int(START.timestamp())
    digest = hmac.new(b"secret", f"{stamp}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert signed_at(call(f"t={stamp},v1={digest}"), "secret", now=START) == START.replace(microsecond=0)


@pytest.mark.parametrize("away", [TOLERANCE, -TOLERANCE])
def test_a_call_is_good_for_as_long_as_its_timestamp_is_near(away: timedelta) -> None:
    signed = call(sign("secret", START, BODY))
    second = timedelta(seconds=1) * (1 if away > timedelta(0) else -1)
    assert signed_at(signed, "secret", now=START.replace(microsecond=0) + away) is not None
    assert signed_at(signed, "secret", now=START.replace(microsecond=0) + away + second) is None


GOOD = sign("secret", START, BODY, "d-1")


@pytest.mark.parametrize(
    "wrong",
    [
        call(None, "d-1"), call("", "d-1"), call("t=1", "d-1"), call("v1=abc", "d-1"), call("t=x,v1=é", "d-1"),
        call("t=99999999999999999999,v1=ab", "d-1"), call(GOOD), call(GOOD, "d-2"), call(GOOD, "d-1", BODY + b" "),
        call(sign("other", START, BODY, "d-1"), "d-1"),
    ],
)  # fmt: skip
def test_a_call_that_was_signed_otherwise_is_none(wrong: Call) -> None:
    assert signed_at(call(GOOD, "d-1"), "secret", now=START) is not None
    assert signed_at(wrong, "secret", now=START) is None


def test_a_delivery_is_known_by_its_id_else_by_its_body_around_its_time() -> None:
    later = START + TOLERANCE
    assert delivery_ids(call(None, "d-1"), "h", START) == delivery_ids(call(None, "d-1"), "h", later)
    mine, *_ = delivery_ids(call(None), "h", START)
    assert mine in delivery_ids(call(None), "h", later)
    assert mine not in delivery_ids(call(None), "h", later + TOLERANCE)
    assert mine not in delivery_ids(call(None, body=b"{}"), "h", START)
    assert mine not in delivery_ids(call(None), "other", START)


def test_values_are_found_by_json_pointers() -> None:
    document = {"a/b": {"m~n": 1}, "items": [{"sku": "x"}], "none": None, "": 2}
    found = mapped(
        document,
        {"one": "/a~1b/m~0n", "two": "/items/0/sku", "three": "/none", "four": "/", "five": "/items/1", "six": "/a/b",
         "seven": "/items/0/sku/0", "eight": "/items/-1"},
    )  # fmt: skip
    assert found == {"one": 1, "two": "x", "three": None, "four": 2}


@pytest.mark.parametrize(("pointer", "is_one"), [("", True), ("/a~0b", True), ("a", False), ("/a~", False)])
def test_a_pointer_begins_with_a_slash_and_escapes_its_tildes(pointer: str, is_one: bool) -> None:
    assert (pointer_problem(pointer) is None) == is_one
