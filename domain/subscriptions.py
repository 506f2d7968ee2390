"""What a contact agreed to be sent: types of messages people subscribe to, and the state of each."""

from __future__ import annotations

from typing import Literal, TypeAlias

from domain.base import Frozen, Instant
from domain.facts import SubscriptionState
from domain.records import Cause

STRICTNESS: tuple[SubscriptionState, ...] = ("not_specified", "subscribed", "unsubscribed")
"""Of two states of one person the one further right counts."""


SubscriptionKind: TypeAlias = Literal["marketing", "internal"]


class SubscriptionType(Frozen):
    """A type of messages. ``archived``: nobody subscribes to it any more and no new version may ask for it.

    ``kind``: contacts choose what ``marketing`` they get; ``internal`` is what the team keeps for itself, which no
    marketing email belongs to, no preference page shows and unsubscribing from all leaves alone.
    """

    id: str
    slug: str
    name: str
    description: str
    kind: SubscriptionKind = "marketing"
    archived: bool
    created_at: Instant
    updated_at: Instant


class Consent(Frozen):
    """The state of one contact for one type, named by its slug: on which grounds, since when, by whom.

    ``source`` says where it was given, ``legal_basis`` why messages may be sent; both as somebody wrote them.
    """

    subscription: str
    state: SubscriptionState
    source: str | None = None
    legal_basis: str | None = None
    cause: Cause
    changed_at: Instant


class PastConsent(Consent):
    """A consent as it was given or taken back once; ``before`` is the state until then."""

    id: str
    before: SubscriptionState


def is_stricter(one: SubscriptionState, than: SubscriptionState) -> bool:
    """Whether ``one`` counts over ``than`` where two records turn out to be one person."""
    return STRICTNESS.index(one) > STRICTNESS.index(than)
