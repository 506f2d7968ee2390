"""rotate_owner: everybody gets their share, also when all come at once; who has somebody keeps them."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from activities.actions.rotate_owner import ACTION
from domain.base import Json
from domain.rotating import next_turn
from services.installation import Installation
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
    assert results[1]["why"] == "had 0 at weight 1, the least of 2 by weight"


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
    empty = await stand_at_action(installation, contact, "rotate_owner", _among([gone]), slug="empty")

    await act(standing, "rotate_owner")
    answer = await act(empty, "rotate_owner")

    assert (await properties_of(installation, contact.id))["owner"] == here.id
    assert (answer.outcome, answer.reason) == ("failed", "broken_reference")


def test_who_is_new_does_not_get_everything_until_they_caught_up() -> None:
    given, chosen = {"ann": 50, "bo": 50}, []
    for _ in range(6):
        turn = next_turn({"ann": 1, "bo": 1, "cy": 1}, given)
        given = turn.given
        chosen.append(turn.user)

    assert chosen == ["ann", "bo", "cy"] * 2
