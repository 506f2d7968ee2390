"""Whom of the house a notice is for: users, the active members of teams, the owner of the record, the owner's manager.

Each is found by itself: somebody who is not there any more keeps nobody else from being told.
"""

from __future__ import annotations

from collections.abc import Iterable

from domain.base import Frozen
from domain.errors import StepFailed, StepSkipped, Unavailable
from domain.records import StoredRecord
from store.database import Read
from store.people import User, users_among
from store.teams import find_team


class Addressed(Frozen):
    """Whom a step names: users by id, teams by slug, and whether the owner of the record and their manager too."""

    users: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    owner: bool = False
    owner_manager: bool = False


class Addressee(Frozen):
    """One who is to be told. ``user`` None: nobody is there, and ``problem`` says who is missing.

    ``name`` tells them from the others; ``by_owner``: they are told only as long as this user owns the record.
    """

    name: str
    user: User | None = None
    problem: str = ""
    by_owner: str | None = None


def still_there(each: Addressee, record: StoredRecord) -> User:
    """Who is to be told, asked again when the message leaves.

    Raises:
        StepFailed: ``broken_reference``, they are not there any more.
        Unavailable: the record changed hands since they were found.
    """
    if each.by_owner is not None and record.properties.get("owner") != each.by_owner:
        raise Unavailable("the record changed hands while the message was prepared")
    if each.user is None:
        raise StepFailed("broken_reference", each.problem)
    return each.user


async def addressees_of(read: Read, record: StoredRecord, wanted: Addressed) -> list[Addressee]:
    """Everybody who is named, once and in that order, as things stand now.

    Raises:
        StepSkipped: ``no_owner`` or ``no_user``, there is nobody to tell.
    """
    known = await users_among(read, wanted.users)
    named = [_addressee(id, known.get(id)) for id in wanted.users]
    for slug in wanted.teams:
        named += await _members(read, slug)
    found: dict[str, Addressee] = {}
    for each in (*named, *await _owners(read, record, wanted)):
        found.setdefault(each.name, each)
    if not found and wanted.teams:
        raise StepSkipped("no_user", "nobody of the team is active")
    if not found:
        raise StepSkipped("no_owner", "the record has no owner, or its owner no manager")
    return [*found.values()]


async def _owners(read: Read, record: StoredRecord, wanted: Addressed) -> Iterable[Addressee]:
    owner_id = record.properties.get("owner")
    if not isinstance(owner_id, str) or not owner_id or not (wanted.owner or wanted.owner_manager):
        return []
    owner = (await users_among(read, [owner_id])).get(owner_id)
    found = [_addressee(owner_id, owner, by_owner=owner_id)] if wanted.owner else []
    manager_id = owner.manager_id if owner is not None and wanted.owner_manager else None
    if manager_id is not None:
        manager = (await users_among(read, [manager_id])).get(manager_id)
        found.append(_addressee(manager_id, manager, by_owner=owner_id))
    return found


async def _members(read: Read, slug: str) -> Iterable[Addressee]:
    team = await find_team(read, slug)
    if team is None:
        return [Addressee(name=f"team-{slug}", problem=f"there is no team {slug}")]
    known = await users_among(read, [member.user for member in team.members])
    there = [known[member.user] for member in team.members if member.user in known]
    return [Addressee(name=user.id, user=user) for user in there if user.active]


def _addressee(id: str, user: User | None, *, by_owner: str | None = None) -> Addressee:
    if user is None or not user.active:
        return Addressee(name=id, problem=f"there is no active user {id}", by_owner=by_owner)
    return Addressee(name=id, user=user, by_owner=by_owner)
