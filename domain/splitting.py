"""Which arm of a split a record takes (rule R7): a hash, so the same record always goes the same way."""

from __future__ import annotations

from collections.abc import Sequence
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
    digest = sha256(f"{workflow_id}:{step}:{record_id}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") * total >> 64
    for arm in arms:
        if place < arm.weight:
            return arm.id
        place -= arm.weight
    raise AssertionError("the place lies below the sum of the weights")
