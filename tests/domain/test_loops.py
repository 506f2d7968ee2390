"""How a chain of workflows that set off each other reads."""

from __future__ import annotations

import pytest

from domain.loops import chain_words


@pytest.mark.parametrize(
    ("slugs", "words"),
    [
        (["a"], "by hand: a"),
        (["a", "b", "c"], "by hand: a → b → c"),
        (["a", "b", "a"], "by hand: a → b → a"),
        (["a", "a", "a"], "by hand: a → a, and so on 2 times"),
        (["a", "b", "a", "b", "a"], "by hand: a → b → a, and so on 4 times"),
        (["x", "a", "b", "a", "b"], "by hand: x → a → b → a → b"),
    ],
)
def test_a_circle_is_told_once_and_anything_else_in_full(slugs: list[str], words: str) -> None:
    assert chain_words(slugs, first="by hand") == words
