"""Where an enrollment goes on in another version: every kind of edit, and what holds whatever was edited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.landing import Landing, Mark, Place, find_done, find_place, first_left, land, lies_ahead
from domain.plan import Plan
from tests.domain.builders import action, delay, with_steps
from tests.domain.test_compiling import LEAD, plan

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)


def plan_of(*steps: dict[str, Any], version: int = 1) -> Plan:
    """A plan of these steps."""
    return plan(with_steps(*steps)).model_copy(update={"version": version})


def call(step: str, **more: Any) -> dict[str, Any]:
    """An action."""
    return {**action(step, "create_task", title="Call"), **more}


def mark(step: str, outcome: str | None = "done", *, n: int = 1, at: int = 0, **more: Any) -> Mark:
    """A visit of version 1."""
    values = {"step": step, "n": n, "version": 1, "outcome": outcome, **more}
    return Mark.model_validate({**values, "entered_at": BEGAN + timedelta(minutes=at)})


def branch(step: str, *inside: dict[str, Any]) -> dict[str, Any]:
    """A branch with one way."""
    return {"id": step, "kind": "branch", "branches": [{"id": "yes", "where": LEAD, "steps": list(inside)}]}


OLD = (call("a"), delay("gap"), call("b"), delay("later"), call("c"))

EDITS: dict[str, tuple[tuple[dict[str, Any], ...], str | None, bool]] = {
    "nothing": (OLD, "gap", True),
    "another length": (
        (call("a"), {**delay("gap"), "for": {"days": 9}}, call("b"), delay("later"), call("c")),
        "gap",
        True,
    ),
    "a step before": ((call("new"), *OLD), "gap", True),
    "a step behind": ((call("a"), delay("gap"), call("new"), call("b")), "gap", True),
    "deleted": ((call("a"), call("b"), delay("later"), call("c")), "b", False),
    "deleted with what follows": ((call("a"), delay("later"), call("c")), "later", False),
    "only what came before is left": ((call("a"),), None, False),
    "reordered": ((delay("gap"), call("c"), call("a"), call("b")), "gap", True),
    "another id": ((call("a"), delay("pause"), call("b")), "b", False),
    "moved into a branch": ((call("a"), branch("if", delay("gap"), call("b")), call("c")), "gap", True),
    "switched off": ((call("a"), {**delay("gap"), "enabled": False}, call("b")), "gap", False),
    "of another kind": ((call("a"), call("gap"), call("b")), "gap", False),
}


@pytest.mark.parametrize("name", EDITS)
def test_who_waits_goes_on_where_the_rule_says(name: str) -> None:
    steps, step, keeps = EDITS[name]
    place = Place(step="gap", visit=mark("gap", None, at=1))
    found = land(plan_of(*OLD), plan_of(*steps, version=2), place, {"a": None})
    assert found == Landing(step=step, keeps=keeps, pass_over={"a": None})


def test_behind_a_step_inside_a_branch_lies_what_follows_the_branch() -> None:
    old = plan_of(branch("if", delay("gap"), call("b")), call("c"))
    assert first_left(old, plan_of(call("c"), delay("x")), "gap") == "c"
    assert first_left(old, plan_of(branch("if", call("b")), call("c")), "gap") == "b"


def test_what_lies_in_a_deleted_branch_is_not_gone_to() -> None:
    old = plan_of(delay("gap"), branch("if", call("b")), call("c"))
    assert first_left(old, plan_of(call("b"), call("c")), "gap") == "c"


def test_an_action_of_another_kind_starts_anew() -> None:
    old = plan_of(call("a"))
    new = plan_of({**call("a"), "action": "send_sms", "config": {"text": "Hi"}}, version=2)
    lasting = Place(step="a", visit=mark("a", None))
    assert land(old, new, lasting, {}).keeps is False
    assert find_done([mark("a")], [], {1: old}, new) == {}
    assert find_done([mark("a")], [], {1: old}, old) == {"a": None}


def test_done_is_what_was_done_or_may_have_left() -> None:
    old = plan_of(call("a"), call("b"), call("c"), branch("if", call("d")), delay("e"))
    marks = [
        mark("a", "failed", reason="unknown"), mark("b", "failed", reason="rejected"), mark("c", "skipped"),
        mark("if", edge="yes"), mark("d", "left"), mark("e", "left"),
    ]  # fmt: skip
    assert find_done(marks, [("a", 1), ("d", 1)], {1: old}, old) == {"a": None, "if": "yes", "d": None}


def test_a_branch_that_was_decided_is_passed_the_way_it_went() -> None:
    old = plan_of(branch("if", call("b")), delay("gap"))
    new = plan_of(delay("gap"), branch("if", call("b")), version=2)
    done = find_done([mark("if", edge="yes"), mark("b", at=1)], [], {1: old}, new)
    assert land(old, new, Place(step="gap", visit=mark("gap", None)), done).pass_over == {"if": "yes", "b": None}
    assert new.steps["if"].way_again("yes") == "b"
    assert new.steps["if"].way_again("gone") is None


def test_the_next_round_of_a_loop_is_not_passed_over() -> None:
    loop = (call("a"), delay("gap"), call("b"), {"id": "back", "kind": "goto", "to": "a"})
    place = Place(step="gap", visit=mark("gap", None, n=2))
    found = land(plan_of(*loop), plan_of(*loop, version=2), place, {"a": None, "b": None, "gap": None})
    assert found == Landing(step="gap", keeps=True, pass_over={"a": None})


def test_where_a_delay_jumps_to_without_a_date_lies_neither_ahead_nor_on_the_way() -> None:
    until = {"property": "birthday", "time": "09:00"}
    dated = {"id": "gap", "kind": "delay", "until": until, "if_missing": "a", "if_past": "c"}
    old = plan_of(call("a"), delay("first"), dated, call("b"), call("c"))
    assert old.steps["gap"].edges, "the plan knows where it jumps"
    done = find_done([mark("a"), mark("gap", edge="missing")], [], {1: old}, old)
    assert done == {"a": None, "gap": None}
    assert land(old, old, Place(step="gap", visit=mark("gap", None, n=2)), done).pass_over == {"a": None}
    assert [old.leads_on(old.steps["gap"], target) for target in ("a", "b", "c", None)] == [False, True, True, True]


def test_what_is_passed_over_stays_so_in_a_third_version() -> None:
    second, third = plan_of(delay("gap"), call("a"), version=2), plan_of(delay("gap"), call("a"), call("b"), version=3)
    place = Place(step="gap", visit=mark("gap", None))
    assert land(second, third, place, {"a": None}, {"a"}).pass_over == {"a": None}


PLACES: list[tuple[str, str | None, bool, Sequence[Mark], Place]] = [
    ("not begun", None, False, [], Place(step="a", entering=True)),
    ("in a delay", "gap", False, [mark("a"), mark("gap", None)], Place(step="gap", visit=mark("gap", None))),
    ("behind an action", "a", False, [mark("a")], Place(step="gap")),
    ("sent back to what it did", "a", True, [mark("a")], Place(step="a")),
    ("sent to the end", None, True, [mark("a")], Place(step=None)),
    ("behind a failure", "b", False, [mark("b", "failed", reason="rejected")], Place(step="later")),
    ("in the second round", "a", False, [mark("a", "failed"), mark("a", n=2, at=5)], Place(step="gap")),
]


@pytest.mark.parametrize(("name", "step", "arriving", "marks", "place"), PLACES, ids=[each[0] for each in PLACES])
def test_where_somebody_stands(name: str, step: str | None, arriving: bool, marks: list[Mark], place: Place) -> None:
    assert find_place(plan_of(*OLD), step, arriving=arriving, marks=marks) == place


def test_a_failure_leads_where_the_step_says() -> None:
    failed = [mark("a", "failed", reason="rejected")]
    elsewhere = plan_of(call("a", on_error="c"), delay("gap"), call("c"))
    assert find_place(elsewhere, "a", arriving=False, marks=failed) == Place(step="c")
    leaving = plan_of(call("a", on_error="exit"), delay("gap"))
    assert find_place(leaving, "a", arriving=False, marks=failed) == Place(step=None, failed="a: rejected")


def test_who_has_not_begun_begins_with_what_comes_first_now() -> None:
    assert land(plan_of(*OLD), plan_of(call("new"), *OLD), Place(step="a", entering=True), {}).step == "new"


def test_who_is_through_in_a_yearly_workflow_goes_back_to_the_start() -> None:
    place = Place(step="gap", visit=mark("gap", None))
    assert land(plan_of(*OLD), plan_of(call("a"), delay("x")), place, {"a": None}, yearly=True) == Landing(
        step="a", pass_over={"a": None}
    )


NAMES = [f"s{n}" for n in range(8)]


@st.composite
def listed(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    """Steps in any order, some inside a branch."""
    chosen = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    kinds = [draw(st.sampled_from((call, delay)))(name) for name in chosen]
    cut = draw(st.integers(0, len(kinds)))
    rest = kinds[cut:]
    return (*kinds[:cut], *([branch("if", *rest[: len(rest) // 2 + 1]), *rest[len(rest) // 2 + 1 :]] if rest else []))


@given(old=listed(), new=listed(), data=st.data())
def test_whatever_was_edited_nobody_goes_back_and_nothing_done_is_done_again(
    old: tuple[dict[str, Any], ...], new: tuple[dict[str, Any], ...], data: st.DataObject
) -> None:
    before, after = plan_of(*old), plan_of(*new, version=2)
    at = data.draw(st.sampled_from(sorted(before.steps)))
    done = sorted(set(before.steps) - lies_ahead(before, at) - {"if"})
    found = land(before, after, Place(step=at), find_done([mark(step) for step in done], [], {1: before}, after))
    assert found.step is None or found.step in lies_ahead(before, at)
    if at in after.steps:
        assert found.step == at
    same = {step for step in done if step in after.steps and after.steps[step].kind == before.steps[step].kind}
    assert set(found.pass_over) == same
    assert land(after, after, Place(step=found.step), found.pass_over, found.pass_over) == found
