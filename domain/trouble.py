"""What is wrong with somebody's passage: a step failed, or it does not go on. Told in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from domain.messages import FailureClass

Stuck: TypeAlias = Literal["retrying", "undecided", "overdue"]
"""``retrying``: the other side has not taken it for a while; ``undecided``: somebody has to say what became of it;
``overdue``: its time came, and nobody works on it."""

Trouble: TypeAlias = FailureClass | Stuck
STUCK: tuple[Stuck, ...] = get_args(Stuck)

WORDS: Mapping[str, str] = {
    "rejected": "refused for good by the other side",
    "gave_up": "given up, after days of trying or by a person",
    "unknown": "handed over, and nobody knows whether it arrived",
    "bad_template": "a template could not be rendered",
    "broken_reference": "it names what is gone",
    "wrong_value": "a value does not fit",
    "retrying": "the other side does not take it: it is tried again and again",
    "undecided": "somebody has to decide what became of its message",
    "overdue": "it should have gone on: its run is missing, or nobody works on it",
}


def trouble_words(trouble: str) -> str:
    """A class of trouble as people read it."""
    return WORDS.get(trouble, trouble.replace("_", " "))
