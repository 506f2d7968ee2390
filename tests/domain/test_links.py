"""Tokens of links: read back as written, by any key, and by nobody who changes a character."""

from __future__ import annotations

import string

import pytest

from domain.links import Link, read_token, reply_token, write_token

KEYS = ("the key of today", "the key of last year")
KEY = "01a0c6d2-7c1e-7b5a-9a55-0d1f5ad1c001:hello:1"


@pytest.mark.parametrize("key", [KEY, "a:b:12", "hello", f"{KEY}:ana@example.com", "é:1", "x" * 200])
def test_a_token_says_what_was_written(key: str) -> None:
    link = Link(purpose="unsubscribe", key=key)
    token = write_token(link, KEYS)
    assert read_token(token, "unsubscribe", KEYS) == link
    assert set(token) <= {*string.ascii_letters, *string.digits, "-", "_"}
    click = Link(purpose="click", key=key, index=17)
    assert read_token(write_token(click, KEYS), "click", KEYS) == click


def test_a_token_of_an_effect_is_short() -> None:
    assert len(write_token(Link(purpose="unsubscribe", key=KEY), KEYS)) <= 60


def test_the_first_key_signs_and_all_of_them_read() -> None:
    link = Link(purpose="unsubscribe", key=KEY)
    old = write_token(link, KEYS[1:])
    assert write_token(link, KEYS) != old
    assert read_token(old, "unsubscribe", KEYS) == link
    assert read_token(old, "unsubscribe", KEYS[:1]) is None
    assert read_token(old, "unsubscribe", ()) is None
    with pytest.raises(ValueError, match="no key"):
        write_token(link, ())


def test_a_token_opens_nothing_else_than_it_is_meant_for() -> None:
    token = write_token(Link(purpose="open", key=KEY), KEYS)
    assert read_token(token, "unsubscribe", KEYS) is None


def test_no_changed_token_is_read() -> None:
    token = write_token(Link(purpose="unsubscribe", key=KEY), KEYS)
    for at, letter in enumerate(token):
        for other in {"A", "b", "9", "_"} - {letter}:
            changed = read_token(token[:at] + other + token[at + 1 :], "unsubscribe", KEYS)
            # The last letter holds bits that mean nothing.
            assert changed is None or at == len(token) - 1
    for wrong in ("", "A", token[:-2], token + "AAAA", "é" * 40, "=" * 40, "A" * 100_000, token + "\n", " " + token):
        assert read_token(wrong, "unsubscribe", KEYS) is None


def test_a_reply_address_holds_a_short_token_of_one_case() -> None:
    token = reply_token(KEY, KEYS)
    assert len(token) == 20
    assert set(token) <= {*string.ascii_lowercase, *string.digits}
    assert token == reply_token(KEY, KEYS)
    assert len({token, reply_token(KEY + "2", KEYS), reply_token(KEY, KEYS[1:])}) == 3
