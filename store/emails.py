"""Rows of reusable emails and of their versions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, bindparam, insert, select, update

from domain.emails import Email, EmailContent, EmailVersion, KnownEmail
from domain.records import Cause
from store.database import Read, Tx
from store.tables import email_versions, emails

_EMAIL = [emails.c[name] for name in Email.model_fields]
_CURRENT = (email_versions.c.email_id == emails.c.id) & (email_versions.c.version == emails.c.version)
FIND = select(*_EMAIL).where(emails.c.slug == bindparam("slug"))
CURRENT = (
    select(emails.c.archived, email_versions)
    .select_from(emails.join(email_versions, _CURRENT))
    .where(emails.c.slug == bindparam("slug"))
)


def email_of(row: RowMapping) -> Email:
    """The email of a complete row."""
    return Email(**{name: row[name] for name in Email.model_fields})


async def find_email(read: Read, slug: str) -> Email | None:
    """The email of this slug, archived or not."""
    row = await read.one(FIND, slug=slug)
    return email_of(row) if row else None


async def find_current(read: Read, slug: str) -> EmailVersion | None:
    """The version that is sent now; None when there is no such email, or when it is archived."""
    row = await read.one(CURRENT, slug=slug)
    return _version_of(row) if row and not row["archived"] else None


async def get_version(read: Read, email_id: str, version: int) -> EmailVersion | None:
    """One version of an email."""
    mine = (email_versions.c.email_id == email_id, email_versions.c.version == version)
    row = await read.one(select(email_versions).where(*mine))
    return _version_of(row) if row else None


async def page_emails(read: Read, *, after: str | None, limit: int) -> list[Email]:
    """Up to ``limit`` emails in order of creation, after the id ``after``."""
    page = select(*_EMAIL) if after is None else select(*_EMAIL).where(emails.c.id > after)
    return [email_of(row) for row in await read.all(page.order_by(emails.c.id).limit(limit))]


async def page_versions(read: Read, email_id: str, *, before: int | None, limit: int) -> list[EmailVersion]:
    """Up to ``limit`` versions of an email, newest first, older than ``before``."""
    page = select(email_versions).where(email_versions.c.email_id == email_id)
    if before is not None:
        page = page.where(email_versions.c.version < before)
    rows = await read.all(page.order_by(email_versions.c.version.desc()).limit(limit))
    return [_version_of(row) for row in rows]


async def known_emails(read: Read) -> dict[str, KnownEmail]:
    """Every email by slug, with what its current version reads."""
    columns = (emails.c.slug, emails.c.archived, email_versions.c.reads)
    rows = await read.all(select(*columns).select_from(emails.join(email_versions, _CURRENT)))
    return {row["slug"]: KnownEmail(archived=row["archived"], reads=_paths(row["reads"])) for row in rows}


async def insert_email(tx: Tx, made: Email) -> bool:
    """Write a new email without its version; False when its slug is taken."""
    return await tx.insert_ignore(emails, [made.model_dump()]) == 1


async def replace_email(tx: Tx, changed: Email) -> None:
    """Write an email over itself; the caller has locked it."""
    values = changed.model_dump(include={"name", "archived", "version", "updated_at"})
    await tx.run(update(emails).where(emails.c.id == changed.id).values(**values))


async def insert_version(tx: Tx, email_id: str, made: EmailVersion) -> None:
    """Write a new version."""
    row: dict[str, Any] = {
        "email_id": email_id, "version": made.version, "content": made.content.model_dump(mode="json"),
        "reads": [list(path) for path in made.reads], "cause_kind": made.cause.kind, "cause_id": made.cause.id,
        "created_at": made.created_at,
    }  # fmt: skip
    await tx.run(insert(email_versions).values(**row))


def _version_of(row: RowMapping) -> EmailVersion:
    return EmailVersion(
        version=row["version"],
        content=EmailContent.model_validate(row["content"]),
        reads=_paths(row["reads"]),
        cause=Cause(kind=row["cause_kind"], id=row["cause_id"]),
        created_at=row["created_at"],
    )


def _paths(stored: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(path) for path in stored)
