"""Edits of a draft, step by step, and clones, through the API."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.base import Json
from services.authoring import editing
from services.authoring.workflows import Saved, save_draft
from tests.api.conftest import Caller
from tests.api.definitions import follow_up


def task(id: str, **more: Json) -> dict[str, Json]:
    return {"id": id, "kind": "action", "action": "create_task", "config": {"title": id}, **more}


STEPS: list[Json] = [
    {"id": "gap", "kind": "delay", "for": {"days": 1}},
    {
        "id": "fork",
        "kind": "branch",
        "branches": [
            {
                "id": "big",
                "where": {"property": "score", "op": "gt", "value": 10},
                "steps": [task("call"), task("visit"), task("thank")],
            }
        ],
        "otherwise": [task("write")],
    },
    {"id": "again", "kind": "goto", "to": "gap", "max_visits": 2},
    task("close"),
]
"""A branch with three tasks in it, a way back to the first step, and a task at the end."""


async def draft(api: Caller, slug: str = "follow-up") -> tuple[Any, str]:
    found = await api.call("GET", f"/workflows/{slug}")
    return found.json()["definition"], found.headers["ETag"]


def ids(steps: list[Any]) -> list[str]:
    return [step["id"] for step in steps]


async def test_a_step_is_switched_off_named_and_noted(api: Caller) -> None:
    await api.ok("POST", "/workflows", follow_up(steps=STEPS), status=201)
    _, tag = await draft(api)
    body = {"enabled": False, "note": "Not before May", "name": "Call them"}
    saved = await api.ok("PATCH", "/workflows/follow-up/steps/call", body, If_Match=tag)
    assert saved["problems"] == []
    changed, tag = await draft(api)
    call = changed["steps"][1]["branches"][0]["steps"][0]
    assert {name: call[name] for name in body} == body

    await api.ok("PATCH", "/workflows/follow-up/steps/call", {"enabled": None, "note": None}, If_Match=tag)
    call = (await draft(api))[0]["steps"][1]["branches"][0]["steps"][0]
    assert (call.get("enabled", True), call.get("note", ""), call["name"]) == (True, "", "Call them")


async def test_a_step_is_deleted_alone_or_with_all_below_it_in_its_list(api: Caller) -> None:
    await api.ok("POST", "/workflows", follow_up(steps=STEPS), status=201)
    _, tag = await draft(api)
    await api.ok("DELETE", "/workflows/follow-up/steps/call", If_Match=tag)
    left, tag = await draft(api)
    assert ids(left["steps"][1]["branches"][0]["steps"]) == ["visit", "thank"]

    await api.ok("DELETE", "/workflows/follow-up/steps/visit?and_after=true", If_Match=tag)
    left, tag = await draft(api)
    assert left["steps"][1]["branches"][0].get("steps", []) == []
    # Where the branches join again the others come by as well.
    assert ids(left["steps"]) == ["gap", "fork", "again", "close"]

    await api.ok("DELETE", "/workflows/follow-up/steps/fork?and_after=true", If_Match=tag)
    assert ids((await draft(api))[0]["steps"]) == ["gap"]


async def test_what_led_to_a_deleted_step_is_told(api: Caller) -> None:
    await api.ok("POST", "/workflows", follow_up(steps=STEPS), status=201)
    _, tag = await draft(api)
    saved = await api.ok("DELETE", "/workflows/follow-up/steps/gap", If_Match=tag)
    assert [(each["path"], each["code"]) for each in saved["problems"]] == [("/steps/1/to", "unknown_step")]


async def test_a_draft_with_mistakes_is_edited_as_it_stands(api: Caller) -> None:
    wrong = follow_up(steps=[task("a"), {"id": "b", "kind": "nonsense"}, "no step", task("a"), task("c")])
    await api.ok("POST", "/workflows", wrong, status=201)
    _, tag = await draft(api)
    found = await api.problem("DELETE", "/workflows/follow-up/steps/a", status=409, If_Match=tag)
    assert "2 steps of the draft are called a" in found["detail"]
    await api.problem("DELETE", "/workflows/follow-up/steps/z", status=404, If_Match=tag)
    await api.ok("DELETE", "/workflows/follow-up/steps/b", If_Match=tag)
    assert (await draft(api))[0]["steps"][1] == "no step"


async def test_an_edit_says_which_state_it_means(api: Caller) -> None:
    await api.ok("POST", "/workflows", follow_up(steps=STEPS), status=201)
    _, tag = await draft(api)
    path = "/workflows/follow-up/steps/call"
    await api.problem("PATCH", path, {"enabled": False}, status=428)
    await api.problem("DELETE", path, status=428)
    await api.ok("PATCH", path, {"enabled": False}, If_Match=tag)
    await api.problem("DELETE", path, status=412, If_Match=tag)
    await api.problem("PATCH", path, {"colour": "red"}, status=422, If_Match=tag)


async def test_two_edits_of_whatever_the_draft_is_are_both_kept(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.ok("POST", "/workflows", follow_up(steps=STEPS), status=201)
    has_read, may_save = asyncio.Event(), asyncio.Event()

    async def slowly(*args: Any, **named: Any) -> Saved:
        if not has_read.is_set():
            has_read.set()
            await may_save.wait()
        return await save_draft(*args, **named)

    async def edit(step: str, note: str) -> None:
        # Not through the API, where who edits the same workflow waits for its turn in the audit log.
        async with api.inst.db.transaction() as tx:
            values, now = {"note": note}, api.inst.clock.now()
            await editing.edit_step(tx, api.inst, "follow-up", step, values, if_match="*", now=now)

    monkeypatch.setattr(editing, "save_draft", slowly)
    one = asyncio.create_task(edit("call", "one"))
    await has_read.wait()
    two = asyncio.create_task(edit("visit", "two"))
    if api.inst.db.dialect == "postgresql":  # On SQLite nobody even begins while somebody else edits.
        await two
    may_save.set()
    await asyncio.gather(one, two)
    call, visit, _ = (await draft(api))[0]["steps"][1]["branches"][0]["steps"]
    assert (call.get("note"), visit.get("note")) == ("one", "two")


async def test_a_published_version_stays_as_it_is(api: Caller) -> None:
    await api.publish(follow_up(steps=STEPS))
    _, tag = await draft(api)
    await api.ok("DELETE", "/workflows/follow-up/steps/close", If_Match=tag)
    version = await api.ok("GET", "/workflows/follow-up/versions/1")
    assert ids(version["definition"]["steps"]) == ["gap", "fork", "again", "close"]


async def test_a_clone_is_off_and_speaks_of_itself(api: Caller) -> None:
    entry = {
        "triggers": [{"id": "t1", "on": "filter", "where": {"property": "score", "op": "gt", "value": 5}}],
        "suppress": {"workflow": "follow-up", "status": "met_goal"},
        "remove_from": ["other"],
    }
    await api.publish(follow_up(slug="other"))
    settings = {"turn_off_at": "2027-12-31T00:00:00+01:00"}
    await api.publish(follow_up(name="Follow-up", entry=entry, settings=settings, steps=STEPS))
    made = await api.ok("POST", "/workflows/follow-up/clone", {"slug": "spring"}, status=201)
    assert (made["name"], made["is_on"], made["version"]) == ("Copy of Follow-up", False, None)
    assert made["problems"] == []
    copy, _ = await draft(api, "spring")
    assert copy["entry"]["suppress"]["workflow"] == "spring"
    assert copy["entry"]["remove_from"] == ["other"]
    assert copy.get("settings", {}).get("turn_off_at") is None
    assert copy["steps"] == (await draft(api))[0]["steps"]


async def test_steps_of_a_clone_that_named_the_workflow_name_the_clone(lite: Caller) -> None:
    configs: list[dict[str, Json]] = [
        {"workflow": "follow-up"},
        {"workflow": "follow-up", "of": {"object": "contact"}, "mistaken": True},
        {"workflow": "other"},
        {},
    ]
    leaving: list[Json] = [
        {"id": f"out-{n}", "kind": "action", "action": "remove_from_workflow", "config": config}
        for n, config in enumerate(configs)
    ]
    telling: Json = {"id": "tell", "kind": "action", "action": "create_task", "config": {"title": "follow-up"}}
    fork: Json = {"id": "fork", "kind": "branch", "branches": [], "otherwise": [*leaving, telling]}
    await lite.ok("POST", "/workflows", follow_up(steps=[fork]), status=201)
    await lite.ok("POST", "/workflows/follow-up/clone", {"slug": "spring"}, status=201)
    made = [step["config"] for step in (await draft(lite, "spring"))[0]["steps"][0]["otherwise"]]
    assert [each.get("workflow") for each in made] == ["spring", "spring", "other", None, None]
    assert made[-1]["title"] == "follow-up"


@pytest.mark.parametrize(("body", "status"), [({"slug": "follow-up"}, 409), ({"slug": "No slug"}, 422), ({}, 422)])
async def test_a_clone_has_a_slug_of_its_own(lite: Caller, body: object, status: int) -> None:
    await lite.ok("POST", "/workflows", follow_up(), status=201)
    await lite.problem("POST", "/workflows/follow-up/clone", body, status=status)


async def test_what_is_not_there_is_not_cloned(lite: Caller) -> None:
    await lite.problem("POST", "/workflows/nothing/clone", {"slug": "a"}, status=404)
