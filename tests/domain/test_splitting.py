"""A split sends a record the same way for good and keeps the shares (rule R7)."""

from __future__ import annotations

from collections import Counter

import pytest

from domain.splitting import choose_arm
from domain.steps import Arm


def arms(*weights: int) -> list[Arm]:
    return [Arm(id=f"a{i}", weight=weight) for i, weight in enumerate(weights)]


def test_the_same_record_always_goes_the_same_way() -> None:
    assert len({choose_arm("w", "s", "c-1", arms(50, 50)) for _ in range(20)}) == 1


def test_shares_follow_the_weights() -> None:
    taken = Counter(choose_arm("w", "s", f"c-{i}", arms(75, 25)) for i in range(4000))
    assert 2850 < taken["a0"] < 3150


def test_an_arm_without_weight_is_never_taken() -> None:
    assert {choose_arm("w", "s", f"c-{i}", arms(0, 1)) for i in range(200)} == {"a1"}


def test_a_split_without_any_weight_is_an_error() -> None:
    with pytest.raises(ValueError, match="no arm with a weight"):
        choose_arm("w", "s", "c", arms(0, 0))
