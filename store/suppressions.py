"""Rows of whom nothing is sent to any more, by address and by contact, and how many messages a contact was sent.

An address counts in lower case and outlives the contacts that had it: one that bounced bounces for the next as well.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import RowMapping, bindparam, delete, func, select, update

from domain.base import Frozen, Instant
from domain.consent import Channel, SuppressionReason
from domain.facts import SubscriptionState
from domain.records import Cause
from store.database import Read, Tx
from store.tables import effects, messages, subscription_types, subscriptions, suppressions

WHY = select(suppressions.c.reason).where(suppressions.c.subject.in_(bindparam("subjects", expanding=True)))
STATE = (
    select(subscriptions.c.state)
    .join(subscription_types, subscription_types.c.id == subscriptions.c.type_id)
    .where(subscriptions.c.record_id == bindparam("contact_id"), subscription_types.c.slug == bindparam("slug"))
)
# What was refused, or waits to be tried again, did not reach anybody.
REACHED = ("handed_over", "accepted", "unknown")
SENT_SINCE = (
    select(func.count())
    .select_from(messages.join(effects, effects.c.key == messages.c.effect_key))
    .where(
        messages.c.contact_id == bindparam("contact_id"),
        messages.c.claimed_at >= bindparam("since"),
        messages.c.channel == bindparam("channel"),
        messages.c.marketing.is_(True),
        messages.c.effect_key != bindparam("besides"),
        effects.c.state.in_(REACHED),
    )
)


class Suppression(Frozen):
    """Why nothing is sent to ``subject``, an address, a number in E.164 or the id of a contact.

    ``source`` says how that became known.
    """

    subject: str
    reason: SuppressionReason
    source: str | None = None
    cause: Cause
    since: Instant


def subject_of(address: str) -> str:
    """An address as suppressions know it."""
    return address.lower()


async def why_suppressed(read: Read, subjects: Collection[str]) -> frozenset[SuppressionReason]:
    """All reasons for which nothing is sent to any of these addresses and contacts."""
    return frozenset(row["reason"] for row in await read.all(WHY, subjects=sorted({*map(subject_of, subjects)})))


async def state_of(read: Read, contact_id: str, slug: str) -> SubscriptionState | None:
    """What a contact said about a subscription type; None when nothing."""
    found: SubscriptionState | None = await read.scalar(STATE, contact_id=contact_id, slug=slug)
    return found


async def count_sent(read: Read, contact_id: str, channel: Channel, *, since: datetime, besides: str) -> int:
    """How many marketing messages a contact was sent since an instant, without that of the effect ``besides``."""
    found = await read.scalar(SENT_SINCE, contact_id=contact_id, channel=channel, since=since, besides=besides)
    return int(found)


async def put_suppression(tx: Tx, made: Suppression) -> bool:
    """Keep a suppression; False when there is one of that subject and reason already, which stays."""
    row = {**made.model_dump(exclude={"cause", "subject"}), "subject": subject_of(made.subject)}
    row |= {"cause_kind": made.cause.kind, "cause_id": made.cause.id}
    return await tx.insert_ignore(suppressions, [row]) == 1


async def drop_suppressions(tx: Tx, subjects: Collection[str], reasons: Collection[SuppressionReason]) -> int:
    """Send to these addresses and contacts again, as far as these reasons go; answers how many there were."""
    named = {*map(subject_of, subjects)}
    mine = (suppressions.c.subject.in_(sorted(named)), suppressions.c.reason.in_(sorted(reasons)))
    return await tx.run(delete(suppressions).where(*mine))


async def move_suppressions(tx: Tx, from_id: str, to_id: str) -> None:
    """Let what keeps messages from one contact keep them from another; that contact's own stay."""
    mine = suppressions.c.subject == from_id
    rows = [{**row, "subject": to_id} for row in await tx.all(select(suppressions).where(mine))]
    if rows:
        await tx.insert_ignore(suppressions, rows)
        await tx.run(delete(suppressions).where(mine))


async def move_sent_to(tx: Tx, from_id: str, to_id: str) -> None:
    """Let messages one contact was sent count as another's."""
    await tx.run(update(messages).where(messages.c.contact_id == from_id).values(contact_id=to_id))


async def suppressions_of(read: Read, subject: str) -> list[Suppression]:
    """Why nothing is sent to an address or a contact, in alphabetical order of the reasons."""
    mine = select(suppressions).where(suppressions.c.subject == subject_of(subject))
    return [_suppression(row) for row in await read.all(mine.order_by(suppressions.c.reason))]


async def page_addresses(
    read: Read, *, reason: SuppressionReason | None = None, after: tuple[str, str] | None, limit: int
) -> list[Suppression]:
    """Up to ``limit`` suppressed addresses and numbers, in alphabetical order, after (address, reason) of the last."""
    page = select(suppressions).where(suppressions.c.subject.contains("@") | suppressions.c.subject.startswith("+"))
    if reason is not None:
        page = page.where(suppressions.c.reason == reason)
    if after is not None:
        address, last = after
        later = (suppressions.c.subject == address) & (suppressions.c.reason > last)
        page = page.where((suppressions.c.subject > address) | later)
    rows = await read.all(page.order_by(suppressions.c.subject, suppressions.c.reason).limit(limit))
    return [_suppression(row) for row in rows]


def _suppression(row: RowMapping) -> Suppression:
    same = {name: row[name] for name in ("subject", "reason", "source", "since")}
    return Suppression(**same, cause=Cause(kind=row["cause_kind"], id=row["cause_id"]))
