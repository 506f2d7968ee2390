"""Requests and answers about subscription types and what contacts agreed to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, StrictStr

from api.answers import Shown
from api.schemas.enrollments import CausePointer
from api.schemas.records import Body, examples
from domain.base import Instant
from domain.facts import SubscriptionState

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


class TypePatch(Body):
    """What to change; fields not sent stay. ``archived``: nobody subscribes to it any more."""

    model_config = examples({"name": "Monthly newsletter"}, {"archived": True})

    name: Name | None = None
    description: Description | None = None
    archived: StrictBool | None = None


class TypeView(Shown):
    """A subscription type."""

    slug: str
    name: str
    description: str
    archived: bool
    created_at: Instant
    updated_at: Instant


class SubscriptionsBody(Body):
    """States by the slug of their type; types that are not named stay. ``source`` says where they were given."""

    model_config = examples(
        {"subscriptions": {"newsletter": "subscribed"}, "source": "checkout", "legal_basis": "consent"},
        {"subscriptions": {"newsletter": "unsubscribed", "offers": "unsubscribed"}, "source": "by phone"},
    )

    subscriptions: Annotated[
        dict[StrictStr, SubscriptionState],
        Field(min_length=1, max_length=200, examples=[{"newsletter": "subscribed"}]),
    ]
    source: Annotated[StrictStr | None, Field(min_length=1, max_length=200)] = None
    legal_basis: Annotated[
        StrictStr | None, Field(min_length=1, max_length=500, description="Why messages may be sent, in your words.")
    ] = None


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
    """The state of a contact for every type, in the order the types were made."""

    items: list[SubscriptionView]


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
