"""What a text message that comes in says: somebody's words, or that they want no more, or again.

Words as carriers and services know them; the word stands alone, in whatever case.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

TextKind: TypeAlias = Literal["stop", "start", "help", "reply", "unmatched"]
"""``reply``: it answers a message of ours; ``unmatched``: we never wrote to that number."""

STOP_WORDS = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke"})
START_WORDS = frozenset({"start", "unstop"})
AGAIN = "yes"
"""Takes messages again, of somebody who had said stop; of all others it is an answer."""
HELP_WORDS = frozenset({"help", "info"})

OPTED_OUT = "sms_opted_out"
"""The property of a contact that wants no text messages."""

_AROUND = " \t\r\n.,;:!?\"'()"


def wish_of(text: str, *, opted_out: bool) -> Literal["stop", "start", "help"] | None:
    """What somebody wants by a message of one word; None for all that is meant for people."""
    word = text.strip(_AROUND).lower()
    if word in STOP_WORDS:
        return "stop"
    if word in START_WORDS or (opted_out and word == AGAIN):
        return "start"
    return "help" if word in HELP_WORDS else None
