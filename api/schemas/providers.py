"""Answers to mail services."""

from __future__ import annotations

from api.answers import Shown


class ProviderAnswer(Shown):
    """What came of a call: how much was `new`, `known` before, about no message of ours (`unmatched`), or `ignored`."""

    new: int
    known: int
    unmatched: int
    ignored: int
