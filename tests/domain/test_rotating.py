"""Turns: every round gives everybody exactly their weight, and nobody makes up for what went before them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from domain.rotating import Rotation, next_turn


def _turns(weights: Mapping[str, int], count: int, before: Rotation) -> tuple[list[str], Rotation]:
    chosen, now = [], before
    for _ in range(count):
        turn = next_turn(weights, now)
        now = turn.after
        chosen.append(turn.user)
    return chosen, now


def test_every_round_gives_everybody_their_weight() -> None:
    weights = {"ann": 1, "bo": 4, "cy": 2}
    owed = Rotation()
    for _ in range(3):
        chosen, owed = _turns(weights, 7, owed)
        assert Counter(chosen) == weights
        assert chosen != sorted(chosen), "not all of one after another"


def test_who_is_owed_more_than_a_round_among_many_gets_it_in_the_same_round() -> None:
    weights = {f"user {n}": weight for n, weight in enumerate((1, 1, 1, 100, 100, 100, 50, 100, 1, 1))}
    chosen, after = _turns(weights, sum(weights.values()), Rotation())
    assert Counter(chosen) == weights
    assert not any(after.owed.values())


def test_what_was_owed_in_large_weights_is_not_paid_back_in_small_ones() -> None:
    _, after = _turns({"ann": 100, "bo": 100}, 1, Rotation())
    chosen, _ = _turns({"ann": 1, "bo": 1}, 20, after)
    assert abs(Counter(chosen)["ann"] - 10) <= 1
    _, after = _turns({"ann": 100, "bo": 1}, 50, Rotation())
    chosen, _ = _turns({"bo": 1, "cy": 1}, 20, after)
    assert abs(Counter(chosen)["bo"] - 10) <= 1


def test_who_joins_or_gets_another_weight_has_their_share_from_then_on() -> None:
    _, owed = _turns({"ann": 1, "bo": 1}, 101, Rotation())
    chosen, owed = _turns({"ann": 1, "bo": 1, "cy": 1}, 9, owed)
    assert max(Counter(chosen).values()) <= 4
    chosen, _ = _turns({"ann": 3, "bo": 1, "cy": 1}, 50, owed)
    shares = Counter(chosen)
    assert abs(shares["ann"] - 30) <= 2
    assert abs(shares["bo"] - 10) <= 2


def test_who_comes_back_is_owed_no_more_than_a_round() -> None:
    _, owed = _turns({"ann": 1, "bo": 1, "cy": 1}, 31, Rotation())
    _, owed = _turns({"bo": 1, "cy": 1}, 200, owed)
    chosen, _ = _turns({"ann": 1, "bo": 1, "cy": 1}, 9, owed)
    assert Counter(chosen)["ann"] <= 4
