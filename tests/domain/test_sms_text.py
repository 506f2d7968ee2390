"""Text messages: how many segments a text takes, and what a word alone says."""

from __future__ import annotations

import pytest

from domain.incoming_texts import wish_of
from domain.sms_text import size_of, too_long


@pytest.mark.parametrize(
    ("text", "alphabet", "segments"),
    [
        ("", "gsm", 1),
        ("a" * 160, "gsm", 1),
        ("a" * 161, "gsm", 2),
        ("a" * 306, "gsm", 2),
        ("a" * 307, "gsm", 3),
        ("Grüße à là Ñandú", "unicode", 1),
        ("Grüße, Æ Ø Å", "gsm", 1),
        ("€" * 80, "gsm", 1),
        ("€" * 81, "gsm", 2),
        # 153 leaves one place, in which half of a sign cannot stand.
        ("a" * 152 + "€" + "a" * 152, "gsm", 3),
        ("ж" * 70, "unicode", 1),
        ("ж" * 71, "unicode", 2),
        ("😀" * 35, "unicode", 1),
        ("😀" * 36, "unicode", 2),
        ("a" * 66 + "😀" + "a" * 66, "unicode", 3),
    ],
)
def test_a_text_takes_as_many_segments_as_networks_count(text: str, alphabet: str, segments: int) -> None:
    size = size_of(text)
    assert (size.alphabet, size.segments) == (alphabet, segments)


def test_what_is_too_long_says_why() -> None:
    assert too_long("a" * 160, 1) is None
    assert (too_long("a" * 161, 1) or "").startswith("the text takes 2 segments, more than 1:")
    assert "not in the alphabet" in (too_long("ж" * 71, 1) or "")


@pytest.mark.parametrize(
    ("text", "opted_out", "wish"),
    [
        ("STOP", False, "stop"),
        (" stop. ", False, "stop"),
        ("Unsubscribe", False, "stop"),
        ("Stop by tomorrow", False, None),
        ("START", False, "start"),
        ("YES", False, None),
        ("Yes!", True, "start"),
        ("help", False, "help"),
        ("", False, None),
    ],
)
def test_a_word_that_stands_alone_says_what_somebody_wants(text: str, opted_out: bool, wish: str | None) -> None:
    assert wish_of(text, opted_out=opted_out) == wish
