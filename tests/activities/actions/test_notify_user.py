"""notify_user: one notification per person and visit, or a reason why there is none."""

from __future__ import annotations

import pytest

from activities.actions.notify_user import ACTION, NotifyUserConfig
from domain.base import Json
from domain.builtin import BUILTIN
from domain.catalogue import ConfigScope
from domain.schema import ObjectType, Schema
from domain.teams import Member
from services.installation import Installation
from services.records.teams import add_team, change_user
from store import tables
from tests.activities.calls import act
from tests.activities.properties import mistakes
from tests.builders import make_record, make_user, stand_at_action


@pytest.mark.parametrize(
    "config",
    [
        {"title": "Look", "owner": True},
        {"title": "Look", "body": "Now", "users": ["u1"], "owner": False, "owner_manager": True},
        {"title": "Look", "teams": ["sales"]},
    ],
)
def test_every_published_shape_still_parses(config: dict[str, Json]) -> None:
    assert NotifyUserConfig.model_validate(config)


def test_a_notification_to_nobody_is_a_mistake() -> None:
    scope = ConfigScope(schema_=Schema(objects=BUILTIN), object="contact")

    findings = ACTION.check(NotifyUserConfig.model_validate({"title": "Look"}), scope)

    assert [(f.path, f.code) for f in findings] == [("/users", "missing_field")]


def test_the_owner_of_what_nobody_owns_is_a_mistake() -> None:
    bike = ObjectType(name="bike", label="Bike", builtin=False, properties={})
    scope = ConfigScope(schema_=Schema(objects={**BUILTIN, "bike": bike}), object="bike")
    config: dict[str, Json] = {"title": "Look", "owner": True, "owner_manager": True}

    assert mistakes(ACTION, config, scope) == [("/owner", "unknown_property"), ("/owner_manager", "unknown_property")]
    assert mistakes(ACTION, {"title": "Look", "teams": ["sales"]}, scope) == []


async def test_everybody_named_is_told_once(installation: Installation) -> None:
    boss = await make_user(installation, "Berit")
    owner = await make_user(installation, "Olav", manager=boss)
    contact = await make_record(installation, "contact", {"first_name": "Ana", "owner": owner.id})
    config: dict[str, Json] = {
        "title": "{{ contact.first_name }} of {{ owner.name }}", "users": [owner.id], "owner": True,
        "owner_manager": True,
    }  # fmt: skip
    standing = await stand_at_action(installation, contact, "notify_user", config)

    answer = await act(standing, "notify_user")
    assert await act(standing, "notify_user") == answer

    rows = await standing.rows(tables.notifications)
    assert answer.outcome == "done"
    assert [row["user_id"] for row in rows] == [owner.id, boss.id]
    assert {row["title"] for row in rows} == {"Ana of Olav"}
    outcomes = {owner.id: "sent", boss.id: "sent"}
    counts = {"sent": 2, "skipped": 0, "failed": 0}
    told = {"notifications": [row["id"] for row in rows], "outcomes": outcomes}
    assert (await standing.visit())["result"] == {**told, **counts}


@pytest.mark.parametrize("wanted", ["owner", "owner_manager"])
async def test_without_an_owner_the_step_is_skipped(installation: Installation, wanted: str) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    standing = await stand_at_action(installation, contact, "notify_user", {"title": "Look", wanted: True})

    answer = await act(standing, "notify_user")

    assert (answer.outcome, answer.reason) == ("skipped", "no_owner")


async def test_an_owner_without_a_manager_skips_what_is_for_the_manager(installation: Installation) -> None:
    owner = await make_user(installation, "Olav")
    contact = await make_record(installation, "contact", {"owner": owner.id})
    standing = await stand_at_action(installation, contact, "notify_user", {"title": "Look", "owner_manager": True})

    answer = await act(standing, "notify_user")

    assert (answer.outcome, answer.reason) == ("skipped", "no_owner")


async def test_the_active_members_of_a_team_are_told_and_each_once(installation: Installation) -> None:
    ann, bo = [await make_user(installation, name) for name in ("Ann", "Bo")]
    gone = await make_user(installation, "Gone", active=False)
    async with installation.db.transaction() as tx:
        members = [Member(user=user.id) for user in (bo, ann)]
        await add_team(tx, "sales", members, now=installation.clock.now())
        await change_user(tx, installation.addresses, bo.id, {"available": False})
        await change_user(tx, installation.addresses, gone.id, {"active": True})
        await add_team(tx, "all", [*members, Member(user=gone.id)], now=installation.clock.now())
        await change_user(tx, installation.addresses, gone.id, {"active": False})
    contact = await make_record(installation, "contact", {"first_name": "Ana", "owner": ann.id})
    config: dict[str, Json] = {"title": "Look", "teams": ["all", "sales"], "owner": True}
    standing = await stand_at_action(installation, contact, "notify_user", config)

    assert (await act(standing, "notify_user")).outcome == "done"

    # Who is away still finds it in the inbox.
    assert [row["user_id"] for row in await standing.rows(tables.notifications)] == [bo.id, ann.id]
    assert (await standing.visit())["result"]["failed"] == 0


async def test_a_team_of_nobody_is_skipped(installation: Installation) -> None:
    async with installation.db.transaction() as tx:
        await add_team(tx, "sales", [], now=installation.clock.now())
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    standing = await stand_at_action(installation, contact, "notify_user", {"title": "Look", "teams": ["sales"]})

    answer = await act(standing, "notify_user")

    assert (answer.outcome, answer.reason) == ("skipped", "no_user")


async def test_who_is_not_there_any_more_keeps_nobody_else_from_being_told(installation: Installation) -> None:
    known = await make_user(installation, "Olav")
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    config: dict[str, Json] = {"title": "Look", "users": [known.id, "nobody"], "teams": ["sales"]}
    standing = await stand_at_action(installation, contact, "notify_user", config)

    assert (await act(standing, "notify_user")).outcome == "done"

    result = (await standing.visit())["result"]
    assert [row["user_id"] for row in await standing.rows(tables.notifications)] == [known.id]
    assert (result["sent"], result["failed"]) == (1, 2)
    lost = {"nobody": "broken_reference", "team-sales": "broken_reference"}
    assert result["outcomes"] == {known.id: "sent", **lost}


async def test_where_nobody_who_is_named_is_there_the_step_fails(installation: Installation) -> None:
    gone = await make_user(installation, "Gone", active=False)
    contact = await make_record(installation, "contact", {"first_name": "Ana", "owner": gone.id})
    config: dict[str, Json] = {"title": "Look", "users": ["nobody"], "owner": True}
    standing = await stand_at_action(installation, contact, "notify_user", config)

    answer = await act(standing, "notify_user")

    assert (answer.outcome, answer.reason) == ("failed", "broken_reference")
    assert await standing.rows(tables.notifications) == []
