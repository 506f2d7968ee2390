"""Rows of subscription types, of what contacts agreed to, and of its history."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update

from domain.facts import NOT_SPECIFIED, SubscriptionState
from domain.records import Cause
from domain.subscriptions import Consent, PastConsent, SubscriptionType
from store.database import Read, Tx
from store.ids import new_id
from store.tables import subscription_history, subscription_types, subscriptions, suppressions

_TYPE = [subscription_types.c[name] for name in SubscriptionType.model_fields]


async def insert_type(tx: Tx, made: SubscriptionType) -> bool:
    """Write a new type; False when its slug is taken."""
    return await tx.insert_ignore(subscription_types, [dict(made)]) == 1


async def change_type(tx: Tx, id: str, *, now: datetime, **values: str | bool) -> None:
    """Set columns of a type (``name``, ``archived`` …). The others keep what anybody else wrote."""
    await tx.run(update(subscription_types).where(subscription_types.c.id == id).values(updated_at=now, **values))


async def find_types(read: Read, slugs: Collection[str]) -> dict[str, SubscriptionType]:
    """The types of these slugs, archived ones included; one that is missing is absent."""
    rows = await read.all(select(*_TYPE).where(subscription_types.c.slug.in_(sorted(slugs))))
    return {row["slug"]: SubscriptionType(**row) for row in rows}


async def page_types(read: Read, *, after: str | None = None, limit: int) -> list[SubscriptionType]:
    """Up to ``limit`` types in order of creation, after the id ``after``."""
    page = select(*_TYPE) if after is None else select(*_TYPE).where(subscription_types.c.id > after)
    rows = await read.all(page.order_by(subscription_types.c.id).limit(limit))
    return [SubscriptionType(**row) for row in rows]


async def known_types(read: Read) -> dict[str, bool]:
    """The slug of every type, with whether it is archived."""
    rows = await read.all(select(subscription_types.c.slug, subscription_types.c.archived))
    return {row["slug"]: bool(row["archived"]) for row in rows}


async def marketing_types(read: Read) -> list[str]:
    """The slugs of the types that contacts choose from, archived ones included, in order of creation."""
    mine = select(subscription_types.c.slug).where(subscription_types.c.kind == "marketing")
    return [row["slug"] for row in await read.all(mine.order_by(subscription_types.c.id))]


async def internal_types(read: Read) -> frozenset[str]:
    """The slugs of the types that the team keeps for itself."""
    rows = await read.all(select(subscription_types.c.slug).where(subscription_types.c.kind == "internal"))
    return frozenset(row["slug"] for row in rows)


async def load_states(read: Read, record_ids: Collection[str]) -> dict[str, dict[str, SubscriptionState]]:
    """The states of these records by slug; every record has an entry, what is not specified has none."""
    found: dict[str, dict[str, SubscriptionState]] = {record_id: {} for record_id in record_ids}
    joined = subscriptions.join(subscription_types, subscription_types.c.id == subscriptions.c.type_id)
    rows = await read.all(
        select(subscriptions.c.record_id, subscription_types.c.slug, subscriptions.c.state)
        .select_from(joined)
        .where(subscriptions.c.record_id.in_(sorted(found)))
    )
    for row in rows:
        found[row["record_id"]][row["slug"]] = row["state"]
    return found


async def consents_of(read: Read, record_id: str) -> dict[str, Consent]:
    """What a record agreed to or not, by slug."""
    rows = await read.all(
        select(subscriptions, subscription_types.c.slug)
        .join(subscription_types, subscription_types.c.id == subscriptions.c.type_id)
        .where(subscriptions.c.record_id == record_id)
    )
    return {row["slug"]: Consent(**_said(row)) for row in rows}


async def page_history(read: Read, record_id: str, *, after: str | None, limit: int) -> list[PastConsent]:
    """Up to ``limit`` consents a record gave and took back, newest first, older than the id ``after``."""
    page = (
        select(subscription_history, subscription_types.c.slug)
        .join(subscription_types, subscription_types.c.id == subscription_history.c.type_id)
        .where(subscription_history.c.record_id == record_id)
    )
    if after is not None:
        page = page.where(subscription_history.c.id < after)
    rows = await read.all(page.order_by(subscription_history.c.id.desc()).limit(limit))
    return [PastConsent(**_said(row), id=row["id"], before=row["before"]) for row in rows]


async def put_consents(
    tx: Tx,
    record_id: str,
    consents: Sequence[tuple[SubscriptionType, Consent]],
    before: Mapping[str, SubscriptionState],
) -> None:
    """Write what a locked record agrees to from now on, and keep it; ``before`` are its states until now by slug."""
    rows = [
        {
            "record_id": record_id, "type_id": type_.id, "state": each.state, "source": each.source,
            "legal_basis": each.legal_basis, "cause_kind": each.cause.kind, "cause_id": each.cause.id,
            "changed_at": each.changed_at,
        }
        for type_, each in consents
    ]  # fmt: skip
    mine = (subscriptions.c.record_id == record_id, subscriptions.c.type_id.in_([type_.id for type_, _ in consents]))
    await tx.run(delete(subscriptions).where(*mine))
    await tx.run(insert(subscriptions), rows)
    kept = [
        {**row, "id": new_id(each.changed_at), "before": before.get(type_.slug, NOT_SPECIFIED)}
        for row, (type_, each) in zip(rows, consents, strict=True)
    ]
    await tx.run(insert(subscription_history), kept)


async def forget_consents(tx: Tx, record_id: str) -> None:
    """Take away what a record that is deleted agreed to, with its history."""
    for table in (subscriptions, subscription_history):
        await tx.run(delete(table).where(table.c.record_id == record_id))
    await tx.run(delete(suppressions).where(suppressions.c.subject == record_id))


async def move_history(tx: Tx, from_id: str, to_id: str) -> None:
    """Let what one record agreed to once stand in the history of another."""
    mine = update(subscription_history).where(subscription_history.c.record_id == from_id)
    await tx.run(mine.values(record_id=to_id))


def _said(row: RowMapping) -> dict[str, Any]:
    same = {name: row[name] for name in ("state", "source", "legal_basis", "changed_at")}
    return {**same, "subscription": row["slug"], "cause": Cause(kind=row["cause_kind"], id=row["cause_id"])}
