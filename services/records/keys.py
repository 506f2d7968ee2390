"""API keys: made for a program with scopes, or for a user, whose role says what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.access import Scope
from domain.audit import Author
from domain.errors import Invalid
from domain.problems import FieldError
from services.auditing import note_made
from store.database import Tx
from store.people import ApiKey, get_key_of, get_user, insert_key


async def add_key(
    tx: Tx,
    author: Author,
    name: str,
    *,
    scopes: Sequence[Scope] | None = None,
    user_id: str | None = None,
    secret: str | None = None,
    now: datetime,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which is stored nowhere. Exactly one of ``scopes`` and ``user_id``.

    ``secret`` gives one; one that is a key already, or was, is returned as it is.

    Raises:
        Invalid: both or neither; or the user is not there, left, or has no role.
    """
    if user_id is None:
        if not scopes:
            raise _wrong("/scopes", "missing_field", "a key needs scopes, or the user_id of the user it is for")
        known = await get_key_of(tx, secret) if secret is not None else None
        if secret is not None and known is not None:
            return known, secret
        made, secret = await insert_key(tx, name=name, scopes=tuple(dict.fromkeys(scopes)), secret=secret, now=now)
        await note_made(tx, author, "key.created", made.id, now=now)
        return made, secret
    if scopes:
        raise _wrong("/scopes", "wrong_value", "what the key of a user may do follows from the role of the user")
    user = await get_user(tx, user_id)
    if user is None or not user.active:
        raise _wrong("/user_id", "unknown_user", f"there is no active user {user_id}")
    if user.role is None:
        raise _wrong("/user_id", "wrong_value", f"the user {user_id} has no role, so that a key would open nothing")
    made, secret = await insert_key(tx, name=name, scopes=(), user_id=user_id, now=now)
    await note_made(tx, author, "key.created", made.id, now=now)
    return made, secret


def _wrong(path: str, code: str, message: str) -> Invalid:
    return Invalid(message, errors=[FieldError(path=path, code=code, message=message)])
