"""Every step kind as a user meets it: which way a record goes, what the timeline says, how the run ends."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, email, gap, of_opportunity, task
from tests.runs.walking import steps, visit, walked, way

AGAIN: dict[str, Any] = {"entry": {"triggers": [], "re_entry": {"allowed": True, "triggers": []}}}


def is_(property: str, value: object) -> dict[str, Any]:
    return {"property": property, "op": "is", "value": value}


def branch(*branches: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "which",
        "kind": "branch",
        "branches": [
            {"id": name, "name": name.upper(), "where": where, "steps": [task(f"t_{name}", name)]}
            for name, where in branches
        ],
        "otherwise": [task("t_rest", "Rest")],
    }


@pytest.mark.parametrize(
    ("properties", "edge"),
    [({"country": "NO", "score": 9}, "north"), ({"country": "DE", "score": 9}, "high"), ({"country": "DE"}, None)],
)
async def test_a_branch_takes_the_first_way_that_holds_and_tells_what_it_saw(
    ft: Running, properties: dict[str, Any], edge: str | None
) -> None:
    ways = branch(
        ("north", is_("country", "NO")),
        ("high", {"property": "score", "op": "gte", "value": 5}),
        ("late", {"property": "score", "op": "gte", "value": 1}),
    )
    await ft.publish(by_hand("ways", [ways, task("after", "After")]))
    contact = await ft.create("contact", email="ana@example.com", **properties)
    over = await walked(ft, "ways", "contact", contact)
    assert await steps(ft, over) == ["which", f"t_{edge or 'rest'}", "after"]
    seen = (await visit(ft, over, "which"))["seen"]
    assert (seen[0]["value"], seen[0]["holds"]) == (properties["country"], edge == "north")
    assert (await visit(ft, over, "which"))["edge_name"] == (edge.upper() if edge else None)


async def test_a_branch_reads_the_value_of_now_not_of_entry(ft: Running) -> None:
    await ft.publish(by_hand("ways", [gap(seconds=2), branch(("north", is_("country", "NO")))]))
    contact = await ft.create("contact", email="ana@example.com", country="DE")
    taken = await ft.enroll("ways", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.patch("contact", contact, country="NO")
    over = await ft.ended(taken["enrollment_id"])
    assert await steps(ft, over) == ["gap", "which", "t_north"]


@pytest.mark.parametrize(("country", "step"), [("AT", "german"), ("NO", "other"), (None, "other")])
async def test_a_value_branch_goes_by_the_value(ft: Running, country: str | None, step: str) -> None:
    land = {
        "id": "land",
        "kind": "value_branch",
        "property": "country",
        "cases": [{"id": "c1", "values": ["DE", "AT"], "steps": [task("german", "German")]}],
        "otherwise": [task("other", "Other")],
    }
    await ft.publish(by_hand("lands", [land]))
    contact = await ft.create("contact", email="ana@example.com", country=country)
    over = await walked(ft, "lands", "contact", contact)
    assert await steps(ft, over) == ["land", step]
    assert (await visit(ft, over, "land"))["seen"][0]["value"] == country


async def test_a_value_branch_goes_by_the_value_of_the_bound_opportunity(ft: Running) -> None:
    stage = {
        "id": "stage",
        "kind": "value_branch",
        "property": "stage",
        "of": {"object": "opportunity"},
        "cases": [{"id": "c1", "values": ["Engaging"], "steps": [task("engaging", "Engaging")]}],
    }
    await ft.publish(by_hand("stages", [stage]))
    contact = await ft.create("contact", email="ana@example.com")
    for name in ("Prospecting", "Engaging"):
        deal = await ft.create("opportunity", name=name, stage=name)
        await ft.associate("contact", contact, "opportunity", deal)
        over = await walked(ft, "stages", "contact", contact, opportunity_id=deal)
        assert await steps(ft, over) == ["stage", *(["engaging"] if name == "Engaging" else [])]


def split(a: int, b: int) -> dict[str, Any]:
    return {
        "id": "ab",
        "kind": "split",
        "arms": [
            {"id": "a", "name": "A", "weight": a, "steps": [task("ta", "A")]},
            {"id": "b", "name": "B", "weight": b, "steps": [task("tb", "B")]},
        ],
    }


async def test_a_split_sends_a_record_the_same_way_on_re_entry_and_after_a_weight_change(ft: Running) -> None:
    await ft.publish(by_hand("ab", [split(1, 1)], **AGAIN))
    contacts = [await ft.create("contact", email=f"c{n}@example.com") for n in range(8)]
    first = {c: await steps(ft, await walked(ft, "ab", "contact", c)) for c in contacts}
    arms = Counter(taken[1] for taken in first.values())
    for weights in ((1, 999), (999, 1)):
        await ft.publish(by_hand("ab", [split(*weights)], **AGAIN))
        for contact in contacts:
            asked = {"record": {"object": "contact", "id": contact}}
            told = await ft.call("POST", "/workflows/ab/preview", asked)
            assert [step["step"] for step in told["steps"]] == first[contact]
            over = await walked(ft, "ab", "contact", contact)
            assert await steps(ft, over) == first[contact]
    assert sum(arms.values()) == 8


async def test_a_goto_goes_round_so_often_and_then_falls_through(ft: Running) -> None:
    again = {"id": "again", "kind": "goto", "to": "call", "max_visits": 2}
    await ft.publish(by_hand("rounds", [task("call", "Call"), again, task("after", "After")]))
    over = await walked(ft, "rounds", "contact", await ft.create("contact", email="ana@example.com"))
    assert await steps(ft, over) == ["call", "again", "call", "again", "call", "again", "after"]
    titles = [t["title"] for t in (await ft.call("GET", "/tasks?workflow=rounds"))["items"]]
    assert Counter(titles) == {"Call": 3, "After": 1}


async def test_an_end_ends_with_its_reason_and_nothing_after_it_happens(ft: Running) -> None:
    ways = {
        "id": "which",
        "kind": "branch",
        "branches": [
            {
                "id": "no",
                "where": is_("country", "NO"),
                "steps": [{"id": "stop", "kind": "end", "reason": "not interested"}],
            }
        ],
        "otherwise": [],
    }
    await ft.publish(by_hand("ends", [ways, task("after", "After")]))
    stopped = await walked(ft, "ends", "contact", await ft.create("contact", email="a@example.com", country="NO"))
    assert (stopped["end_reason"], stopped["end_detail"]) == ("completed", "not interested")
    assert await steps(ft, stopped) == ["which", "stop"]
    through = await walked(ft, "ends", "contact", await ft.create("contact", email="b@example.com"))
    assert (through["end_reason"], through["end_detail"]) == ("completed", None)


async def test_a_step_switched_off_is_passed_over_and_says_so(ft: Running) -> None:
    off = [{**email("hello", "Hello"), "enabled": False}, {**gap("long", days=9), "enabled": False}]
    await ft.publish(by_hand("off", [*off, task("call", "Call")]))
    over = await walked(ft, "off", "contact", await ft.create("contact", email="ana@example.com"))
    assert await way(ft, over) == [
        ("hello", "skipped", "disabled"),
        ("long", "skipped", "disabled"),
        ("call", "done", None),
    ]
    assert ft.outbox() == []


async def test_what_stands_inside_a_step_switched_off_is_passed_over_with_it(ft: Running) -> None:
    big = {"id": "big", "where": {"property": "score", "op": "unknown"}, "steps": [task("in", "In")]}
    off = [
        {"id": "fork", "kind": "branch", "branches": [big], "otherwise": [task("out", "Out")], "enabled": False},
        {"id": "again", "kind": "goto", "to": "fork", "max_visits": 3, "enabled": False},
        {"id": "stop", "kind": "end", "enabled": False},
    ]
    await ft.publish(by_hand("off", [*off, task("call", "Call")]))
    over = await walked(ft, "off", "contact", await ft.create("contact", email="ana@example.com"))
    assert await way(ft, over) == [
        ("fork", "skipped", "disabled"),
        ("again", "skipped", "disabled"),
        ("stop", "skipped", "disabled"),
        ("call", "done", None),
    ]


@pytest.mark.parametrize("on_error", ["continue", "exit"])
async def test_a_failed_action_goes_where_on_error_says(ft: Running, on_error: str) -> None:
    user = await ft.call("POST", "/users", {"name": "Kim", "email": "kim@example.com"})
    tell = {
        "id": "tell",
        "kind": "action",
        "action": "notify_user",
        "on_error": on_error,
        "config": {"title": "Look", "users": [user["id"]]},
    }
    await ft.publish(by_hand("errors", [tell, task("call", "Call")]))
    await ft.forget_user(user["id"])
    over = await walked(ft, "errors", "contact", await ft.create("contact", email="ana@example.com"))
    after, end = {
        "continue": ([("call", "done", None)], ("completed", None)),
        "exit": ([], ("failed", "tell: broken_reference")),
    }[on_error]
    assert await way(ft, over) == [("tell", "failed", "broken_reference"), *after]
    assert (over["end_reason"], over["end_detail"]) == end


async def test_a_company_an_opportunity_and_a_ticket_are_carried_by_their_own_workflows(ft: Running) -> None:
    new: dict[str, dict[str, Any]] = {
        "company": {"name": "Ibsen AS", "domain": "ibsen.example.com"},
        "opportunity": {"name": "Ibsen AS", "stage": "Engaging", "close_value": 9000},
        "ticket": {"subject": "Ibsen AS", "priority": "high"},
    }
    where = {
        "company": is_("name", "Ibsen AS"),
        "opportunity": {"property": "close_value", "op": "gte", "value": 5000},
        "ticket": {"property": "priority", "op": "in", "value": ["high", "urgent"]},
    }
    for object, properties in new.items():
        name = "subject" if object == "ticket" else "name"
        own = by_hand(f"{object}-work", [branch(("yes", where[object])), task("call", f"{{{{ {object}.{name} }}}}")])
        await ft.publish({**own, "object": object})
        record = await ft.create(object, **properties)
        over = await walked(ft, f"{object}-work", object, record)
        assert await steps(ft, over) == ["which", "t_yes", "call"]
        titles = [t["title"] for t in (await ft.call("GET", f"/tasks?workflow={object}-work"))["items"]]
        assert "Ibsen AS" in titles


async def test_records_of_an_own_type_enter_wait_and_are_changed_like_any_other(ft: Running) -> None:
    properties: list[Any] = [
        {"name": "code", "type": "string", "unique": True},
        {"name": "state", "type": "enum", "options": [{"value": "open"}, {"value": "paid"}]},
        {"name": "note", "type": "string"},
    ]
    await ft.call("POST", "/objects", {"name": "invoice", "label": "Invoice", "properties": properties})
    mark = {"id": "mark", "kind": "action", "action": "set_property", "config": {"property": "note", "value": "late"}}
    own = by_hand(
        "dunning",
        [task("call", "Ask for {{ invoice.code }}"), gap(seconds=1), mark],
        entry={"triggers": [{"id": "t1", "on": "filter", "where": is_("state", "open")}]},
        exit={"goals": [{"id": "paid", "name": "Paid", "where": is_("state", "paid")}]},
    )
    await ft.publish({**own, "object": "invoice"})
    late = await ft.create("invoice", code="F-1", state="open")
    await ft.settled()
    (enrollment,) = await ft.enrollments("dunning")
    assert (await ft.ended(enrollment["id"]))["end_reason"] == "completed"
    assert (await ft.call("GET", f"/records/invoice/{late}"))["properties"]["note"] == "late"
    assert [t["title"] for t in (await ft.call("GET", "/tasks?workflow=dunning"))["items"]] == ["Ask for F-1"]


async def test_a_branch_on_the_bound_opportunity_looks_at_no_other_one(ft: Running) -> None:
    await ft.publish(by_hand("bound", [branch(("large", of_opportunity("close_value", "gte", 5000)))]))
    contact = await ft.create("contact", email="ana@example.com")
    small = await ft.create("opportunity", name="Small", stage="Engaging", close_value=10)
    large = await ft.create("opportunity", name="Large", stage="Engaging", close_value=9000)
    for deal in (small, large):
        await ft.associate("contact", contact, "opportunity", deal)
    for deal, step in ((small, "t_rest"), (large, "t_large")):
        over = await walked(ft, "bound", "contact", contact, opportunity_id=deal)
        assert await steps(ft, over) == ["which", step]
