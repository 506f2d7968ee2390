"""Whose turn it is: each turn owes everybody their weight, and who is owed the most gets it.

When others share, or by other weights, nobody is owed more than a round as it is from then on. So who joins, comes back
or gets another weight has their share from then on: whoever was away for weeks is not given everything until they
caught up, and what was owed in large weights is not paid back in small ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.base import Frozen


class Rotation(Frozen):
    """What each user is owed, and by which weights (user -> weight) the last turn was taken; empty before the first."""

    owed: dict[str, int] = {}
    weights: dict[str, int] = {}


class Turn(Frozen):
    """Who is next, why, and how the rotation stands then."""

    user: str
    why: str
    after: Rotation


def next_turn(weights: Mapping[str, int], before: Rotation, *, away: int = 0) -> Turn:
    """The turn of one of ``weights`` (user -> weight, in the order of the list; not empty).

    In every round, as many turns as the weights add up to, everybody gets exactly their weight. Who is not among
    ``weights`` keeps what they are owed until they come back. ``away``: how many were passed over, for the words.
    """
    round = sum(weights.values())
    owed = before.owed
    if before.weights != weights:
        # Only then: within a round somebody among many may well be owed more than one, and gets it in the same round.
        owed = {user: max(-round, min(round, owed.get(user, 0))) for user in weights}
    after = {user: owed.get(user, 0) + weight for user, weight in weights.items()}
    chosen = max(weights, key=lambda user: after[user])
    after[chosen] -= round
    missing = f"; {away} away" if away else ""
    why = f"{weights[chosen]} in {round} turns, shared by {len(weights)}{missing}"
    return Turn(user=chosen, why=why, after=Rotation(owed={**before.owed, **after}, weights=dict(weights)))
