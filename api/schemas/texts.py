"""Answers about text messages that came in."""

from __future__ import annotations

from api.answers import Shown
from domain.base import Instant
from domain.incoming_texts import TextKind
from store.texts import InboundText


class InboundTextView(Shown):
    """A text message that came in; ``answers`` is the message of ours it follows, ``record_id`` the contact."""

    id: str
    reference: str
    kind: TextKind
    sender: str
    recipient: str
    text: str
    answers: str | None
    record_id: str | None
    event_id: str | None
    received_at: Instant


def text_view(text: InboundText) -> InboundTextView:
    """A text as answered."""
    return InboundTextView(**text.model_dump())
