"""Which arm of a split a record takes (rule R7), and when its turn comes: hashes, so that it stays the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256

from domain.steps import Arm


def choose_arm(workflow_id: str, step: str, record_id: str, arms: Sequence[Arm]) -> str:
    """The id of the arm whose share of the weights the record's hash falls into.

    Raises:
        ValueError: no arm has a weight, which validation refuses.
    """
    total = sum(arm.weight for arm in arms)
    if total <= 0:
        raise ValueError(f"split {step!r} has no arm with a weight")
    place = _place(f"{workflow_id}:{step}:{record_id}", total)
    for arm in arms:
        if place < arm.weight:
            return arm.id
        place -= arm.weight
    raise AssertionError("the place lies below the sum of the weights")


def spread(enrollment_id: str, minutes: int) -> timedelta:
    """How long after the first an enrollment has its turn, when many are let go at once: less than ``minutes``."""
    return timedelta(milliseconds=_place(enrollment_id, minutes * 60_000))


def _place(name: str, size: int) -> int:
    """Where a name lies among ``size`` places."""
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") * size >> 64
