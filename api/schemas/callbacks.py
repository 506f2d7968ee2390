"""Answers to callbacks."""

from __future__ import annotations

from typing import Literal

from api.answers import Shown


class CallbackAnswer(Shown):
    """A callback was taken; ``event_id`` is how it is kept."""

    status: Literal["accepted"]
    event_id: str
