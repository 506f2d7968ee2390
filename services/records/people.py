"""Which users a step means: one who was named, or the owner of a record."""

from __future__ import annotations

from domain.errors import StepFailed
from domain.records import StoredRecord
from store.database import Read
from store.people import User, get_user


async def present_user(read: Read, user_id: str) -> User:
    """The active user of this id.

    Raises:
        StepFailed: ``broken_reference``, when there is none or they left.
    """
    user = await get_user(read, user_id)
    if user is None or not user.active:
        raise StepFailed("broken_reference", f"there is no active user {user_id}")
    return user


async def owner_of(read: Read, record: StoredRecord) -> User | None:
    """The owner of a record; None when it has none.

    Raises:
        StepFailed: ``broken_reference``, when the property names somebody who is not there.
    """
    owner_id = record.properties.get("owner")
    return await present_user(read, owner_id) if isinstance(owner_id, str) and owner_id else None
