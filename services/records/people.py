"""Which users a step means: one who was named, the owner of a record, or those of several who are there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.base import Frozen
from domain.errors import StepFailed
from domain.people import is_away
from domain.records import StoredRecord
from store.database import Read
from store.people import User, get_user, users_among
from store.teams import find_team


class Present(Frozen):
    """Who of several can be given something: the active ones, and those of them who are there now, by weight."""

    active: dict[str, int]
    there: dict[str, int]


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


async def weights_of_team(read: Read, slug: str) -> dict[str, int]:
    """The members of a team, in their order, with their weights; an archived team keeps its members.

    Raises:
        StepFailed: ``broken_reference``, there is no such team.
    """
    team = await find_team(read, slug)
    if team is None:
        raise StepFailed("broken_reference", f"there is no team {slug}")
    return {member.user: member.weight for member in team.members}


async def present_among(read: Read, weights: Mapping[str, int], *, account_zone: str, now: datetime) -> Present:
    """Who of these users (id -> weight) is active, and who of them is there at this instant."""
    known = await users_among(read, weights)
    active = {id: weight for id, weight in weights.items() if id in known and known[id].active}
    there = {
        id: weight
        for id, weight in active.items()
        if known[id].available and not is_away(known[id].away, known[id].timezone or account_zone, now)
    }
    return Present(active=active, there=there)
