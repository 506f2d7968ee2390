"""Decides how a chain of workflows that set off each other is told: a circle once, with how often it went round."""

from __future__ import annotations

from collections.abc import Sequence


def chain_words(slugs: Sequence[str], *, first: str) -> str:
    """The workflows in the order they set off each other; the last one was kept from going on.

    ``first``: what began it, in words. A chain that only repeats itself is told by its first round:
    ``by API key 7f…: red → blue → red, and so on 21 times``.
    """
    round_ = next(n for n in range(1, len(slugs) + 1) if all(a == b for a, b in zip(slugs, slugs[n:], strict=False)))
    if round_ * 2 > len(slugs):
        return f"{first}: {' → '.join(slugs)}"
    return f"{first}: {' → '.join([*slugs[:round_], slugs[0]])}, and so on {len(slugs) - 1} times"
