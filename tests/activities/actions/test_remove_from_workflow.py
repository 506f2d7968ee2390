"""remove_from_workflow: what runs elsewhere ends at once, or this enrollment does, and nothing of it follows."""

from __future__ import annotations

import asyncio

import pytest

from activities.actions.remove_from_workflow import ACTION, RemoveFromWorkflowConfig
from domain.base import Json
from domain.builtin import BUILTIN
from domain.catalogue import ConfigScope, KnownWorkflow
from domain.records import Cause
from domain.schema import Schema
from services.entering.enrolling import EnrollRequest, enroll
from services.installation import Installation
from store import tables
from tests.activities.calls import act
from tests.activities.workflows import put_workflow
from tests.builders import Standing, make_record, stand_at_action
from tests.fixtures.databases import until_it_waits

SCOPE = ConfigScope(
    schema_=Schema(objects=BUILTIN),
    object="contact",
    slug="mine",
    workflows={"welcome": KnownWorkflow(object="contact"), "renewals": KnownWorkflow(object="opportunity")},
)


async def put_inside(inst: Installation, workflow_id: str, *record_ids: str) -> None:
    for record_id in record_ids:
        request = EnrollRequest(workflow_id=workflow_id, record_id=record_id, cause=Cause(kind="api"))
        async with inst.db.transaction() as tx:
            assert (await enroll(tx, request, now=inst.clock.now())).decision == "enrolled"


async def ends(standing: Standing, workflow_id: str) -> dict[str, tuple[str | None, str | None]]:
    rows = [row for row in await standing.rows(tables.enrollments) if row["workflow_id"] == workflow_id]
    return {row["record_id"]: (row["end_reason"], row["end_detail"]) for row in rows}


@pytest.mark.parametrize(
    "config",
    [{}, {"workflow": None}, {"workflow": "mine"}, {"workflow": "welcome"},
     {"workflow": "renewals", "of": {"object": "opportunity", "match": "all"}}],
)  # fmt: skip
def test_every_published_shape_still_parses_and_has_no_problem(config: dict[str, Json]) -> None:
    assert list(ACTION.check(RemoveFromWorkflowConfig.model_validate(config), SCOPE)) == []


@pytest.mark.parametrize(
    ("config", "path", "code"),
    [
        ({"workflow": "welcom"}, "/workflow", "unknown_workflow"),
        ({"workflow": "renewals"}, "/workflow", "wrong_value"),
        ({"workflow": "renewals", "of": {"object": "deal"}}, "/of/object", "unknown_object"),
        ({"workflow": "renewals", "of": {"object": "opportunity", "match": "none"}}, "/of/match", "wrong_value"),
        ({"of": {"object": "company"}}, "/of/object", "wrong_value"),
    ],
)
def test_one_mistake_is_one_finding_with_its_place(config: dict[str, Json], path: str, code: str) -> None:
    (found,) = ACTION.check(RemoveFromWorkflowConfig.model_validate(config), SCOPE)
    assert (found.path, found.code) == (path, code)


async def test_what_runs_in_the_other_workflow_ends_and_its_run_is_told(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    bystander = await make_record(installation, "contact", {"first_name": "Bo"})
    other = await put_workflow(installation, "other")
    await put_inside(installation, other, contact.id, bystander.id)
    standing = await stand_at_action(installation, contact, "remove_from_workflow", {"workflow": "other"})

    first, second = await act(standing, "remove_from_workflow"), await act(standing, "remove_from_workflow")

    assert first == second
    assert (first.kind, first.outcome) == ("go", "done")
    removed = ("removed_by_workflow", "test-workflow")
    assert await ends(standing, other) == {contact.id: removed, bystander.id: (None, None)}
    assert [row["kind"] for row in await standing.rows(tables.deliveries)].count("leave") == 1
    assert [row["result"] for row in await standing.rows(tables.visits) if row["step"] == "act"] == [{"removed": 1}]


async def test_who_is_not_inside_is_left_alone(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    await put_workflow(installation, "other")
    standing = await stand_at_action(installation, contact, "remove_from_workflow", {"workflow": "other"})

    assert (await act(standing, "remove_from_workflow")).outcome == "done"
    assert (await standing.visit())["result"] == {"removed": 0}


async def test_who_is_just_entering_there_leaves_too(installation: Installation) -> None:
    company = await make_record(installation, "company", {"name": "Berg"})
    person = await make_record(installation, "contact", {"email": "a@example.com"}, company)
    other = await put_workflow(installation, "other")
    config: dict[str, Json] = {"workflow": "other", "of": {"object": "contact"}}
    standing = await stand_at_action(installation, company, "remove_from_workflow", config)

    async with installation.db.transaction() as tx:
        request = EnrollRequest(workflow_id=other, record_id=person.id, cause=Cause(kind="api"))
        assert (await enroll(tx, request, now=installation.clock.now())).decision == "enrolled"
        removing = asyncio.ensure_future(act(standing, "remove_from_workflow"))
        await until_it_waits(installation.db, removing)

    assert (await removing).outcome == "done"
    assert await ends(standing, other) == {person.id: ("removed_by_workflow", "test-workflow")}


async def test_associated_records_leave(installation: Installation) -> None:
    company = await make_record(installation, "company", {"name": "Berg"})
    people = [await make_record(installation, "contact", {"email": f"{n}@example.com"}, company) for n in "ab"]
    stranger = await make_record(installation, "contact", {"email": "d@example.com"})
    other = await put_workflow(installation, "other")
    await put_inside(installation, other, *(each.id for each in people), stranger.id)
    config: dict[str, Json] = {"workflow": "other", "of": {"object": "contact"}}
    standing = await stand_at_action(installation, company, "remove_from_workflow", config)

    await act(standing, "remove_from_workflow")

    over = {record_id for record_id, (reason, _) in (await ends(standing, other)).items() if reason}
    assert over == {each.id for each in people}


@pytest.mark.parametrize("config", [{}, {"workflow": "test-workflow"}])
async def test_this_workflow_is_left_cleanly_and_the_step_is_done(
    installation: Installation, config: dict[str, Json]
) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    standing = await stand_at_action(installation, contact, "remove_from_workflow", config)

    first, second = await act(standing, "remove_from_workflow"), await act(standing, "remove_from_workflow")

    assert (first.kind, first.reason) == ("left", "removed_by_workflow")
    assert (second.kind, second.reason) == ("left", "removed_by_workflow")
    removed = {contact.id: ("removed_by_workflow", "test-workflow")}
    assert await ends(standing, standing.enrollment.workflow_id) == removed
    assert ((await standing.visit())["outcome"], (await standing.visit())["reason"]) == ("done", None)
    assert await standing.rows(tables.deliveries) == []


async def test_a_workflow_or_people_that_are_gone_are_told(installation: Installation) -> None:
    company = await make_record(installation, "company", {"name": "Berg"})
    await put_workflow(installation, "other")
    config: dict[str, Json] = {"workflow": "other", "of": {"object": "contact"}}
    standing = await stand_at_action(installation, company, "remove_from_workflow", config)
    answer = await act(standing, "remove_from_workflow")
    assert (answer.outcome, answer.reason) == ("skipped", "no_record")


async def test_a_workflow_that_was_deleted_fails_the_step(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    standing = await stand_at_action(installation, contact, "remove_from_workflow", {"workflow": "gone"})
    answer = await act(standing, "remove_from_workflow")
    assert (answer.outcome, answer.reason) == ("failed", "broken_reference")
