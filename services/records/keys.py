"""API keys: made for a program with scopes, or for a user, whose role says what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.access import Scope
from domain.errors import Invalid
from domain.problems import FieldError
from store.database import Tx
from store.people import ApiKey, get_user, insert_key


async def add_key(
    tx: Tx, name: str, *, scopes: Sequence[Scope] | None = None, user_id: str | None = None, now: datetime
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which is stored nowhere. Exactly one of ``scopes`` and ``user_id``.

    Raises:
        Invalid: both or neither; or the user is not there, left, or has no role.
    """
    if user_id is None:
        if not scopes:
            raise _wrong("/scopes", "missing_field", "a key needs scopes, or the user_id of the user it is for")
        return await insert_key(tx, name=name, scopes=tuple(dict.fromkeys(scopes)), now=now)
    if scopes:
        raise _wrong("/scopes", "wrong_value", "what the key of a user may do follows from the role of the user")
    user = await get_user(tx, user_id)
    if user is None or not user.active:
        raise _wrong("/user_id", "unknown_user", f"there is no active user {user_id}")
    if user.role is None:
        raise _wrong("/user_id", "wrong_value", f"the user {user_id} has no role, so that a key would open nothing")
    return await insert_key(tx, name=name, scopes=(), user_id=user_id, now=now)


def _wrong(path: str, code: str, message: str) -> Invalid:
    return Invalid(message, errors=[FieldError(path=path, code=code, message=message)])
