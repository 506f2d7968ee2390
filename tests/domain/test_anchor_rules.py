"""Dated workflows: each mistake once, with its place and its code."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domain.builders import action, codes, delay, look, with_steps
from tests.domain.mistakes import SCORE
from tests.domain.test_compiling import plan, wants

DATE = {"date": "2027-03-01", "time": "18:00"}
BIRTHDAY = {"property": "birthday", "time": "09:00"}
CALL = action("call", "create_task", title="Call")

YEARLY = {**BIRTHDAY, "yearly": True}
WAIT = {"id": "w", "kind": "wait", "until_true": SCORE, "timeout": {"days": 3}}


def anchored(step_id: str = "t", **until: Any) -> dict[str, Any]:
    """A delay until the anchor, or moved from it."""
    return delay(step_id, until={"anchor": {}, **until})


def dated(anchor: Any, *steps: Any, **changes: Any) -> dict[str, Any]:
    """A workflow about a date; of which type, its anchor says."""
    type_ = "date_property" if isinstance(anchor, dict) and "property" in anchor else "specific_date"
    head = {"type": type_, **({} if anchor is None else {"anchor": anchor}), **changes}
    return with_steps(*(steps or (anchored(),)), **head)


@pytest.mark.parametrize(
    "raw",
    [
        dated(DATE),
        dated({"date": "2027-03-01"}, anchored(time="09:00")),
        dated(BIRTHDAY),
        dated({**BIRTHDAY, "yearly": True}),
        dated(YEARLY, anchored(anchor={"days": -300}), CALL, anchored("late", anchor={"days": 64})),
        dated(YEARLY, {**CALL, "enabled": False}, anchored(anchor={"days": -365})),
        dated({"property": "birthday"}, anchored(time="09:00", anchor={"days": -7, "hours": 1})),
        dated({"property": "created_at"}),
        dated({"property": "close_date", "of": "opportunity", "time": "09:00"}),
        dated({"property": "close_date", "time": "09:00"}, object="opportunity"),
        dated({"property": "created_at"}, object="ticket"),
        dated(DATE, {"id": "w", "kind": "wait", "until_true": SCORE, "timeout": {"days": 3}}, anchored()),
        dated(DATE, {"id": "w", "kind": "wait", "until_true": SCORE, "timeout": {"until": {"anchor": {"days": -1}}}}),
    ],
)
def test_a_dated_workflow_of_any_object_has_no_problem(raw: dict[str, Any]) -> None:
    assert look(raw).problems == ()


@pytest.mark.parametrize(
    ("raw", "path", "code"),
    [
        (dated(None), "/anchor", "missing_field"),
        (dated(None, type="date_property"), "/anchor", "missing_field"),
        (dated({"time": "18:00"}), "/anchor/date", "missing_field"),
        (dated({"date": "2027-02-30", "time": "18:00"}), "/anchor/date", "wrong_value"),
        (dated({"date": "1 March", "time": "18:00"}), "/anchor/date", "wrong_value"),
        (dated({"date": "2027-03-01", "time": "25:00"}), "/anchor/time", "wrong_value"),
        (dated({**DATE, "yearly": True}), "/anchor/yearly", "wrong_value"),
        (dated({**DATE, "of": "company"}), "/anchor/of", "wrong_value"),
        (dated({**DATE, "property": "birthday"}, type="specific_date"), "/anchor/property", "wrong_value"),
        (dated({**DATE, "property": "birthday"}), "/anchor/date", "wrong_value"),
        (dated({"time": "09:00"}, type="date_property"), "/anchor/property", "missing_field"),
        (dated({"property": "birthdy", "time": "09:00"}), "/anchor/property", "unknown_property"),
        (dated({"property": "city", "time": "09:00"}), "/anchor/property", "wrong_type"),
        (dated({"property": "city", "time": "09:00", "yearly": True}), "/anchor/property", "wrong_type"),
        (dated({**BIRTHDAY, "of": "deal"}), "/anchor/of", "unknown_object"),
        (dated({**BIRTHDAY, "of": "opportunity"}), "/anchor/property", "unknown_property"),
        (dated({**BIRTHDAY, "weekly": True}), "/anchor/weekly", "unknown_field"),
        (dated(DATE, type="standard"), "/anchor", "wrong_value"),
    ],
)
def test_one_mistake_in_an_anchor_is_one_problem(raw: dict[str, Any], path: str, code: str) -> None:
    found = [each for each in codes(raw) if not each[0].startswith("/steps")]
    assert found == [(path, code)]


@pytest.mark.parametrize(
    ("raw", "path", "code"),
    [
        (dated(DATE, delay("gap")), "/steps/0/for", "delay_not_allowed_here"),
        (dated(BIRTHDAY, delay("gap", until={"time": "09:00"})), "/steps/0/until", "delay_not_allowed_here"),
        (dated(DATE, delay("gap", until={"property": "birthday", "time": "09:00"})), "/steps/0/until",
         "delay_not_allowed_here"),
        (with_steps(anchored(time="09:00")), "/steps/0/until/anchor", "delay_not_allowed_here"),
        (dated(DATE, anchored(anchor={"days": -40_000})), "/steps/0/until/anchor", "wrong_value"),
        (dated(DATE, anchored(time="24:00")), "/steps/0/until/time", "wrong_value"),
        (dated({"date": "2027-03-01"}, anchored(anchor={"hours": -1})), "/anchor/time", "missing_field"),
        (dated({"property": "birthday"}, anchored()), "/anchor/time", "missing_field"),
        (dated(YEARLY, CALL), "/anchor/yearly", "endless_loop"),
        (dated({**BIRTHDAY, "yearly": True}, {**anchored(), "enabled": False}), "/anchor/yearly", "endless_loop"),
        (dated({**BIRTHDAY, "yearly": True}, {"id": "b", "kind": "branch", "branches": [
            {"id": "x", "where": SCORE, "steps": [{"id": "stop", "kind": "end"}]}]}, anchored()),
         "/anchor/yearly", "endless_loop"),
        (dated(YEARLY, CALL, anchored()), "/steps/0", "wrong_value"),
        (dated(YEARLY, WAIT, anchored()), "/steps/0", "wrong_value"),
        (dated(YEARLY, {"id": "b", "kind": "branch", "branches": [{"id": "x", "where": SCORE, "steps": [CALL]}]},
               anchored()), "/steps/0/branches/0/steps/0", "wrong_value"),
        (dated(YEARLY, anchored(anchor={"days": -366})), "/steps/0/until/anchor", "wrong_value"),
        (dated(YEARLY, anchored(anchor={"weeks": 52, "days": 1, "hours": 1})), "/steps/0/until/anchor", "wrong_value"),
        (dated(YEARLY, anchored(anchor={"days": -300}), CALL, anchored("late", anchor={"days": 65})),
         "/steps/2/until/anchor", "wrong_value"),
        (dated(YEARLY, anchored(anchor={"days": 300}), CALL, {**WAIT, "timeout": {"until": {"anchor": {"days": 370}}}}),
         "/steps/2/timeout/until/anchor", "wrong_value"),
        (dated(DATE, anchored(), CALL, {"id": "back", "kind": "goto", "to": "t"}), "/steps/2/to", "endless_loop"),
        # What a delay that is past governs is passed over, so not even a wait holds anybody in this circle.
        (dated(DATE, anchored(), {"id": "w", "kind": "wait", "until_true": SCORE, "timeout": {"days": 3}},
               {"id": "back", "kind": "goto", "to": "t"}), "/steps/2/to", "endless_loop"),
    ],
)  # fmt: skip
def test_one_mistake_in_a_delay_is_one_problem(raw: dict[str, Any], path: str, code: str) -> None:
    assert codes(raw) == [(path, code)]


def test_the_words_name_the_step_whose_time_is_missing() -> None:
    (found,) = look(dated({"date": "2027-03-01"}, anchored("t_1h", anchor={"hours": -1}))).problems
    assert (found.step, "t_1h" in found.message) == ("t_1h", True)


def test_every_way_of_a_yearly_workflow_may_have_its_own_date() -> None:
    branch = {"id": "b", "kind": "branch", "branches": [{"id": "x", "where": SCORE, "steps": [anchored("a"), CALL]}],
              "otherwise": [anchored("o")]}  # fmt: skip
    assert codes(dated({**BIRTHDAY, "yearly": True}, branch, action("both", "create_task", title="Both"))) == []


def test_a_delay_governs_what_follows_in_its_own_list() -> None:
    inner = [anchored("in1"), action("in2", "create_task", title="b")]
    made = plan(
        dated(
            DATE, CALL, anchored("t1"), action("a", "create_task", title="a"),
            {"id": "b", "kind": "branch", "branches": [{"id": "x", "where": SCORE, "steps": inner}]},
            {**anchored("off"), "enabled": False}, anchored("t2"), action("c", "create_task", title="c"),
            {"id": "stop", "kind": "end"},
        )
    )  # fmt: skip
    assert made.steps["t1"].governs == ("a", "b", "off")
    assert made.steps["t1"].way("past") == "t2"
    assert (made.steps["in1"].governs, made.steps["in1"].way("past")) == (("in2",), "off")
    # An end is obeyed: it says where the way leads, and is nothing that happens at the time.
    assert (made.steps["t2"].governs, made.steps["t2"].way("past")) == (("c",), "stop")
    assert made.steps["off"].governs == made.steps["call"].governs == ()


def test_whoever_sleeps_until_a_date_is_told_when_it_changes() -> None:
    assert plan(dated(BIRTHDAY)).steps["t"].watches
    assert "contact.birthday" in wants(dated(BIRTHDAY)).run
    found = wants(dated({"property": "close_date", "of": "opportunity", "time": "09:00"})).run
    assert {"opportunity.close_date", "contact~opportunity"} <= found


def test_a_delay_says_in_its_title_how_far_from_the_date_it_is() -> None:
    made = plan(dated(DATE, anchored("a", anchor={"days": -7}, time="09:00"), anchored("b", anchor={"hours": 1}),
                      anchored("c"), anchored("d", anchor={"days": 1, "hours": -2})))  # fmt: skip
    assert [made.steps[step].title for step in "abcd"] == [
        "Wait until 7 days before the date at 09:00 · a",
        "Wait until 1 hour after the date · b",
        "Wait until the date · c",
        "Wait until the date shifted by 1 day -2 hours · d",
    ]
