"""Rows of secrets: written and used by name, never shown."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, delete, select, update

from domain.base import Frozen, Instant
from store.database import Read, Tx
from store.secret_tables import secrets

OF_NAMES = select(secrets).where(secrets.c.name.in_(bindparam("names", expanding=True)))
_SHOWN = (secrets.c.name, secrets.c.previous_until, secrets.c.created_at, secrets.c.updated_at)


class SecretName(Frozen):
    """What may be told of a secret. ``previous_until``: until when its former value signs as well."""

    name: str
    previous_until: Instant | None
    created_at: Instant
    updated_at: Instant


@dataclass(frozen=True)
class Secret:
    """A secret as a step uses it: ``values`` begins with the current one; the former one follows while it counts."""

    name: str
    values: tuple[str, ...] = field(repr=False)

    @property
    def value(self) -> str:
        """The current one."""
        return self.values[0]


async def load_secrets(read: Read, names: Collection[str], *, now: datetime) -> dict[str, Secret]:
    """Secrets by name; a missing one is absent."""
    if not names:
        return {}
    found = {}
    for row in await read.all(OF_NAMES, names=sorted(names)):
        former = row["previous"] if row["previous_until"] is not None and row["previous_until"] > now else None
        found[row["name"]] = Secret(row["name"], (row["value"], former) if former is not None else (row["value"],))
    return found


async def known_secrets(read: Read) -> frozenset[str]:
    """The names a definition may mention."""
    return frozenset(row["name"] for row in await read.all(select(secrets.c.name)))


async def page_secrets(read: Read, *, after: str | None, limit: int) -> list[SecretName]:
    """Up to ``limit`` names behind ``after``, in alphabetical order."""
    page = select(*_SHOWN).order_by(secrets.c.name).limit(limit)
    if after is not None:
        page = page.where(secrets.c.name > after)
    return [SecretName(**row) for row in await read.all(page)]


async def show_secret(read: Read, name: str) -> SecretName | None:
    """What may be told of the secret of this name; None when there is none."""
    row = await read.one(select(*_SHOWN).where(secrets.c.name == name))
    return SecretName(**row) if row else None


async def put_secret(tx: Tx, name: str, value: str, *, overlap_until: datetime | None, now: datetime) -> SecretName:
    """Write a secret; what it was before signs as well until ``overlap_until`` (None: from now on no more)."""
    row = {"name": name, "value": value, "previous": None, "previous_until": None}
    if await tx.insert_ignore(secrets, [{**row, "created_at": now, "updated_at": now}]) == 0:
        mine = update(secrets).where(secrets.c.name == name, secrets.c.value != value)
        kept = {"previous": secrets.c.value, "previous_until": overlap_until} if overlap_until else row
        await tx.run(mine.values(**{**row, **kept, "value": value}, updated_at=now))
    shown = await tx.one(select(*_SHOWN).where(secrets.c.name == name))
    assert shown is not None, "it was written in this transaction"
    return SecretName(**shown)


async def delete_secret(tx: Tx, name: str) -> bool:
    """Forget a secret; False when there is none of that name."""
    return bool(await tx.run(delete(secrets).where(secrets.c.name == name)))
