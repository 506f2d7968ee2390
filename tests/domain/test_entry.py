"""Who enters: the order of the decision and the keys (rules E1, E2, E6, E7, L3)."""

from __future__ import annotations

from typing import Any

import pytest

from domain.definition import Definition, load_definition
from domain.enrollments import Enrollment
from domain.entry import Attempt, before_reading, key_of, on_facts, on_re_entry, runs_alone, while_active
from domain.facts import Facts, RecordFacts
from domain.leaving import departure
from domain.schema import ObjectType, Option, PropertyDefinition, PropertyType, Schema
from tests.fixtures.clock import START

STAGES = tuple(Option(value=v, label=v) for v in ("lead", "customer", "gone"))
SCHEMA = Schema(
    objects={
        "contact": ObjectType(
            name="contact", label="Contact", builtin=True,
            properties={
                "stage": PropertyDefinition(name="stage", type=PropertyType.ENUM, label="Stage", options=STAGES)
            },
        )
    }
)  # fmt: skip


def definition(**parts: Any) -> Definition:
    return load_definition({"slug": "w", "name": "W", "object": "contact", "type": "standard", "steps": [], **parts})


def facts(**properties: Any) -> Facts:
    record = RecordFacts(id="c", object="contact", properties=properties)
    return Facts(schema_=SCHEMA, record=record, now=START, zone="UTC")


def stage_is(value: str) -> dict[str, Any]:
    return {"property": "stage", "op": "is", "value": value}


def inside(bound_id: str | None, key: str = "") -> Enrollment:
    values: dict[str, Any] = dict.fromkeys(Enrollment.model_fields)
    bound_object = None if bound_id is None else "appointment" if bound_id.startswith("a") else "opportunity"
    return Enrollment.model_construct(
        **{**values, "id": f"e-{bound_id}", "bound_id": bound_id, "bound_object": bound_object, "key": key}
    )


ATTEMPT = Attempt(trigger="t1", bound_id=None)


@pytest.mark.parametrize(
    ("is_on", "is_paused", "expected"), [(False, True, "workflow_off"), (True, True, "workflow_paused")]
)
def test_off_counts_before_paused(is_on: bool, is_paused: bool, expected: str) -> None:
    verdict = before_reading(ATTEMPT, is_on=is_on, is_paused=is_paused)
    assert verdict is not None
    assert verdict.decision == expected


def test_the_same_bound_record_again_is_an_update_to_who_is_inside() -> None:
    attempt = Attempt(trigger="t1", bound_id="o-1")
    verdict = while_active(attempt, [inside("o-2"), inside("o-1")], key="c", alone=False)
    assert verdict is not None
    assert (verdict.decision, verdict.detail) == ("absorbed_update", "e-o-1")


def test_another_opportunity_waits_only_where_one_runs_at_a_time() -> None:
    attempt = Attempt(trigger="t1", bound_id="o-2")
    verdict = while_active(attempt, [inside("o-1")], key="c", alone=False)
    assert verdict is not None
    assert verdict.decision == "already_active"
    assert while_active(attempt, [inside("o-1")], key="c:o-2", alone=True) is None


def test_one_at_a_time_concerns_who_enters_without_an_opportunity_too() -> None:
    off = definition(allow_multiple_opportunities=False)
    assert not runs_alone(off, None)
    verdict = while_active(ATTEMPT, [inside("o-1")], key="c", alone=False)
    assert verdict is not None
    assert verdict.decision == "already_active"
    assert while_active(ATTEMPT, [inside("a-1")], key="c", alone=False) is None


def test_nobody_runs_beside_who_has_the_same_key() -> None:
    verdict = while_active(ATTEMPT, [inside("o-1", key="c")], key="c", alone=True)
    assert verdict is not None
    assert (verdict.decision, verdict.detail) == ("already_active", "e-o-1")
    assert while_active(ATTEMPT, [inside("o-1", key="c:o-1")], key="c", alone=True) is None


def test_the_switch_concerns_opportunities_only() -> None:
    off = definition(allow_multiple_opportunities=False)
    assert not runs_alone(off, "opportunity")
    assert runs_alone(off, "appointment")
    assert key_of(off, "c", "o", "opportunity") == "c"
    assert key_of(definition(), "c", "o", "opportunity") == "c:o"


@pytest.mark.parametrize(
    ("rule", "trigger", "enters"),
    [
        ({"allowed": False}, None, False),
        ({"allowed": True, "triggers": []}, None, True),
        ({"allowed": True, "triggers": []}, "t1", False),
        ({"allowed": True, "triggers": ["t1"]}, "t1", True),
        ({"allowed": True, "triggers": ["t2"]}, "t1", False),
    ],
)
def test_re_entry_is_by_hand_or_by_a_listed_trigger(rule: dict[str, Any], trigger: str | None, enters: bool) -> None:
    verdict = on_re_entry(definition(entry={"triggers": [], "re_entry": rule}), Attempt(trigger=trigger, bound_id=None))
    assert (verdict is None) is enters


def test_who_meets_the_goal_already_does_not_enter_and_suppression_is_told_first() -> None:
    suppress = definition(
        entry={"triggers": [], "suppress": stage_is("customer")},
        exit={"goals": [{"id": "g", "name": "Customer", "where": stage_is("customer")}]},
    )
    assert on_facts(suppress, facts(stage="customer")).decision == "suppressed"
    goal = definition(exit={"goals": [{"id": "g", "name": "Customer", "where": stage_is("customer")}]})
    verdict = on_facts(goal, facts(stage="customer"))
    assert (verdict.decision, verdict.detail) == ("goal_already_met", "g")
    assert verdict.seen[0].value == "customer"
    assert on_facts(goal, facts(stage="lead")).decision == "enrolled"


def test_goal_and_exit_true_together_counts_as_the_first_goal() -> None:
    both = definition(
        entry={"triggers": [], "suppress": stage_is("customer")},
        exit={
            "goals": [
                {"id": "g1", "name": "One", "where": stage_is("customer")},
                {"id": "g2", "name": "Two", "where": stage_is("customer")},
            ],
            "when": stage_is("customer"),
        },
    )
    reason = departure(both, facts(stage="customer"))
    assert reason is not None
    assert (reason.reason, reason.detail) == ("goal", "g1")


def test_the_exit_condition_ends_who_met_no_goal() -> None:
    reason = departure(definition(exit={"when": stage_is("gone")}), facts(stage="gone"))
    assert reason is not None
    assert reason.reason == "exit_condition"
    assert departure(definition(exit={"when": stage_is("gone")}), facts()) is None
