"""The plan a run walks and the keys the candidate index is made of."""

from __future__ import annotations

from typing import Any

from domain.compiling import Interests, compile_plan, interests, plan_bytes, size_problem, size_warning
from domain.plan import URGENT, Plan, Policy
from tests.domain.builders import CATALOGUE, EXAMPLE, action, delay, look, with_steps

LEAD = {"property": "lifecycle_stage", "op": "is", "value": "lead"}


def plan(raw: Any) -> Plan:
    found = look(raw)
    assert found.definition is not None, found.problems
    assert found.problems == ()
    return compile_plan(found.definition, CATALOGUE, workflow_id="w", version=3)


def wants(raw: Any) -> Interests:
    found = look(raw)
    assert found.definition is not None, found.problems
    return interests(found.definition, CATALOGUE)


def test_the_example_becomes_a_plan_without_texts() -> None:
    made = plan(EXAMPLE)
    assert (made.start, made.version, made.slug) == ("hello", 3, "new-opportunity-follow-up")
    assert made.steps["big"].edges == {"b1": "call", "otherwise": "sms"}
    assert [made.steps[s].next for s in ("hello", "gap", "call", "sms", "mark")] == ["gap", "big", "mark", "mark", None]
    assert made.steps["hello"].queue == "ft-email"
    assert not made.steps["hello"].inside
    assert made.steps["call"].inside
    assert "there" not in made.model_dump_json()
    assert len(made.policies) == 2
    policy = made.steps["hello"].policy
    assert policy is not None
    assert isinstance(made.policies[policy], Policy)


def test_a_transactional_message_goes_before_others_of_its_queue() -> None:
    config = {"subject": "Hello", "html": "<p>Hello</p>"}
    made = plan(
        with_steps(
            action("asked", "send_email", **config, transactional=True),
            action("news", "send_email", **config, subscription="newsletter"),
            action("code", "send_sms", text="1234", transactional=True),
            action("offer", "send_sms", text="Hello"),
        )
    )
    assert {step: made.steps[step].priority for step in made.steps} == {
        "asked": URGENT, "news": None, "code": URGENT, "offer": None,
    }  # fmt: skip


def test_an_empty_way_leads_to_what_follows_and_nested_lists_rejoin() -> None:
    inner = {
        "id": "inner",
        "kind": "split",
        "arms": [{"id": "x", "weight": 1, "steps": [delay("deep")]}, {"id": "y", "weight": 1}],
    }
    made = plan(
        with_steps(
            {"id": "outer", "kind": "branch", "branches": [{"id": "b", "where": LEAD, "steps": [inner]}]},
            delay("after"),
        )
    )
    assert made.steps["outer"].edges == {"b": "inner", "otherwise": "after"}
    assert made.steps["inner"].edges == {"x": "deep", "y": "after"}
    assert made.steps["inner"].next == "after"
    assert made.steps["deep"].next == "after"


def test_an_empty_way_at_the_end_leads_to_the_end() -> None:
    made = plan(with_steps({"id": "b", "kind": "branch", "branches": [{"id": "x", "where": LEAD}]}))
    assert made.steps["b"].edges == {"x": None, "otherwise": None}


def test_goto_end_and_switched_off_steps_are_kept() -> None:
    made = plan(
        with_steps(
            delay("top"),
            {"id": "again", "kind": "goto", "to": "top", "max_visits": 3},
            {"id": "off", "kind": "end", "enabled": False},
            {"id": "stop", "kind": "end", "reason": "not interested"},
        )
    )
    assert (made.steps["again"].to, made.steps["again"].max_visits, made.steps["again"].next) == ("top", 3, "off")
    assert (made.steps["off"].enabled, made.steps["off"].next) == (False, "stop")
    assert (made.steps["stop"].next, made.steps["stop"].reason) == (None, "not interested")


def test_a_workflow_without_steps_has_no_start() -> None:
    assert plan(with_steps()).start is None


def test_names_are_cut_and_a_delay_on_a_property_watches_it() -> None:
    until = {"property": "birthday", "time": "09:00"}
    made = plan(with_steps({**delay("gap", until=until), "name": "x" * 100}, delay("other"), name="n" * 100))
    assert len(made.name) == len(made.steps["gap"].name) == 60
    assert made.steps["gap"].watches
    assert not made.steps["other"].watches
    assert made.steps["other"].name == "other"
    assert made.steps["other"].title.startswith("Wait ")
    assert made.steps["other"].title.endswith(" · other")


def test_what_triggers_and_runs_read_becomes_interests() -> None:
    found = wants(EXAMPLE)
    assert set(found.triggers) == {
        ("t1", "opportunity.*"),
        ("t1", "opportunity.stage"),
        ("t1", "opportunity~contact"),
    }
    assert found.run == {
        "opportunity.product", "opportunity.stage", "opportunity.close_value", "contact.first_name",
        "contact~opportunity", "goal:contact~opportunity", "goal:opportunity.stage",
    }  # fmt: skip


def test_every_role_of_a_property_is_an_interest() -> None:
    of = {"object": "company"}
    raw = with_steps(
        delay("gap", until={"property": "birthday", "time": "09:00"}),
        {"id": "v", "kind": "value_branch", "property": "industry", "of": of, "cases": [{"values": ["it"]}]},
        action("task", "create_task", title="{{ record.city }} {{ owner.name }} {{ workflow.name }}"),
        action("set", "set_property", property="job_title", value={"property": "last_name"}),
        entry={
            "triggers": [
                {"id": "made", "on": "created"},
                {"id": "won", "on": "changed", "property": "stage", "object": "opportunity", "to": ["Won"]},
            ],
            "suppress": {"property": "country", "op": "is", "value": "NO"},
        },
        exit={"when": {"property": "score", "op": "gt", "value": 1}},
    )
    found = wants(raw)
    assert set(found.triggers) == {("made", "contact.*"), ("won", "opportunity.stage")}
    assert found.run == {
        "contact.birthday", "company.industry", "contact~company", "contact.city", "contact.owner", "contact.last_name",
        "contact.country", "contact.score",
    }  # fmt: skip


def test_a_large_plan_is_warned_of_and_a_very_large_one_is_a_problem() -> None:
    def steps(count: int) -> dict[str, Any]:
        return with_steps(*[{**delay(f"step_{i}"), "name": "n" * 60} for i in range(count)])

    small, large = plan(steps(10)), plan(steps(600))
    assert (size_warning(small), size_problem(large)) == (None, None)
    warning = size_warning(large)
    assert warning is not None
    assert warning.code == "plan_too_large"
    assert plan_bytes(large) > 64 * 1024
    assert [p.code for p in look(steps(2600)).problems] == ["plan_too_large"]


def test_triggers_of_a_scheduled_workflow_are_no_interest_but_what_ends_a_passage_is() -> None:
    where = {"property": "last_touched_at", "op": "more_than_ago", "value": {"days": 3}}
    raw = with_steps(
        type="scheduled",
        schedule={"every": "day", "at": "09:00"},
        entry={"triggers": [{"id": "t1", "on": "filter", "where": where}]},
        exit={"when_entry_no_longer_holds": True},
    )
    definition = look(raw).definition
    assert definition is not None
    assert interests(definition, CATALOGUE) == Interests(
        triggers=(), run=frozenset({"contact.last_touched_at", "time"})
    )
