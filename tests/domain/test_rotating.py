"""Turns: every round gives everybody exactly their weight, and nobody makes up for what went before them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from domain.rotating import next_turn


def _turns(weights: Mapping[str, int], count: int, owed: Mapping[str, int]) -> tuple[list[str], dict[str, int]]:
    chosen, now = [], dict(owed)
    for _ in range(count):
        turn = next_turn(weights, now)
        now = turn.owed
        chosen.append(turn.user)
    return chosen, now


def test_every_round_gives_everybody_their_weight() -> None:
    weights = {"ann": 1, "bo": 4, "cy": 2}
    owed: dict[str, int] = {}
    for _ in range(3):
        chosen, owed = _turns(weights, 7, owed)
        assert Counter(chosen) == weights
        assert chosen != sorted(chosen), "not all of one after another"


def test_who_joins_or_gets_another_weight_has_their_share_from_then_on() -> None:
    _, owed = _turns({"ann": 1, "bo": 1}, 101, {})
    chosen, owed = _turns({"ann": 1, "bo": 1, "cy": 1}, 9, owed)
    assert max(Counter(chosen).values()) <= 4
    chosen, _ = _turns({"ann": 3, "bo": 1, "cy": 1}, 50, owed)
    shares = Counter(chosen)
    assert abs(shares["ann"] - 30) <= 2
    assert abs(shares["bo"] - 10) <= 2


def test_who_comes_back_is_owed_no_more_than_a_round() -> None:
    _, owed = _turns({"ann": 1, "bo": 1, "cy": 1}, 31, {})
    _, owed = _turns({"bo": 1, "cy": 1}, 200, owed)
    chosen, _ = _turns({"ann": 1, "bo": 1, "cy": 1}, 9, owed)
    assert Counter(chosen)["ann"] <= 4
