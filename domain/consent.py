"""Whether a message may go to a contact: the order in which it is asked, and how many are too many.

Each "no" has a reason of rule R11. An address that bounced or complained gets nothing; the rest concerns marketing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StrictInt, model_validator

from domain.base import Authored, Frozen, Json, Properties
from domain.errors import StepSkipped
from domain.facts import RecordFacts, SubscriptionState
from domain.instants import local_date, local_midnight
from domain.zones import ZONE_PROPERTY, is_zone

Channel: TypeAlias = Literal["email", "sms"]
SuppressionReason: TypeAlias = Literal["bounced", "complained", "unsubscribed", "opted_out"]
"""Why nothing more is sent to an address; ``unsubscribed``: no marketing, of whatever type; ``opted_out``: of a number
from which somebody said stop.
"""

MARKETING_STATUS = "marketing_status"
MARKETING = "marketing"
"""The one value of ``marketing_status`` under which marketing is sent; a contact without a value gets none."""

CONTACT, ADDRESS = "contact", "email"
EMAIL_STATUS = "email_status"
OK = "ok"
UNREACHABLE: tuple[SuppressionReason, ...] = ("bounced", "complained")
"""Reasons under which nothing at all is sent; also values of ``email_status``."""

MOST_A_WEEK = 1000
"""A cap above it would hold nobody back."""

Amount = Annotated[StrictInt, Field(ge=1, le=MOST_A_WEEK)]


class FrequencyCap(Authored):
    """The most marketing messages a contact gets, by the days and weeks (from Monday) of its own clock."""

    day: Amount | None = None
    week: Amount | None = None

    @model_validator(mode="after")
    def _says_something(self) -> FrequencyCap:
        if self.day is None and self.week is None:
            raise ValueError("say how many a day, how many a week, or both")
        return self


class FrequencyCaps(Authored):
    """A cap per channel; without one there is no limit."""

    email: FrequencyCap | None = None
    sms: FrequencyCap | None = None


class CapPeriod(Frozen):
    """No more than ``limit`` messages since ``since``; ``name`` is what people call the period."""

    name: Literal["day", "week"]
    limit: int
    since: datetime


class Terms(Frozen):
    """What a message needs of whom it goes to. ``subscription``: the type a marketing message belongs to, if any."""

    channel: Channel
    marketing: bool
    subscription: str | None = None


class Agreed(Frozen):
    """What is known of a contact: why its address gets nothing, the state for the type, and whether nobody has to ask.

    ``allows_unspecified``: the account sends to whoever never said yes or no.
    """

    suppressed: frozenset[SuppressionReason] = frozenset()
    state: SubscriptionState | None = None
    allows_unspecified: bool = False


def refuse_unreachable(properties_status: object, suppressed: Collection[SuppressionReason]) -> None:
    """Refuse an address that bounced for good or whose owner complained; ``properties_status``: ``email_status``.

    Raises:
        StepSkipped: ``bounced`` or ``complained``.
    """
    for reason in UNREACHABLE:
        if reason in suppressed or properties_status == reason:
            raise StepSkipped(reason, "nothing is sent to this address any more")


def settle_email_status(
    object: str, before: Mapping[str, Json], after: Properties, *, written: Collection[str] = ()
) -> None:
    """What was found out about an address says nothing about another one: who gets a new address is ``ok``.

    ``written``: properties the write names, which are left as it says.
    """
    if object != CONTACT or EMAIL_STATUS in written or after.get(EMAIL_STATUS) not in UNREACHABLE:
        return
    was, is_ = before.get(ADDRESS), after.get(ADDRESS)
    if isinstance(was, str) and (not isinstance(is_, str) or was.lower() != is_.lower()):
        after[EMAIL_STATUS] = OK


def refuse_opted_out(suppressed: Collection[SuppressionReason]) -> None:
    """Refuse a number from which somebody said stop, whoever's contact it is.

    Raises:
        StepSkipped: ``sms_opted_out``.
    """
    if "opted_out" in suppressed:
        raise StepSkipped("sms_opted_out", "somebody said stop from this number")


def refuse_marketing(contact: RecordFacts, terms: Terms, agreed: Agreed) -> None:
    """Refuse what the contact did not agree to.

    Raises:
        StepSkipped: ``not_marketing_contact``, ``unsubscribed`` or ``not_subscribed``.
    """
    # A text message has an opt-out of its own, and no marketing status.
    if terms.channel == "email" and contact.properties.get(MARKETING_STATUS) != MARKETING:
        raise StepSkipped("not_marketing_contact", "the contact is not a marketing contact")
    if "unsubscribed" in agreed.suppressed:
        raise StepSkipped("unsubscribed", "the contact unsubscribed from all marketing")
    if terms.subscription is None:
        return
    if agreed.state == "unsubscribed":
        raise StepSkipped("unsubscribed", f"the contact unsubscribed from {terms.subscription}")
    if agreed.state != "subscribed" and not agreed.allows_unspecified:
        raise StepSkipped("not_subscribed", f"the contact never subscribed to {terms.subscription}")


def periods_of(cap: FrequencyCap, now: datetime, zone: str) -> Iterator[CapPeriod]:
    """The periods of a cap that ``now`` lies in, by the clock of ``zone``; the shorter one first."""
    today = local_date(now, zone)
    if cap.day is not None:
        yield CapPeriod(name="day", limit=cap.day, since=local_midnight(today, zone))
    if cap.week is not None:
        monday = today - timedelta(days=today.weekday())
        yield CapPeriod(name="week", limit=cap.week, since=local_midnight(monday, zone))


def contact_zone(contact: RecordFacts, account_zone: str) -> str:
    """The IANA name of the zone a contact lives in, as far as it is known; else the account's."""
    own = contact.properties.get(ZONE_PROPERTY)
    return own if isinstance(own, str) and is_zone(own) else account_zone
