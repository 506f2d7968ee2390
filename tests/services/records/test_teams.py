"""Users who are added and changed, and teams, at the same time."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import Conflict
from domain.teams import Member
from services.installation import Installation
from services.records.teams import add_team, add_user, change_team, change_user
from store.people import User, get_user
from store.teams import find_team
from tests.builders import make_user
from tests.fixtures.databases import until_it_waits


async def test_of_two_who_take_an_address_at_once_one_is_told_that_it_is_taken(installation: Installation) -> None:
    db, addresses, now = installation.db, installation.addresses, installation.clock.now()
    kim = await make_user(installation, "Kim")
    new = User(id="", name="Bo", email="shared@example.com", manager_id=None, active=True, created_at=now)

    async def change() -> None:
        async with db.transaction() as tx:
            await change_user(tx, addresses, kim.id, {"email": "shared@example.com"})

    async with db.transaction() as tx:
        made = await add_user(tx, addresses, new)
        changing = asyncio.ensure_future(change())
        await until_it_waits(db, changing)
    with pytest.raises(Conflict, match="a user with this address exists already"):
        await changing
    async with db.read() as read:
        assert await get_user(read, kim.id) == kim
        assert await get_user(read, made.id) == made


async def test_two_changes_of_a_team_at_once_are_both_kept(installation: Installation) -> None:
    db, now = installation.db, installation.clock.now()
    kim = await make_user(installation, "Kim")
    async with db.transaction() as tx:
        await add_team(tx, "sales", [], now=now)

    async def rename() -> None:
        async with db.transaction() as tx:
            await change_team(tx, "sales", name="Sales", now=now)

    async with db.transaction() as tx:
        await change_team(tx, "sales", members=[Member(user=kim.id)], now=now)
        renaming = asyncio.ensure_future(rename())
        await until_it_waits(db, renaming)
    await renaming
    async with db.read() as read:
        team = await find_team(read, "sales")
    assert team is not None
    assert (team.name, [member.user for member in team.members]) == ("Sales", [kim.id])
