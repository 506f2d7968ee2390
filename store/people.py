"""Rows of users (who own records and get tasks) and of API keys (who may call)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import RowMapping, bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from domain.access import Role, scopes_of
from domain.base import Frozen, Instant, Json
from domain.people import Away
from store.database import Read, Tx
from store.ids import new_id, new_secret
from store.tables import api_keys, users

PREFIX_LENGTH = 8
"""Characters of a key that stay readable, so that its owner can tell keys apart."""


class User(Frozen):
    """A colleague. ``manager_id`` names another user.

    Who is not ``available``, or ``away`` now, is passed over where work is shared out. ``timezone``: the IANA name of
    the zone of those days; None: the account's. ``phone`` as it was written.
    What their keys may do follows from ``role`` (None: nothing) and ``sees_personal_data``.
    """

    id: str
    name: str
    email: str
    manager_id: str | None
    active: bool
    available: bool = True
    away: tuple[Away, ...] = ()
    timezone: str | None = None
    phone: str | None = None
    role: Role | None = None
    sees_personal_data: bool = True
    created_at: Instant


class ApiKey(Frozen):
    """A key without its secret. ``scopes``: what it may do now, e.g. ``("records:read", "admin")``.

    ``user_id``: the user it belongs to, whose role says what it may do; None: a program with scopes of its own.
    """

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    user_id: str | None = None
    created_at: Instant
    revoked_at: Instant | None = None


_USER = [users.c[name] for name in User.model_fields]
_AMONG = select(*_USER).where(users.c.id.in_(bindparam("ids", expanding=True)))
_KEYS = select(
    *(api_keys.c[name] for name in ApiKey.model_fields), users.c.active, users.c.role, users.c.sees_personal_data
).outerjoin(users, users.c.id == api_keys.c.user_id)
_IN_USE = _KEYS.where(
    api_keys.c.hash == bindparam("hash"),
    api_keys.c.revoked_at.is_(None),
    or_(api_keys.c.user_id.is_(None), users.c.active),
)


async def insert_user(
    tx: Tx, *, name: str, email: str, manager_id: str | None = None, active: bool = True, now: datetime
) -> User | None:
    """Write a new user; None when the address, compared in lower case, belongs to one already."""
    user = User(id=new_id(now), name=name, email=email.lower(), manager_id=manager_id, active=active, created_at=now)
    return user if await tx.insert_ignore(users, [_row(user)]) else None


async def get_user(read: Read, id: str) -> User | None:
    """The user, active or not; None when there is none."""
    row = await read.one(select(*_USER).where(users.c.id == id))
    return _user(row) if row else None


async def find_user(read: Read, email: str) -> User | None:
    """The active user who has this address, in whatever case; None when nobody does."""
    row = await read.one(select(*_USER).where(users.c.email == email.lower(), users.c.active))
    return _user(row) if row else None


async def managed_by(read: Read, id: str) -> list[User]:
    """The users whose manager this one is."""
    rows = await read.all(select(*_USER).where(users.c.manager_id == id).order_by(users.c.id))
    return [_user(row) for row in rows]


async def replace_user(tx: Tx, changed: User) -> bool:
    """Write a user over themselves; False when the address belongs to another one."""
    row = _row(changed.model_copy(update={"email": changed.email.lower()}))
    try:
        # Not looked at before: somebody who is just being added has it, and nobody can see them yet.
        async with tx.savepoint():
            await tx.run(update(users).where(users.c.id == changed.id).values(**row))
    except IntegrityError:
        return False
    return True


async def users_among(read: Read, ids: Iterable[str]) -> dict[str, User]:
    """Those of the ids that are users, active or not."""
    return {row["id"]: _user(row) for row in await read.all(_AMONG, ids=sorted(ids))}


async def list_users(read: Read, *, after: str | None = None, limit: int) -> list[User]:
    """Up to ``limit`` users in order of creation, after the id ``after``."""
    page = select(*_USER) if after is None else select(*_USER).where(users.c.id > after)
    return [_user(row) for row in await read.all(page.order_by(users.c.id).limit(limit))]


async def active_user_ids(read: Read) -> frozenset[str]:
    """The ids a definition may name."""
    return frozenset(row["id"] for row in await read.all(select(users.c.id).where(users.c.active)))


async def known_user_ids(read: Read, ids: Iterable[str]) -> frozenset[str]:
    """Those of the ids that are users, active or not."""
    rows = await read.all(select(users.c.id).where(users.c.id.in_(sorted(ids))))
    return frozenset(row["id"] for row in rows)


async def user_names(read: Read, ids: Iterable[str]) -> dict[str, str]:
    """What these users are called, by id, active or not; whoever is none is absent."""
    rows = await read.all(select(users.c.id, users.c.name).where(users.c.id.in_(sorted(ids))))
    return {row["id"]: row["name"] for row in rows}


async def insert_key(
    tx: Tx, *, name: str, scopes: tuple[str, ...], now: datetime, user_id: str | None = None, secret: str | None = None
) -> tuple[ApiKey, str]:
    """Write a key and return it with its secret, which is stored nowhere; ``secret`` gives one instead of making it.

    With ``user_id`` it is that user's, and has no scopes of its own. A secret that is a key already returns that key
    unchanged, also when it is revoked.
    """
    secret = secret or new_secret()
    known = await get_key_of(tx, secret)
    if known is not None:
        return known, secret
    key = ApiKey(
        id=new_id(now), name=name, prefix=secret[:PREFIX_LENGTH], scopes=scopes, user_id=user_id, created_at=now
    )
    row = {**key.model_dump(), "scopes": list(scopes), "hash": _hash(secret)}
    await tx.run(insert(api_keys).values(**row))
    return await get_key(tx, key.id) or key, secret


async def get_key(read: Read, id: str) -> ApiKey | None:
    """The key, revoked or not; None when there is none."""
    row = await read.one(_KEYS.where(api_keys.c.id == id))
    return _api_key(row) if row else None


async def get_key_of(read: Read, secret: str) -> ApiKey | None:
    """The key this secret belongs to, revoked or not; None when it belongs to none."""
    row = await read.one(_KEYS.where(api_keys.c.hash == _hash(secret)))
    return _api_key(row) if row else None


async def find_key(read: Read, secret: str) -> ApiKey | None:
    """The key this secret belongs to; None when unknown, revoked or of a user who is not active."""
    row = await read.one(_IN_USE, hash=_hash(secret))
    return _api_key(row) if row else None


async def list_keys(read: Read, *, after: str | None = None, limit: int) -> list[ApiKey]:
    """Up to ``limit`` keys in order of creation, revoked ones included, after the id ``after``."""
    page = _KEYS if after is None else _KEYS.where(api_keys.c.id > after)
    return [_api_key(row) for row in await read.all(page.order_by(api_keys.c.id).limit(limit))]


async def revoke_key(tx: Tx, id: str, now: datetime) -> bool:
    """End a key; False when there is none or it was ended before."""
    mine = update(api_keys).where(api_keys.c.id == id, api_keys.c.revoked_at.is_(None))
    return await tx.run(mine.values(revoked_at=now)) == 1


def _api_key(row: RowMapping) -> ApiKey:
    key = ApiKey.model_validate({name: row[name] for name in ApiKey.model_fields})
    if key.user_id is None:
        return key
    held = scopes_of(row["role"] if row["active"] else None, sees_personal_data=row["sees_personal_data"])
    return key.model_copy(update={"scopes": held})


def _user(row: RowMapping) -> User:
    return User.model_validate({**row, "away": tuple(row["away"] or ())})


def _row(user: User) -> dict[str, Json | datetime]:
    away: list[Json] = [span.model_dump(by_alias=True) for span in user.away]
    return {**user.model_dump(exclude={"away"}), "away": away or None}


def _hash(secret: str) -> str:
    # One round is enough: a key is 32 random bytes, not a word somebody chose.
    return hashlib.sha256(secret.encode()).hexdigest()
