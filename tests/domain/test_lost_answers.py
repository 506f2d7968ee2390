"""What a step does when nobody knows, and how a decision is told."""

from __future__ import annotations

import pytest

from domain.lost_answers import OnUnknown, on_unknown, settled_words
from domain.trouble import trouble_words


@pytest.mark.parametrize(
    ("said", "transactional", "expected"),
    [(None, True, "ask"), (None, False, "leave"), ("resend", True, "resend"), ("ask", False, "ask")],
)
def test_what_is_transactional_asks_unless_it_says_otherwise(
    said: OnUnknown | None, transactional: bool, expected: str
) -> None:
    assert on_unknown(said, transactional=transactional) == expected


def test_a_decision_is_told_with_who_made_it_and_why() -> None:
    assert (
        settled_words("failed", "by API key k", "she asked")
        == "decided that it did not arrive, by API key k: she asked"
    )
    assert settled_words("resend", "by API key k", None) == "decided to send it once more, by API key k"


def test_trouble_is_told_in_words() -> None:
    assert trouble_words("overdue").startswith("it should have gone on")
    assert trouble_words("some_other") == "some other"
