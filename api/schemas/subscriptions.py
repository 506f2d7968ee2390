"""Requests and answers about subscription types and what contacts agreed to."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictStr, model_validator

from api.answers import Shown
from api.schemas.enrollments import CausePointer
from api.schemas.records import Body, examples
from domain.base import Instant
from domain.consent import SuppressionReason
from domain.facts import SubscriptionState
from domain.subscriptions import SubscriptionKind

Name = Annotated[StrictStr, Field(min_length=1, max_length=200)]
Description = Annotated[StrictStr, Field(max_length=2000)]


class TypeBody(Body):
    """A new subscription type."""

    model_config = examples(
        {"slug": "newsletter", "name": "Newsletter", "description": "What is new, once a month."}, {"slug": "offers"}
    )

    slug: Annotated[StrictStr, Field(max_length=200, examples=["newsletter"])]
    name: Name | None = None
    description: Description = ""
    kind: Annotated[SubscriptionKind, Field(description="internal: kept by the team, no marketing belongs to it.")] = (
        "marketing"
    )


class TypePatch(Body):
    """What to change; fields not sent stay. ``archived``: nobody subscribes to it any more."""

    model_config = examples({"name": "Monthly newsletter"}, {"archived": True})

    name: Name | None = None
    description: Description | None = None
    kind: SubscriptionKind | None = None
    archived: StrictBool | None = None


class TypeView(Shown):
    """A subscription type."""

    slug: str
    name: str
    description: str
    kind: SubscriptionKind
    archived: bool
    created_at: Instant
    updated_at: Instant


class SubscriptionsBody(Body):
    """States by the slug of their type; types that are not named stay. ``source`` says where they were given.

    ``unsubscribed_from_all``: true keeps all marketing from the contact, whatever it subscribes to, until false lets
    its subscriptions count again.
    """

    model_config = examples(
        {"subscriptions": {"newsletter": "subscribed"}, "source": "checkout", "legal_basis": "consent"},
        {"subscriptions": {"newsletter": "unsubscribed", "offers": "unsubscribed"}, "source": "by phone"},
        {"unsubscribed_from_all": True, "source": "by phone"},
    )

    subscriptions: Annotated[
        dict[StrictStr, SubscriptionState],
        Field(max_length=200, examples=[{"newsletter": "subscribed"}]),
    ] = {}
    unsubscribed_from_all: StrictBool | None = None
    source: Annotated[StrictStr | None, Field(min_length=1, max_length=200)] = None
    legal_basis: Annotated[
        StrictStr | None, Field(min_length=1, max_length=500, description="Why messages may be sent, in your words.")
    ] = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.subscriptions and self.unsubscribed_from_all is None:
            raise ValueError("name a subscription or say unsubscribed_from_all")
        return self


class SubscriptionView(Shown):
    """The state of a contact for one type; ``changed_at`` and ``cause`` are null where nobody ever specified it."""

    subscription: str
    name: str
    archived: bool
    state: SubscriptionState
    source: str | None
    legal_basis: str | None
    changed_at: Instant | None
    cause: CausePointer | None


class SubscriptionsView(Shown):
    """The state of a contact for every type, in the order the types were made.

    ``unsubscribed_from_all``: no marketing goes to it, whatever the states are.
    """

    items: list[SubscriptionView]
    unsubscribed_from_all: bool


class SuppressionBody(Body):
    """An address that nothing is sent to any more, why, and how that became known; ``opted_out``: a number."""

    model_config = examples({"address": "ana@example.com", "reason": "bounced", "source": "list of our old system"})

    address: Annotated[StrictStr, Field(min_length=3, max_length=320, examples=["ana@example.com"])]
    reason: Literal["bounced", "complained", "opted_out"]
    source: Annotated[StrictStr | None, Field(min_length=1, max_length=200)] = None


class SuppressionView(Shown):
    """An address or a number (E.164) that gets nothing, or with ``unsubscribed`` no marketing."""

    address: str
    reason: SuppressionReason
    source: str | None
    since: Instant
    cause: CausePointer


class PastSubscriptionView(Shown):
    """One change of a state, or of the grounds it stands on."""

    id: str
    subscription: str
    before: SubscriptionState
    state: SubscriptionState
    source: str | None
    legal_basis: str | None
    changed_at: Instant
    cause: CausePointer
