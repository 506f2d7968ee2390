"""rotate_owner: everybody gets their share, also when all come at once; who has somebody keeps them."""

from __future__ import annotations

import asyncio
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from activities.actions.rotate_owner import ACTION
from domain.base import Json
from domain.people import Away
from domain.teams import Member
from services.installation import Installation
from services.records.teams import add_team, change_team, change_user
from store.people import User
from tests.activities.calls import act
from tests.activities.properties import mistakes, properties_of
from tests.builders import Standing, make_record, make_user, stand_at_action


async def _team(inst: Installation, *names: str) -> list[User]:
    return [await make_user(inst, name) for name in names]


def _among(users: list[User], *weights: int, **config: Json) -> dict[str, Json]:
    shares: list[Json] = [
        {"user": user.id, "weight": weight} for user, weight in zip(users, weights or [1] * len(users), strict=True)
    ]
    return {"users": shares, **config}


async def _same_step(inst: Installation, config: dict[str, Json], count: int) -> list[Standing]:
    """Many enrollments of contacts at one step of one workflow."""
    first = await stand_at_action(inst, await make_record(inst, "contact", {"city": "Oslo"}), "rotate_owner", config)
    others = [await first.beside(await make_record(inst, "contact", {"city": "Oslo"})) for _ in range(count - 1)]
    return [first, *others]


def test_a_mistake_is_found_when_it_is_saved() -> None:
    users: list[Json] = [{"user": "a"}, {"user": "b"}, {"user": "a"}]

    assert mistakes(ACTION, {"users": users[:2]}) == []
    assert mistakes(ACTION, {"users": users}) == [("/users/2/user", "wrong_value")]
    assert mistakes(ACTION, {"users": users[:1], "property": "city"}) == [("/property", "wrong_type")]


@pytest.mark.parametrize(("weights", "shares"), [((1, 1, 1, 1, 1), [20] * 5), ((1, 2, 1, 4, 2), [10, 20, 10, 40, 20])])
@pytest.mark.parametrize("count", [100, pytest.param(1_000, marks=pytest.mark.long)])
async def test_many_at_once_are_shared_out_to_the_one(
    installation: Installation, weights: tuple[int, ...], shares: list[int], count: int
) -> None:
    users = await _team(installation, "Ann", "Bo", "Cy", "Di", "Ed")
    standing = await _same_step(installation, _among(users, *weights), count)

    answers = await asyncio.gather(*(act(each, "rotate_owner") for each in standing))

    assert {answer.outcome for answer in answers} == {"done"}
    owners = Counter([(await properties_of(installation, each.enrollment.record_id))["owner"] for each in standing])
    assert [owners[user.id] for user in users] == [share * count // 100 for share in shares]


async def test_the_same_call_twice_takes_one_turn_and_says_why(installation: Installation) -> None:
    users = await _team(installation, "Ann", "Bo")
    one, two = await _same_step(installation, _among(users), 2)

    assert await act(one, "rotate_owner") == await act(one, "rotate_owner")
    await act(two, "rotate_owner")

    results = [(await each.visit())["result"] for each in (one, two)]
    assert [each["after"] for each in results] == [user.id for user in users]
    assert results[1]["why"] == "1 in 2 turns, shared by 2"


@pytest.mark.parametrize(("overwrite", "kept"), [(False, True), (True, False)])
async def test_who_has_an_owner_keeps_them_unless_it_is_overwritten(
    installation: Installation, overwrite: bool, kept: bool
) -> None:
    users = await _team(installation, "Ann", "Bo")
    contact = await make_record(installation, "contact", {"owner": users[1].id})
    standing = await stand_at_action(installation, contact, "rotate_owner", _among(users, overwrite=overwrite))

    await act(standing, "rotate_owner")

    assert (await properties_of(installation, contact.id))["owner"] == users[1 if kept else 0].id
    assert ((await standing.visit())["result"]["why"] is None) == kept


async def test_who_left_is_passed_over_and_without_anybody_the_step_fails(installation: Installation) -> None:
    gone = await make_user(installation, "Gone", active=False)
    here = await make_user(installation, "Here")
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    standing = await stand_at_action(installation, contact, "rotate_owner", _among([gone, here]))
    other = await make_record(installation, "contact", {"city": "Oslo"})
    empty = await stand_at_action(installation, other, "rotate_owner", _among([gone]), slug="empty")

    await act(standing, "rotate_owner")
    answer = await act(empty, "rotate_owner")

    assert (await properties_of(installation, contact.id))["owner"] == here.id
    assert (answer.outcome, answer.reason) == ("failed", "broken_reference")


async def test_who_keeps_an_owner_needs_nobody_to_be_there(installation: Installation) -> None:
    gone, owner = await make_user(installation, "Gone", active=False), await make_user(installation, "Owner")
    contact = await make_record(installation, "contact", {"owner": owner.id})
    standing = await stand_at_action(installation, contact, "rotate_owner", _among([gone]))
    no_team = await stand_at_action(installation, contact, "rotate_owner", {"team": "nowhere"}, slug="no-team")

    for each in (standing, no_team):
        assert (await act(each, "rotate_owner")).outcome == "done"
        assert (await each.visit())["result"]["why"] is None
    assert (await properties_of(installation, contact.id))["owner"] == owner.id


async def _away(inst: Installation, user: User, *spans: tuple[str, str]) -> None:
    away = tuple(Away.model_validate({"from": begin, "to": end}) for begin, end in spans)
    async with inst.db.transaction() as tx:
        await change_user(tx, inst.addresses, user.id, {"away": away})


async def _make_team(inst: Installation, users: list[User], *weights: int) -> dict[str, Json]:
    shares = zip(users, weights or [1] * len(users), strict=True)
    members = [Member(user=user.id, weight=weight) for user, weight in shares]
    async with inst.db.transaction() as tx:
        await add_team(tx, "sales", members, now=inst.clock.now())
    return {"team": "sales"}


async def _owners(inst: Installation, standing: list[Standing]) -> list[Json]:
    return [(await properties_of(inst, each.enrollment.record_id)).get("owner") for each in standing]


def test_either_users_or_a_team_is_named() -> None:
    assert mistakes(ACTION, {"team": "sales"}) == []
    assert mistakes(ACTION, {}) == [("/users", "missing_field")]
    assert mistakes(ACTION, {"team": "sales", "users": [{"user": "a"}]}) == [("/team", "wrong_value")]


async def test_a_team_is_whoever_its_members_are_by_then(installation: Installation) -> None:
    ann, bo, cy = await _team(installation, "Ann", "Bo", "Cy")
    standing = await _same_step(installation, await _make_team(installation, [ann, bo], 1, 2), 9)

    for each in standing[:6]:
        await act(each, "rotate_owner")
    members = [Member(user=cy.id), Member(user=ann.id)]
    async with installation.db.transaction() as tx:
        await change_team(tx, "sales", members=members, now=installation.clock.now())
    for each in standing[6:]:
        await act(each, "rotate_owner")

    owners = await _owners(installation, standing)
    assert Counter(owners[:6]) == {ann.id: 2, bo.id: 4}
    assert owners[6:] == [cy.id, ann.id, cy.id], "fair from then on: who is new makes up for nothing"


async def test_who_is_away_is_passed_over_and_gets_no_more_than_their_share_afterwards(
    installation: Installation,
) -> None:
    ann, bo = await _team(installation, "Ann", "Bo")
    standing = await _same_step(installation, _among([ann, bo]), 8)

    await _away(installation, ann, ("2000-01-01", "9999-12-29"))
    for each in standing[:4]:
        await act(each, "rotate_owner")
    await _away(installation, ann)
    for each in standing[4:]:
        await act(each, "rotate_owner")

    owners = await _owners(installation, standing)
    assert owners[:4] == [bo.id] * 4
    assert Counter(owners[4:]) == {ann.id: 2, bo.id: 2}
    assert (await standing[0].visit())["result"]["why"] == "1 in 1 turns, shared by 1; 1 away"


async def test_who_is_away_is_so_by_the_days_of_their_own_zone(installation: Installation) -> None:
    west, east = await _team(installation, "West", "East")
    # At whatever instant, the two zones never have the same day.
    async with installation.db.transaction() as tx:
        for user, zone in ((west, "Etc/GMT+12"), (east, "Etc/GMT-14")):
            await change_user(tx, installation.addresses, user.id, {"timezone": zone})
    (standing,) = await _same_step(installation, _among([west, east]), 1)
    day = str(standing.now.astimezone(ZoneInfo("Etc/GMT+12")).date())
    await _away(installation, west, (day, day))
    await _away(installation, east, (day, day))

    await act(standing, "rotate_owner")

    assert await _owners(installation, [standing]) == [east.id]


@pytest.mark.parametrize("when_nobody", ["skip", "any"])
async def test_with_everybody_away_the_step_is_skipped_unless_any_will_do(
    installation: Installation, when_nobody: str
) -> None:
    (ann,) = await _team(installation, "Ann")
    async with installation.db.transaction() as tx:
        await change_user(tx, installation.addresses, ann.id, {"available": False})
    (standing,) = await _same_step(installation, _among([ann], when_nobody=when_nobody), 1)

    answer = await act(standing, "rotate_owner")

    wanted = ("skipped", "no_owner") if when_nobody == "skip" else ("done", None)
    assert (answer.outcome, answer.reason) == wanted
    assert await _owners(installation, [standing]) == [None if when_nobody == "skip" else ann.id]


async def test_a_team_that_is_gone_or_empty_fails_the_step(installation: Installation) -> None:
    (standing,) = await _same_step(installation, {"team": "nowhere"}, 1)
    await _make_team(installation, [])
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    empty = await stand_at_action(installation, contact, "rotate_owner", {"team": "sales"}, slug="empty")

    for each in (standing, empty):
        answer = await act(each, "rotate_owner")
        assert (answer.outcome, answer.reason) == ("failed", "broken_reference")
