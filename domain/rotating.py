"""Whose turn it is: each turn owes everybody their weight, and who is owed the most gets it.

What is owed never adds up to more than a round, so who joins, comes back or gets another weight has their share from
then on and makes up for nothing: whoever was away for weeks is not given everything until they caught up.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.base import Frozen


class Turn(Frozen):
    """Who is next, why, and what everybody is owed then."""

    user: str
    why: str
    owed: dict[str, int]


def next_turn(weights: Mapping[str, int], owed: Mapping[str, int], *, away: int = 0) -> Turn:
    """The turn of one of ``weights`` (user -> weight, in the order of the list; not empty) after what is ``owed``.

    In every round, as many turns as the weights add up to, everybody gets exactly their weight. Who is not among
    ``weights`` keeps what they are owed, at most a round. ``away``: how many were passed over, for the words.
    """
    round = sum(weights.values())
    after = {user: owed.get(user, 0) + weight for user, weight in weights.items()}
    chosen = max(weights, key=lambda user: after[user])
    after[chosen] -= round
    missing = f"; {away} away" if away else ""
    why = f"{weights[chosen]} in {round} turns, shared by {len(weights)}{missing}"
    return Turn(user=chosen, why=why, owed={**owed, **after})
