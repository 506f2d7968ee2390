"""enroll_in_workflow: the other workflow's rules decide, once per visit, with parameters it declared."""

from __future__ import annotations

from typing import Any

import pytest

from activities.actions.enroll_in_workflow import ACTION, EnrollInWorkflowConfig
from domain.base import Json
from domain.builtin import BUILTIN
from domain.catalogue import ConfigScope, KnownWorkflow
from domain.definition import Parameter
from domain.schema import Schema
from services.installation import Installation
from store import tables
from tests.activities.calls import act
from tests.activities.workflows import put_workflow
from tests.builders import Standing, make_record, stand_at_action

WORKFLOWS = {
    "welcome": KnownWorkflow(
        object="contact",
        parameters=(
            Parameter(name="offer", required=True),
            Parameter(name="limit", type="number"),
            Parameter(name="vip", type="bool"),
        ),
    ),
    "renewals": KnownWorkflow(object="opportunity"),
}
SCOPE = ConfigScope(
    schema_=Schema(objects=BUILTIN),
    object="contact",
    slug="mine",
    parameters=(Parameter(name="limit", type="number"),),
    workflows=WORKFLOWS,
)


def offering(**given: Any) -> dict[str, Any]:
    return {"workflow": "welcome", "parameters": {"offer": "red", **given}}


async def enrolled(standing: Standing, slug_id: str) -> list[Any]:
    return [row for row in await standing.rows(tables.enrollments) if row["workflow_id"] == slug_id]


@pytest.mark.parametrize(
    "config",
    [
        offering(),
        offering(limit=2.5, vip=True, offer="{{ contact.first_name }}"),
        offering(limit={"property": "score"}, offer={"property": "city"}, vip=None),
        offering(limit={"parameter": "limit"}),
        {"workflow": "renewals", "of": {"object": "opportunity"}, "bind": False, "parameters": {"any": 1}},
    ],
)
def test_every_published_shape_still_parses_and_has_no_problem(config: dict[str, Json]) -> None:
    assert list(ACTION.check(EnrollInWorkflowConfig.model_validate(config), SCOPE)) == []


@pytest.mark.parametrize(
    ("config", "path", "code", "words"),
    [
        ({"workflow": "welcom"}, "/workflow", "unknown_workflow", "did you mean 'welcome'?"),
        ({"workflow": "mine"}, "/workflow", "wrong_value", "use a goto"),
        ({"workflow": "renewals"}, "/workflow", "wrong_value", "about opportunity records, not contact"),
        ({"workflow": "renewals", "of": {"object": "deal"}}, "/of/object", "unknown_object", "'deal'"),
        ({"workflow": "renewals", "of": {"object": "opportunity", "match": "none"}}, "/of/match", "wrong_value", "no"),
        ({"workflow": "welcome"}, "/parameters/offer", "missing_field", "needs the parameter offer (a string)"),
        (offering(ofer="x"), "/parameters/ofer", "unknown_field", "did you mean 'offer'?"),
        (offering(offer=5), "/parameters/offer", "wrong_type", "is a string, not a int"),
        (offering(limit="{{ contact.score }}"), "/parameters/limit", "wrong_type", "is a number, not a string"),
        (offering(limit={"property": "city"}), "/parameters/limit", "wrong_type", "is a number, not a string"),
        (offering(vip={"parameter": "limit"}), "/parameters/vip", "wrong_type", "is a bool, not a number"),
        (offering(limit={"property": "scor"}), "/parameters/limit/property", "unknown_property", "no property 'scor'"),
        (offering(limit={"parameter": "max"}), "/parameters/limit/parameter", "unknown_field", "no parameter 'max'"),
    ],
)
def test_one_mistake_is_one_finding_with_its_place(config: dict[str, Json], path: str, code: str, words: str) -> None:
    (found,) = ACTION.check(EnrollInWorkflowConfig.model_validate(config), SCOPE)
    assert (found.path, found.code) == (path, code)
    assert words in found.message


async def test_the_record_enters_with_its_parameters_and_the_enrollment_as_cause(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana", "score": 7})
    parameters: list[Json] = [{"name": "hello"}, {"name": "limit", "type": "number"}, {"name": "x", "default": "d"}]
    other = await put_workflow(installation, "other", parameters=parameters)
    given: Json = {"hello": "Hi {{ contact.first_name }}", "limit": {"property": "score"}}
    config: dict[str, Json] = {"workflow": "other", "parameters": given}
    standing = await stand_at_action(installation, contact, "enroll_in_workflow", config)

    answer = await act(standing, "enroll_in_workflow")

    (entered,) = await enrolled(standing, other)
    assert (answer.kind, answer.outcome) == ("go", "done")
    assert entered["record_id"] == contact.id
    assert entered["parameters"] == {"hello": "Hi Ana", "limit": 7, "x": "d"}
    assert (entered["cause_kind"], entered["cause_id"]) == ("enrollment", standing.enrollment.id)
    assert entered["depth"] == 1
    result = {"decision": "enrolled", "enrollment": entered["id"], "records": 1, "enrolled": 1}
    assert (await standing.visit())["result"] == result


async def test_the_same_call_twice_enrolls_once_even_where_re_entry_is_allowed(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    other = await put_workflow(installation, "other", entry={"re_entry": {"allowed": True}})
    standing = await stand_at_action(installation, contact, "enroll_in_workflow", {"workflow": "other"})

    first, second = await act(standing, "enroll_in_workflow"), await act(standing, "enroll_in_workflow")

    assert first == second
    assert len(await enrolled(standing, other)) == 1
    assert [row["decision"] for row in await standing.rows(tables.entry_decisions)] == ["enrolled"]


async def test_a_no_of_the_other_workflow_is_the_output_and_no_failure(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    await put_workflow(installation, "other", entry={"suppress": {"property": "first_name", "op": "known"}})
    standing = await stand_at_action(installation, contact, "enroll_in_workflow", {"workflow": "other"})

    answer = await act(standing, "enroll_in_workflow")

    assert answer.outcome == "done"
    result = {"decision": "suppressed", "enrollment": None, "records": 1, "enrolled": 0}
    assert (await standing.visit())["result"] == result
    assert len(await standing.rows(tables.enrollments)) == 1


async def test_associated_records_enter_each_by_its_own_decision(installation: Installation) -> None:
    company = await make_record(installation, "company", {"name": "Berg"})
    people = [await make_record(installation, "contact", {"email": f"{n}@example.com"}, company) for n in "abc"]
    stranger = await make_record(installation, "contact", {"email": "d@example.com"})
    suppress: Json = {"property": "email", "op": "is", "value": "b@example.com"}
    other = await put_workflow(installation, "other", entry={"suppress": suppress})
    config: dict[str, Json] = {"workflow": "other", "of": {"object": "contact"}, "bind": False}
    standing = await stand_at_action(installation, company, "enroll_in_workflow", config)

    await act(standing, "enroll_in_workflow")

    inside = {row["record_id"]: row["bound_id"] for row in await enrolled(standing, other)}
    assert inside == {people[0].id: None, people[2].id: None}
    assert stranger.id not in inside
    result = (await standing.visit())["result"]
    assert (result["records"], result["enrolled"]) == (3, 2)


async def test_a_contact_enters_with_the_opportunity_it_came_through(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    deal = await make_record(installation, "opportunity", {"name": "Deal"}, contact)
    other = await put_workflow(installation, "other")
    config: dict[str, Json] = {"workflow": "other", "of": {"object": "contact"}}
    standing = await stand_at_action(installation, deal, "enroll_in_workflow", config)

    await act(standing, "enroll_in_workflow")

    (entered,) = await enrolled(standing, other)
    assert (entered["record_id"], entered["bound_id"]) == (contact.id, deal.id)


@pytest.mark.parametrize("bind", [True, False])
async def test_what_is_bound_goes_along_unless_the_step_says_no(installation: Installation, bind: bool) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    deal = await make_record(installation, "opportunity", {"name": "Deal"}, contact)
    other = await put_workflow(installation, "other")
    config: dict[str, Json] = {"workflow": "other", "bind": bind}
    standing = await stand_at_action(installation, contact, "enroll_in_workflow", config, bound=deal)

    await act(standing, "enroll_in_workflow")

    (entered,) = await enrolled(standing, other)
    assert entered["bound_id"] == (deal.id if bind else None)


async def test_nobody_to_enroll_skips_the_step(installation: Installation) -> None:
    company = await make_record(installation, "company", {"name": "Berg"})
    await put_workflow(installation, "other")
    config: dict[str, Json] = {"workflow": "other", "of": {"object": "contact"}}
    standing = await stand_at_action(installation, company, "enroll_in_workflow", config)

    answer = await act(standing, "enroll_in_workflow")

    assert (answer.outcome, answer.reason) == ("skipped", "no_record")


@pytest.mark.parametrize(
    ("config", "failure", "words"),
    [
        ({"workflow": "gone"}, "broken_reference", "no workflow 'gone'"),
        ({"workflow": "other"}, "wrong_value", "needs the parameter offer"),
        ({"workflow": "other", "parameters": {"offer": {"property": "city"}}}, "wrong_value", "needs the parameter"),
        ({"workflow": "other", "parameters": {"offer": "a", "b": 1}}, "wrong_value", "no parameter b"),
        ({"workflow": "other", "parameters": {"offer": "{{ contact.nonsense }}"}}, "bad_template", ""),
    ],
)
async def test_what_cannot_be_given_fails_the_step_and_enrolls_nobody(
    installation: Installation, config: dict[str, Json], failure: str, words: str
) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    other = await put_workflow(installation, "other", parameters=[{"name": "offer", "required": True}])
    standing = await stand_at_action(installation, contact, "enroll_in_workflow", config)

    answer = await act(standing, "enroll_in_workflow")

    assert (answer.outcome, answer.reason) == ("failed", failure)
    assert words in (await standing.visit())["detail"]
    assert await enrolled(standing, other) == []


async def test_a_chain_that_is_too_deep_is_stopped(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    other = await put_workflow(installation, "other")
    standing = await stand_at_action(installation, contact, "enroll_in_workflow", {"workflow": "other"}, depth=20)

    await act(standing, "enroll_in_workflow")

    assert await enrolled(standing, other) == []
    (decision,) = await standing.rows(tables.entry_decisions)
    assert decision["decision"] == "loop_stopped"
