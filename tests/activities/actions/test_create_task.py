"""create_task: one open task per visit, for the right person, due at the right minute."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.actions.create_task import ACTION, CreateTaskConfig
from domain.base import Json
from domain.builtin import BUILTIN
from domain.catalogue import ConfigScope
from domain.schema import Schema
from services.installation import Installation
from store import tables
from tests.activities.calls import act
from tests.builders import make_record, make_user, stand_at_action


@pytest.mark.parametrize(
    "config",
    [
        {"title": "Call"},
        {
            "title": "Call {{ contact.first_name }}", "body": "Soon", "due_in": {"days": 1}, "assignee": "owner",
            "priority": "high", "associate": ["record"],
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
    assert task["record_ids"] == [contact.id, deal.id]
    assert task["due_at"] == standing.now + timedelta(days=1)
    assert (await standing.visit())["result"] == {"task": task["id"]}


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
