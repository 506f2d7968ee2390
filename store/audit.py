"""Rows of the audit log: added, never changed and never deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import RowMapping, func, insert, select

from domain.audit import Author, Kind, State, What, kind_of
from domain.base import Frozen, Instant
from store.database import Read, Tx
from store.ids import new_id
from store.tables import api_keys, audit_entries, users


class AuditFilters(Frozen):
    """Which entries: of a kind, of one thing, by whom, since an instant (included) and until one (not included)."""

    kind: Kind | None = None
    what: What | None = None
    subject: str | None = None
    user: str | None = None
    key: str | None = None
    since: Instant | None = None
    until: Instant | None = None


async def insert_entry(
    tx: Tx, author: Author, what: What, subject: str, *, before: State | None, after: State | None, now: datetime
) -> None:
    """Write down one change in the transaction that makes it."""
    row = {
        **author.model_dump(), "id": new_id(now), "kind": kind_of(what), "what": what, "subject": subject,
        "before": before, "after": after, "changed_at": now,
    }  # fmt: skip
    await tx.run(insert(audit_entries).values(**row))


async def last_entry_at(read: Read, what: What) -> datetime | None:
    """When this was done last; None: never."""
    found: datetime | None = await read.scalar(
        select(func.max(audit_entries.c.changed_at, type_=audit_entries.c.changed_at.type)).where(
            audit_entries.c.kind == kind_of(what), audit_entries.c.what == what
        )
    )
    return found


async def page_entries(read: Read, filters: AuditFilters, *, after: str | None, limit: int) -> list[RowMapping]:
    """Up to ``limit`` entries with the names of keys and users, newest first, older than the id ``after``."""
    page = (
        select(audit_entries, api_keys.c.name.label("key_name"), users.c.name.label("user_name"))
        .outerjoin(api_keys, api_keys.c.id == audit_entries.c.key_id)
        .outerjoin(users, users.c.id == audit_entries.c.user_id)
    )
    equal = {"kind": filters.kind, "what": filters.what, "subject": filters.subject,
             "user_id": filters.user, "key_id": filters.key}  # fmt: skip
    for name, value in equal.items():
        if value is not None:
            page = page.where(audit_entries.c[name] == value)
    if filters.since is not None:
        page = page.where(audit_entries.c.changed_at >= filters.since)
    if filters.until is not None:
        page = page.where(audit_entries.c.changed_at < filters.until)
    if after is not None:
        page = page.where(audit_entries.c.id < after)
    return await read.all(page.order_by(audit_entries.c.id.desc()).limit(limit))
