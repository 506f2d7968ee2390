"""Teams and users: adding them and changing them. Whoever leaves stays known, as histories name them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from domain.base import Json
from domain.definition import SLUG
from domain.errors import Conflict, Invalid, NotFound
from domain.people import Away, away_problems
from domain.ports import Addresses
from domain.problems import FieldError
from domain.teams import Member, Team
from domain.zones import is_zone
from store import teams as rows
from store.database import Read, Tx
from store.ids import new_id
from store.locks import lock_schema
from store.people import User, get_user, insert_user, replace_user, users_among


async def add_user(tx: Tx, addresses: Addresses, new: User) -> User:
    """Add a user; ``id`` of ``new`` is not looked at.

    Raises:
        Invalid: something about them; every mistake is listed.
        Conflict: the address belongs to a user already.
    """
    await _examine(tx, addresses, new)
    made = await insert_user(
        tx, name=new.name, email=new.email, manager_id=new.manager_id, active=new.active, now=new.created_at
    )
    if made is None:
        raise _taken()
    changed = new.model_copy(update={"id": made.id, "email": made.email})
    if changed != made:
        await replace_user(tx, changed)
    return changed


async def change_user(tx: Tx, addresses: Addresses, id: str, values: dict[str, Json | tuple[Away, ...]]) -> User:
    """Change what is named of a user. One who is not active any more is named by no new version and given nothing.

    Raises:
        NotFound: there is no such user.
        Invalid, Conflict: as for ``add_user``.
    """
    # Whoever publishes looks at who is active.
    await lock_schema(tx)
    known = await get_user(tx, id)
    if known is None:
        raise NotFound(f"there is no user {id}")
    changed = known.model_copy(update=values)
    await _examine(tx, addresses, changed)
    if not await replace_user(tx, changed):
        raise _taken()
    return changed.model_copy(update={"email": changed.email.lower()})


async def team_or_404(read: Read, slug: str) -> Team:
    """The team of this slug.

    Raises:
        NotFound: there is none.
    """
    found = await rows.find_team(read, slug)
    if found is None:
        raise NotFound(f"there is no team {slug}")
    return found


async def add_team(tx: Tx, slug: str, members: Sequence[Member], *, name: str | None = None, now: datetime) -> Team:
    """Add a team.

    Raises:
        Invalid: the slug or a member is wrong; every mistake is listed.
        Conflict: the slug is taken.
    """
    await lock_schema(tx)
    mistakes = []
    if not re.fullmatch(SLUG, slug):
        words = "a team needs a slug: 1 to 63 lower case letters, digits and hyphens"
        mistakes.append(FieldError(path="/slug", code="wrong_value", message=words))
    _refuse("the team cannot be added like this", [*mistakes, *await _wrong_members(tx, members)])
    made = Team(id=new_id(now), slug=slug, name=name or slug, members=tuple(members), created_at=now, updated_at=now)
    if not await rows.insert_team(tx, made):
        raise Conflict(f"there is a team {slug} already", code="slug_taken")
    return made


async def change_team(
    tx: Tx,
    slug: str,
    *,
    name: str | None = None,
    members: Sequence[Member] | None = None,
    archived: bool | None = None,
    now: datetime,
) -> Team:
    """Give a team another name or other members, or archive it; None keeps what it is.

    Raises:
        NotFound: there is no such team.
        Invalid: a member is wrong; every mistake is listed.
    """
    await lock_schema(tx)
    known = await team_or_404(tx, slug)
    if members is not None:
        _refuse("the team cannot be like this", await _wrong_members(tx, members, known.members))
    changed = known.model_copy(
        update={
            "name": name or known.name,
            "members": known.members if members is None else tuple(members),
            "archived": known.archived if archived is None else archived,
            "updated_at": now,
        }
    )
    await rows.replace_team(tx, changed)
    return changed


async def _wrong_members(read: Read, members: Sequence[Member], before: Sequence[Member] = ()) -> list[FieldError]:
    """What is wrong with a list of members; whoever left since they became one may stay in it."""
    known = await users_among(read, {member.user for member in members})
    stay = {member.user for member in before}
    mistakes, seen = [], set[str]()
    for n, member in enumerate(members):
        path, found = f"/members/{n}/user", known.get(member.user)
        if found is None or not (found.active or found.id in stay):
            words = f"there is no active user {member.user}"
            mistakes.append(FieldError(path=path, code="unknown_user", message=words))
        elif member.user in seen:
            mistakes.append(FieldError(path=path, code="duplicate_id", message="the user is listed twice"))
        seen.add(member.user)
    return mistakes


async def _examine(read: Read, addresses: Addresses, user: User) -> None:
    mistakes = []
    if (problem := addresses.problem(user.email)) is not None:
        mistakes.append(FieldError(path="/email", code="wrong_value", message=problem))
    if user.manager_id is not None and user.manager_id == user.id:
        mistakes.append(FieldError(path="/manager_id", code="wrong_value", message="nobody is their own manager"))
    elif user.manager_id is not None and await get_user(read, user.manager_id) is None:
        words = f"there is no user {user.manager_id}"
        mistakes.append(FieldError(path="/manager_id", code="unknown_user", message=words))
    if user.role == "admin" and not user.sees_personal_data:
        words = "an admin sees personal data: who makes keys can make one that does"
        mistakes.append(FieldError(path="/sees_personal_data", code="wrong_value", message=words))
    if user.timezone is not None and not is_zone(user.timezone):
        words = f"{user.timezone} is no IANA time zone"
        mistakes.append(FieldError(path="/timezone", code="wrong_zone", message=words))
    mistakes += [
        FieldError(path=f"/away/{n}", code="wrong_value", message=words) for n, words in away_problems(user.away)
    ]
    _refuse("the user cannot be like this", mistakes)


def _refuse(words: str, mistakes: list[FieldError]) -> None:
    if mistakes:
        raise Invalid(mistakes[0].message if len(mistakes) == 1 else words, errors=mistakes)


def _taken() -> Conflict:
    return Conflict("a user with this address exists already", code="not_unique")
