"""Rows of teams and their members."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, bindparam, delete, insert, select, update

from domain.teams import Member, Team
from store.database import Read, Tx
from store.tables import team_members, teams

_FIND = select(teams).where(teams.c.slug == bindparam("slug"))
_MEMBERS = (
    select(team_members)
    .where(team_members.c.team_id.in_(bindparam("ids", expanding=True)))
    .order_by(team_members.c.team_id, team_members.c.place)
)
_KNOWN = select(teams.c.slug, teams.c.archived)


async def find_team(read: Read, slug: str) -> Team | None:
    """The team of this slug, archived or not."""
    row = await read.one(_FIND, slug=slug)
    return (await _with_members(read, [row]))[0] if row else None


async def page_teams(read: Read, *, after: str | None, limit: int) -> list[Team]:
    """Up to ``limit`` teams in order of creation, after the id ``after``."""
    page = select(teams) if after is None else select(teams).where(teams.c.id > after)
    return await _with_members(read, await read.all(page.order_by(teams.c.id).limit(limit)))


async def known_teams(read: Read) -> dict[str, bool]:
    """Every team by slug: whether it is archived."""
    return {row["slug"]: row["archived"] for row in await read.all(_KNOWN)}


async def insert_team(tx: Tx, made: Team) -> bool:
    """Write a new team; False when its slug is taken."""
    if not await tx.insert_ignore(teams, [made.model_dump(exclude={"members"})]):
        return False
    await _insert_members(tx, made)
    return True


async def replace_team(tx: Tx, changed: Team) -> None:
    """Write a team and its members over itself; the caller keeps others away."""
    values = changed.model_dump(include={"name", "archived", "updated_at"})
    await tx.run(update(teams).where(teams.c.id == changed.id).values(**values))
    await tx.run(delete(team_members).where(team_members.c.team_id == changed.id))
    await _insert_members(tx, changed)


async def _insert_members(tx: Tx, team: Team) -> None:
    rows = [
        {"team_id": team.id, "user_id": member.user, "weight": member.weight, "place": place}
        for place, member in enumerate(team.members)
    ]
    if rows:
        await tx.run(insert(team_members).values(rows))


async def _with_members(read: Read, found: Sequence[RowMapping]) -> list[Team]:
    members: dict[str, list[Member]] = {row["id"]: [] for row in found}
    if members:
        for row in await read.all(_MEMBERS, ids=list(members)):
            members[row["team_id"]].append(Member(user=row["user_id"], weight=row["weight"]))
    return [Team(**row, members=tuple(members[row["id"]])) for row in found]
