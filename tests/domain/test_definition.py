"""The models of the format: what was examined is read back, and ids that were left out are given once."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.definition import BranchStep, Definition, load_definition
from domain.documents import to_document
from domain.identities import give_ids
from domain.steps import UntilAnchor, UntilClock, until_kind, walk, ways
from tests.domain.builders import EXAMPLE, delay, example, look, with_steps


def examined(raw: object) -> Definition:
    found = look(raw)
    assert found.definition is not None, found.problems
    return found.definition


def test_the_example_has_no_problem_and_its_branch_gets_an_id() -> None:
    assert look(EXAMPLE).problems == ()
    big = examined(EXAMPLE).steps_by_id()["big"]
    assert isinstance(big, BranchStep)
    assert [branch.id for branch in big.branches] == ["b1"]


def test_given_ids_are_kept_and_never_collide() -> None:
    raw = with_steps(
        {
            "id": "s",
            "kind": "split",
            "arms": [{"id": "a2", "weight": 1}, {"weight": 1}, {"weight": 1, "steps": [delay()]}],
        },
        entry={"triggers": [{"on": "created"}, {"id": "t1", "on": "created"}]},
        exit={"goals": [{"name": "Won", "where": {"property": "score", "op": "known"}}]},
    )
    given = give_ids(raw)
    assert isinstance(given, dict)
    found = examined(given)
    assert [way.edge for way in ways(found.steps[0])] == ["a2", "a1", "a3"]
    assert [t.id for t in found.entry.triggers] == ["t2", "t1"]
    assert [g.id for g in found.exit.goals] == ["g1"]
    assert give_ids(given) == given


@pytest.mark.parametrize("raw", [None, 5, [], {}, {"steps": 5}, {"steps": [None, {"branches": 1}]}, {"entry": []}])
def test_giving_ids_leaves_what_is_no_definition_as_it_is(raw: object) -> None:
    assert give_ids(raw) == raw  # type: ignore[arg-type]


def test_every_step_is_found_however_deep() -> None:
    definition = examined(EXAMPLE)
    assert list(definition.steps_by_id()) == ["hello", "gap", "big", "call", "sms", "mark"]
    assert {step.id: path for step, path in walk(definition.steps, "/steps")}["call"] == ("/steps/2/branches/0/steps/0")


def test_the_kind_of_until_is_chosen_by_its_key() -> None:
    assert until_kind({"anchor": {}, "time": "09:00"}) == until_kind(UntilAnchor.model_validate({"anchor": {}}))
    assert until_kind(UntilClock(time="09:00")) == "clock"


def test_bound_objects_are_those_of_triggers_and_only_in_contact_workflows() -> None:
    assert examined(EXAMPLE).bound_objects() == ("opportunity",)
    assert examined(with_steps(object="opportunity")).bound_objects() == ()


def test_a_definition_that_was_never_examined_is_not_loaded_silently() -> None:
    with pytest.raises(ValidationError):
        load_definition(example(steps=[{"id": "x", "kind": "dance"}]))
    assert load_definition(to_document(examined(EXAMPLE))) == examined(EXAMPLE)


def test_the_schema_of_the_format_names_every_step() -> None:
    schema = Definition.model_json_schema()
    assert {"ActionStep", "DelayStep", "WaitStep", "GotoStep", "EndStep"} <= set(schema["$defs"])
