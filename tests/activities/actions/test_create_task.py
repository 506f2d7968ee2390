"""create_task: one open task per visit, for the right person, due at the right minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from activities.actions.create_task import ACTION, CreateTaskConfig
from domain.base import Json, utc_text
from domain.builtin import BUILTIN
from domain.catalogue import ConfigScope
from domain.schema import Schema
from domain.teams import Member
from services.installation import Installation
from services.records.teams import add_team, change_user
from store import tables
from tests.activities.calls import act
from tests.activities.properties import mistakes
from tests.builders import Standing, make_record, make_user, stand_at_action


@pytest.mark.parametrize(
    "config",
    [
        {"title": "Call"},
        {
            "title": "Call {{ contact.first_name }}", "body": "Soon", "due_in": {"days": 1}, "assignee": "owner",
            "priority": "high", "associate": ["record"],
        },
        {"title": "Call", "type": "call", "due_in": {"days": 2, "business_days": True}, "assignee": {"team": "sales"}},
        {"title": "Call", "due_at": {"weekdays": ["fri"], "time": "17:00"}},
        {
            "title": "Call", "due_at": {"property": "birthday", "offset": {"days": -3}, "time": "09:00"},
            "if_missing": "skip", "associate": ["record", {"object": "company", "match": "latest"}],
        },
    ],
)  # fmt: skip
def test_every_published_shape_still_parses(config: dict[str, Json]) -> None:
    assert CreateTaskConfig.model_validate(config)


@pytest.mark.parametrize(
    ("due_in", "words"),
    [
        ({"days": -1}, "use no minus"),
        ({"days": 36_526}, "more than a hundred years"),
        ({"weeks": 10**12}, "more than a hundred years"),
        ({"days": 1, "seconds": 10**18}, "more than a hundred years"),
    ],
)
def test_a_task_due_before_the_step_or_after_everybody_is_a_mistake(due_in: Json, words: str) -> None:
    config = CreateTaskConfig.model_validate({"title": "Call", "due_in": due_in})
    scope = ConfigScope(schema_=Schema(objects=BUILTIN), object="contact")

    (found,) = ACTION.check(config, scope)
    assert (found.path, found.code) == ("/due_in", "wrong_value")
    assert words in found.message


async def about(standing: Standing) -> list[str]:
    """The records of the one task, in their order."""
    rows = await standing.rows(tables.task_records)
    return [row["record_id"] for row in sorted(rows, key=lambda row: int(row["place"]))]


@pytest.mark.parametrize(
    ("more", "path", "code"),
    [
        ({"due_in": {"days": 1, "weeks": 1, "business_days": True}}, "/due_in/weeks", "wrong_value"),
        ({"due_in": {"hours": 1, "business_days": True}}, "/due_in/days", "missing_field"),
        ({"due_in": {"days": 1}, "due_at": {"time": "09:00"}}, "/due_at", "wrong_value"),
        ({"due_at": {"time": "09:00", "weekdays": []}}, "/due_at/weekdays", "wrong_value"),
        ({"due_at": {"date": "2027-02-30", "time": "09:00"}}, "/due_at/date", "wrong_value"),
        ({"due_at": {"property": "birthday"}}, "/due_at/time", "missing_field"),
        ({"due_at": {"property": "birthdy", "time": "09:00"}}, "/due_at/property", "unknown_property"),
        ({"due_at": {"property": "city", "time": "09:00"}}, "/due_at/property", "wrong_type"),
        ({"due_at": {"property": "x", "of": {"object": "compny"}}}, "/due_at/of/object", "unknown_object"),
        (
            {"due_at": {"property": "close_date", "time": "09:00", "of": {"object": "opportunity", "match": "all"}}},
            "/due_at/of/match", "wrong_value",
        ),
        (
            {"due_at": {"property": "birthday", "time": "09:00", "offset": {"days": 99_999}}},
            "/due_at/offset", "wrong_value",
        ),
        ({"if_missing": "skip"}, "/if_missing", "wrong_value"),
        ({"associate": [{"object": "compny"}]}, "/associate/0/object", "unknown_object"),
        ({"associate": ["record", {"object": "company", "match": "none"}]}, "/associate/1/match", "wrong_value"),
    ],
)  # fmt: skip
def test_a_task_nobody_could_mean_is_a_mistake(more: dict[str, Json], path: str, code: str) -> None:
    assert mistakes(ACTION, {"title": "Call", **more}) == [(path, code)]


async def test_the_owner_gets_a_task_about_the_contact_and_the_bound_opportunity(installation: Installation) -> None:
    owner = await make_user(installation, "Olav")
    contact = await make_record(installation, "contact", {"first_name": "Ana", "owner": owner.id})
    deal = await make_record(installation, "opportunity", {"name": "Deal", "product": "GTX Pro"}, contact)
    config: dict[str, Json] = {
        "title": "Call {{ contact.first_name }} about {{ opportunity.product }}", "due_in": {"days": 1},
    }  # fmt: skip
    standing = await stand_at_action(installation, contact, "create_task", config, bound=deal)

    answer = await act(standing, "create_task")

    (task,) = await standing.rows(tables.tasks)
    assert answer.kind == "go"
    assert answer.outcome == "done"
    assert task["title"] == "Call Ana about GTX Pro"
    assert task["status"] == "open"
    assert task["assignee"] == owner.id
    assert await about(standing) == [contact.id, deal.id]
    assert task["type"] == "to_do"
    assert task["due_at"] == standing.now + timedelta(days=1)
    due_at = utc_text(task["due_at"])
    assert (await standing.visit())["result"] == {"task": task["id"], "assignee": owner.id, "due_at": due_at}


async def test_a_record_without_an_owner_gets_a_task_nobody_is_assigned_to(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    standing = await stand_at_action(installation, contact, "create_task", {"title": "Call"})

    assert (await act(standing, "create_task")).outcome == "done"

    (task,) = await standing.rows(tables.tasks)
    assert task["assignee"] is None
    assert task["due_at"] is None


async def test_the_same_call_twice_is_one_task(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    standing = await stand_at_action(installation, contact, "create_task", {"title": "Call"})

    first, second = await act(standing, "create_task"), await act(standing, "create_task")

    assert first == second
    assert len(await standing.rows(tables.tasks)) == 1


async def test_two_visits_are_two_tasks(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    standing = await stand_at_action(installation, contact, "create_task", {"title": "Call"})

    await act(standing, "create_task", n=1)
    await act(standing, "create_task", n=2)

    assert len(await standing.rows(tables.tasks)) == 2


async def test_an_assignee_who_left_fails_the_step(installation: Installation) -> None:
    gone = await make_user(installation, "Gone", active=False)
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    standing = await stand_at_action(installation, contact, "create_task", {"title": "Call", "assignee": gone.id})

    answer = await act(standing, "create_task")

    assert (answer.outcome, answer.reason) == ("failed", "broken_reference")
    assert await standing.rows(tables.tasks) == []


@pytest.mark.parametrize(
    "title",
    [
        "Call about {{ opportunity.product }}",
        "Call about {{ opportunity.product | default: 'us' }}",
        "Call{% if opportunity %} about it{% endif %}",
    ],
)
async def test_a_template_about_a_record_that_is_not_there_skips_the_step(
    installation: Installation, title: str
) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    config: dict[str, Json] = {"title": title}
    standing = await stand_at_action(installation, contact, "create_task", config)

    answer = await act(standing, "create_task")

    assert (answer.outcome, answer.reason) == ("skipped", "no_record")
    assert await standing.rows(tables.tasks) == []


async def test_a_template_that_cannot_be_rendered_fails_the_step(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    config: dict[str, Json] = {"title": "Call {{ contact.nonsense }}"}
    standing = await stand_at_action(installation, contact, "create_task", config)

    answer = await act(standing, "create_task")

    assert (answer.outcome, answer.reason) == ("failed", "bad_template")


@pytest.mark.parametrize(
    ("config", "due"),
    [
        # It is Monday, 10:00 in Oslo.
        ({"due_in": {"days": 5, "hours": 2, "business_days": True}}, datetime(2027, 3, 8, 11, tzinfo=UTC)),
        ({"due_at": {"date": "2027-03-20", "time": "17:00"}}, datetime(2027, 3, 20, 16, tzinfo=UTC)),
        ({"due_at": {"weekdays": ["fri"], "time": "17:00"}}, datetime(2027, 3, 5, 16, tzinfo=UTC)),
        ({"due_at": {"property": "birthday", "time": "09:00"}}, datetime(2027, 4, 10, 7, tzinfo=UTC)),
        (
            {"due_at": {"property": "birthday", "time": "09:00", "offset": {"days": -3}}},
            datetime(2027, 4, 7, 7, tzinfo=UTC),
        ),
        (
            {"due_at": {"property": "close_date", "time": "12:00", "of": {"object": "opportunity"}}},
            datetime(2027, 5, 1, 10, tzinfo=UTC),
        ),
        ({"due_at": {"property": "last_touched_at", "offset": {"hours": 4}}}, datetime(2027, 2, 1, 16, tzinfo=UTC)),
        ({"due_at": {"property": "close_date", "time": "12:00", "of": {"object": "ticket"}}}, None),
    ],
)  # fmt: skip
async def test_a_task_is_due_when_its_step_says(
    installation: Installation, config: dict[str, Json], due: datetime | None
) -> None:
    properties: dict[str, Json] = {"birthday": "2027-04-10", "last_touched_at": "2027-02-01T12:00:00Z"}
    contact = await make_record(installation, "contact", properties)
    await make_record(installation, "opportunity", {"name": "Deal", "close_date": "2027-05-01"}, contact)
    settings: Json = {"timezone": "Europe/Oslo"}
    wanted: dict[str, Json] = {"title": "Call", **config}
    standing = await stand_at_action(installation, contact, "create_task", wanted, settings=settings)

    assert (await act(standing, "create_task")).outcome == "done"

    (task,) = await standing.rows(tables.tasks)
    assert task["due_at"] == due


@pytest.mark.parametrize(("if_missing", "outcome"), [("no_due_date", "done"), ("skip", "skipped")])
async def test_without_a_date_there_is_no_due_date_or_no_task(
    installation: Installation, if_missing: str, outcome: str
) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    config: dict[str, Json] = {
        "title": "Call", "due_at": {"property": "birthday", "time": "09:00"}, "if_missing": if_missing,
    }  # fmt: skip
    standing = await stand_at_action(installation, contact, "create_task", config)

    answer = await act(standing, "create_task")

    assert (answer.outcome, answer.reason) == (outcome, "no_date" if outcome == "skipped" else None)
    assert [task["due_at"] for task in await standing.rows(tables.tasks)] == [None] * (outcome == "done")


async def test_a_task_is_about_the_associated_records_it_names(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    deals = [await make_record(installation, "opportunity", {"name": f"Deal {n}"}, contact) for n in range(2)]
    config: dict[str, Json] = {"title": "Call", "associate": [{"object": "opportunity", "match": "all"}, "record"]}
    standing = await stand_at_action(installation, contact, "create_task", config)

    await act(standing, "create_task")

    linked = await about(standing)
    assert (set(linked[:2]), linked[2:]) == ({deal.id for deal in deals}, [contact.id])


async def test_the_members_of_a_team_get_tasks_in_turn_without_who_is_away(installation: Installation) -> None:
    users = [await make_user(installation, name) for name in ("Ann", "Bo", "Cy")]
    async with installation.db.transaction() as tx:
        await add_team(tx, "sales", [Member(user=user.id) for user in users], now=installation.clock.now())
        await change_user(tx, installation.addresses, users[2].id, {"available": False})
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    config: dict[str, Json] = {"title": "Call", "assignee": {"team": "sales"}}
    standing = await stand_at_action(installation, contact, "create_task", config)

    for n in range(1, 5):
        await act(standing, "create_task", n=n)

    given = [task["assignee"] for task in await standing.rows(tables.tasks)]
    assert given == [users[0].id, users[1].id] * 2
    async with installation.db.transaction() as tx:
        for user in users:
            await change_user(tx, installation.addresses, user.id, {"available": False})
    await act(standing, "create_task", n=5)
    assert (await standing.rows(tables.tasks))[4]["assignee"] is not None


async def test_a_team_of_nobody_fails_the_step(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    config: dict[str, Json] = {"title": "Call", "assignee": {"team": "sales"}}
    standing = await stand_at_action(installation, contact, "create_task", config)

    first = await act(standing, "create_task")
    async with installation.db.transaction() as tx:
        await add_team(tx, "sales", [], now=installation.clock.now())
    second = await act(standing, "create_task", n=2)

    assert [(each.outcome, each.reason) for each in (first, second)] == [("failed", "broken_reference")] * 2
    assert await standing.rows(tables.tasks) == []
