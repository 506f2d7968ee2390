"""Whose turn it is: who has the least in proportion to their weight, of equals who stands first in the list."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from domain.base import Frozen


class Turn(Frozen):
    """Who is next, why, and how many each of those in the list has then."""

    user: str
    why: str
    given: dict[str, int]


def next_turn(weights: Mapping[str, int], given: Mapping[str, int]) -> Turn:
    """The turn of one of ``weights`` (user -> weight, in the order of the list; not empty), after those ``given``.

    Who is new begins where the one with the least stands, so that they do not get everything until they caught up.
    Whoever is away keeps what they had.
    """
    known = [Fraction(given[user], weight) for user, weight in weights.items() if user in given]
    least = min(known, default=Fraction(0))
    had = {user: given.get(user, int(least * weight)) for user, weight in weights.items()}
    chosen = min(weights, key=lambda user: Fraction(had[user], weights[user]))
    why = f"had {had[chosen]} at weight {weights[chosen]}, the least of {len(weights)} by weight"
    return Turn(user=chosen, why=why, given={**given, **had, chosen: had[chosen] + 1})
