"""Examining definitions: every mistake once, with its place, its code and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import Finding
from domain.ports import TemplateCheck
from domain.validation import examine
from gateways.templates import LiquidTemplates
from tests.domain.builders import ANNA, CATALOGUE, EXAMPLE, action, codes, delay, example, look, with_pets, with_steps
from tests.domain.mistakes import IN_CONDITIONS, IN_HEAD, IN_STEPS, IN_TRIGGERS, MAIL, SCORE


def where(**condition: Any) -> dict[str, Any]:
    """A workflow with this exit condition."""
    return with_steps(exit={"when": condition})


def until(**fields: Any) -> dict[str, Any]:
    """A workflow of one delay."""
    return with_steps(delay("gap", until=fields))


def trigger(**fields: Any) -> dict[str, Any]:
    """A workflow with this trigger."""
    return with_steps(entry={"triggers": [fields]})


def test_a_definition_with_ten_mistakes_gets_ten_problems_with_paths() -> None:
    raw = example(
        colour="red",
        settings={"timezone": "Europe/Olso", "spread_minutes": "fifteen"},
        exit={"goals": [{"id": "won", "where": {"property": "stagee", "op": "is", "value": 1}}]},
        steps=[
            action("hello", "send_email", **{**MAIL, "subject": "Hi {{ contact.nickname }}"}),
            {"id": "gap", "kind": "delay", "for": {"days": 0}},
            {"id": "gap", "kind": "delay", "for": {"dayz": 2}},
            {"id": "back", "kind": "goto", "to": "nowhere"},
            {"id": "mark", "kind": "action", "action": "set_proprety"},
        ],
    )
    found = look(raw)
    assert found.definition is None
    assert [(p.step, p.path, p.code) for p in found.problems] == [
        (None, "/exit/goals/0/where/property", "unknown_property"),
        ("hello", "/steps/0/config/subject", "unknown_variable"),
        ("gap", "/steps/1/for", "zero_duration"),
        ("gap", "/steps/2/id", "duplicate_id"),
        ("gap", "/steps/2/for/dayz", "unknown_field"),
        ("back", "/steps/3/to", "unknown_step"),
        ("mark", "/steps/4/action", "unknown_action"),
        (None, "/colour", "unknown_field"),
        (None, "/settings/timezone", "wrong_zone"),
        (None, "/settings/spread_minutes", "wrong_type"),
    ]
    assert "did you mean 'set_property'?" in found.problems[6].message


@pytest.mark.parametrize(("changes", "path", "code"), IN_HEAD)
def test_one_mistake_around_the_steps_is_one_problem(changes: dict[str, Any], path: str, code: str) -> None:
    assert codes(with_steps(**changes) if "steps" not in changes else {**with_steps(), **changes}) == [(path, code)]


@pytest.mark.parametrize(("fields", "path", "code"), IN_TRIGGERS)
def test_one_mistake_in_a_trigger_is_one_problem(fields: dict[str, Any], path: str, code: str) -> None:
    assert codes(trigger(**fields)) == [("/entry/triggers/0" + path, code)]


def test_only_a_contact_workflow_is_entered_through_another_object() -> None:
    raw = trigger(on="created", object="contact") | {"object": "opportunity"}
    assert codes(raw) == [("/entry/triggers/0/object", "wrong_value")]
    assert codes(trigger(on="created", object="opportunity") | {"object": "opportunity"}) == []


@pytest.mark.parametrize(("condition", "path", "code"), IN_CONDITIONS)
def test_one_mistake_in_a_condition_is_one_problem(condition: dict[str, Any], path: str, code: str) -> None:
    assert codes(where(**condition) | {"parameters": [{"name": "text"}]}) == [("/exit/when" + path, code)]


@pytest.mark.parametrize(
    "condition",
    [
        {"property": "birthday", "op": "before", "value": {"now": {"days": -3}}},
        {"property": "created_at", "op": "within_last", "value": {"days": 7}},
        {"property": "email", "op": "is_not", "value": {"property": "external_id"}, "include_blank": True},
        {"property": "score", "op": "between", "value": [1, 2.5]},
        {"property": "owner", "op": "in", "value": [ANNA]},
        {"property": "stage", "op": "is", "value": "Won", "of": {"object": "opportunity", "match": "latest"}},
        {"related": {"object": "opportunity"}, "where": {"property": "stage", "op": "known"}, "count": {"at_least": 2}},
        {"property": "birthday", "op": "before", "value": {"parameter": "text"}},
        {"all": []},
    ],
)
def test_what_is_offered_is_accepted(condition: dict[str, Any]) -> None:
    assert codes(where(**condition) | {"parameters": [{"name": "text"}]}) == []


@pytest.mark.parametrize(("step", "path", "code"), IN_STEPS)
def test_one_mistake_in_a_step_is_one_problem(step: dict[str, Any], path: str, code: str) -> None:
    found = look(with_steps(step))
    assert [(p.path, p.code) for p in found.problems] == [("/steps/0" + path, code)]
    assert found.problems[0].message
    assert found.problems[0].step in (step.get("id"), None)


def test_a_wait_is_looked_into_on_every_level() -> None:
    wait = {
        "id": "s",
        "kind": "wait",
        "until_true": SCORE,
        "timeout": {"until": {"time": "9"}},
        "matched": [{"id": "x"}],
    }
    assert codes(with_steps(wait)) == [
        ("/steps/0/timeout/until/time", "wrong_value"),
        ("/steps/0/matched/0/kind", "missing_field"),
    ]


def test_a_template_that_could_hang_is_unsafe() -> None:
    hangs = "{% for i in (1..99999999) %}x{% endfor %}"
    assert codes(with_steps(action("s", "create_task", title=hangs))) == [("/steps/0/config/title", "template_unsafe")]


class Laborious(LiquidTemplates):
    """Templates that take about two seconds each to look into."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def check(self, source: str) -> TemplateCheck:
        self.asked += 1
        return super().check(source).model_copy(update={"work": 2_000_000})


def test_many_templates_cannot_keep_a_process_busy_together() -> None:
    templates = Laborious()
    steps = [action(f"s{n}", "create_task", title=f"Call {n}", body="") for n in range(9)]

    found = examine(with_steps(*steps), replace(CATALOGUE, templates=templates))

    assert found.problems
    assert {p.code for p in found.problems} == {"template_unsafe"}
    assert templates.asked == 3


@pytest.mark.parametrize(
    "text",
    [
        "{{ record.city }} {{ contact.first_name }} {{ company.name | default: 'none' }} {{ contact.id }}",
        "{{ owner.name }} {{ sender.address }} {{ workflow.slug }} {{ enrollment.id }}",
        "{{ parameters.offer }} {{ steps.first.task }}",
        "{% if opportunity %}{{ opportunity.product }}{% endif %}",
    ],
)
def test_every_variable_of_the_format_is_known(text: str) -> None:
    raw = with_steps(action("first", "create_task", title="a"), action("s", "create_task", title=text))
    assert codes(raw | {"parameters": [{"name": "offer"}]}) == []


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"op": "contains_any", "value": ["tame"]}, []),
        ({"op": "contains_all", "value": {"property": "traits"}}, []),
        ({"op": "contains_none", "value": ["wild"]}, [("/exit/when/value/0", "unknown_option")]),
        ({"op": "is", "value": "tame"}, [("/exit/when/op", "wrong_operator")]),
    ],
)
def test_a_property_of_several_values_is_compared_with_lists(condition: dict[str, Any], found: list[Any]) -> None:
    raw = where(property="traits", **condition) | {"object": "pet"}
    assert [(p.path, p.code) for p in examine(raw, with_pets()).problems] == found


def test_a_property_of_several_values_cannot_choose_one_way() -> None:
    step = {"id": "s", "kind": "value_branch", "property": "traits", "cases": [{"values": ["tame"]}]}
    problems = examine(with_steps(step, object="pet"), with_pets()).problems
    assert [(p.path, p.code) for p in problems] == [("/steps/0/property", "wrong_type")]


def test_what_an_action_finds_is_told_at_its_place() -> None:
    finding = Finding(path="/title", code="not_bound", message="nothing is bound")
    spec = replace(CATALOGUE.actions["create_task"], check=lambda config, scope: [finding])
    raw = with_steps(action("s", "create_task", title="a"))
    found = examine(raw, replace(CATALOGUE, actions={"create_task": spec}))
    assert [(p.step, p.path, p.code) for p in found.problems] == [("s", "/steps/0/config/title", "not_bound")]


def test_steps_behind_an_end_are_unreachable_and_told_once() -> None:
    end = {"id": "stop", "kind": "end"}
    assert codes(with_steps(end, delay("a"), delay("b"))) == [("/steps/1", "unreachable")]
    branch = {
        "id": "s",
        "kind": "branch",
        "branches": [{"where": SCORE, "steps": [{"id": "x", "kind": "end"}]}],
        "otherwise": [{"id": "y", "kind": "end"}],
    }
    assert codes(with_steps(branch, delay("a"))) == [("/steps/1", "unreachable")]
    assert codes(with_steps({**branch, "otherwise": []}, delay("a"))) == []


def test_a_goto_makes_what_it_leads_to_reachable_and_what_follows_it_not() -> None:
    jump = {"id": "jump", "kind": "goto", "to": "late"}
    assert codes(with_steps(jump, delay("early"), delay("late"))) == [("/steps/1", "unreachable")]
    assert codes(with_steps({**jump, "max_visits": 1}, delay("early"), delay("late"))) == []


def test_what_is_switched_off_is_neither_unreachable_nor_a_loop() -> None:
    off = {"id": "stop", "kind": "end", "enabled": False}
    inner = {"id": "s", "kind": "branch", "branches": [{"where": SCORE, "steps": [delay("in")]}], "enabled": False}
    back = {"id": "back", "kind": "goto", "to": "stop", "enabled": False}
    assert codes(with_steps(off, inner, back, delay("a"))) == []


@pytest.mark.parametrize(
    ("between", "is_endless"),
    [
        (action("task", "create_task", title="a"), True),
        (delay("gap"), False),
        ({**delay("gap"), "enabled": False}, True),
        (delay("gap", until={"time": "09:00"}), False),
        (delay("gap", until={"date": "2027-01-31", "time": "09:00"}), True),
        (delay("gap", until={"date": "2027-01-31", "time": "09:00"}, if_past="exit"), False),
        (delay("gap", until={"property": "birthday", "time": "09:00"}, if_past="exit"), True),
        (delay("gap", until={"property": "birthday", "time": "09:00"}, if_past="exit", if_missing="exit"), False),
        ({"id": "g", "kind": "goto", "to": "top", "max_visits": 5}, True),
    ],
)
def test_a_circle_needs_something_that_lets_time_pass(between: dict[str, Any], is_endless: bool) -> None:
    raw = with_steps({"id": "top", "kind": "split", "arms": [{"weight": 1}, {"weight": 1}]}, between,
                     {"id": "back", "kind": "goto", "to": "top"})  # fmt: skip
    assert codes(raw) == ([("/steps/2/to", "endless_loop")] if is_endless else [])


def test_a_circle_that_is_counted_ends() -> None:
    assert codes(with_steps(action("a", "create_task", title="a"),
                            {"id": "back", "kind": "goto", "to": "a", "max_visits": 5})) == []  # fmt: skip


def test_a_circle_that_asks_nothing_is_endless_however_it_is_counted() -> None:
    def jump(id: str, to: str, **more: Any) -> dict[str, Any]:
        return {"id": id, "kind": "goto", "to": to, "max_visits": 1, **more}

    off = {**delay("off"), "enabled": False}
    itself, back = ("/steps/0/to", "endless_loop"), ("/steps/1/to", "endless_loop")
    assert codes(with_steps(jump("a", "a"))) == [itself]
    assert codes(with_steps(off, jump("a", "off"))) == [back]
    assert codes(with_steps(jump("a", "b"), jump("b", "a"))) == [itself, back]
    # A goto that is used up falls through, and may then stand in a circle it jumped out of before.
    assert codes(with_steps(jump("a", "c"), jump("b", "a"), delay("c"), jump("d", "a"))) == [back]
    assert codes(with_steps(jump("a", "off"), off, jump("b", "a", enabled=False))) == []


def test_a_step_that_cannot_be_read_hides_nothing_around_it() -> None:
    raw = with_steps(
        {"id": "s", "kind": "split", "arms": [{"weight": "half", "steps": [delay("in", **{"for": {"days": 0}})]}, {}]},
        {"kind": "nap"},
        5,
        {"id": "back", "kind": "goto", "to": "in"},
        delay("s"),
        entry={"triggers": [{"on": "nothing"}, {"on": "created", "object": "deal"}]},
        parameters=[5, {"name": "a"}, {"name": "a"}],
        exit={"goals": [5, {"id": "g", "where": {"all": [5, {"property": "x", "op": "known"}]}}]},
    )
    assert set(codes(raw)) == {
        ("/steps/0/arms/0/weight", "wrong_type"),
        ("/steps/0/arms/0/steps/0/for", "zero_duration"),
        ("/steps/0/arms/1/weight", "missing_field"),
        ("/steps/1/id", "missing_field"),
        ("/steps/1/kind", "wrong_value"),
        ("/steps/2", "wrong_type"),
        ("/steps/4/id", "duplicate_id"),
        ("/entry/triggers/0/on", "wrong_value"),
        ("/entry/triggers/1/object", "unknown_object"),
        ("/parameters/0", "wrong_type"),
        ("/parameters/2/name", "duplicate_id"),
        ("/exit/goals/0", "wrong_type"),
        ("/exit/goals/1/where/all/0", "wrong_type"),
        ("/exit/goals/1/where/all/1/property", "unknown_property"),
    }


@pytest.mark.parametrize("raw", [None, 5, "x", [], [{}]])
def test_what_is_no_object_is_one_problem(raw: Any) -> None:
    assert codes(raw) == [("", "wrong_type")]


def test_a_document_nested_without_end_is_refused_before_it_is_read() -> None:
    condition: Any = SCORE
    for _ in range(5000):
        condition = {"not": condition}
    assert codes(where(not_=1) | {"exit": {"when": condition}}) == [("", "wrong_value")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, inner in members for place in _places(inner, (*path, key)))]


def _put(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[path[0]] = _put(node[path[0]], path[1:], value)
    return copy


@given(st.sampled_from(_places(EXAMPLE)), JSON)
def test_whatever_is_written_anywhere_is_told_and_never_raises(path: tuple[Any, ...], value: Any) -> None:
    found = look(_put(EXAMPLE, path, value))
    assert (found.definition is not None) or found.problems
    for problem in found.problems:
        assert problem.path == "" or problem.path.startswith("/")
