"""Workflows through the API: drafts, problems, versions, on and off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import activities.actions
from commands.moving import preview_text
from tests.api.conftest import Caller
from tests.api.definitions import follow_up


async def test_a_draft_is_stored_with_its_mistakes_and_published_without(api: Caller) -> None:
    wrong = follow_up(steps=[{"id": "call", "kind": "action", "action": "phone", "config": {}}])
    made = await api.ok("POST", "/workflows", wrong, status=201)
    assert [problem["code"] for problem in made["problems"]] == ["unknown_action"]
    refused = await api.problem("POST", "/workflows/follow-up/publish", {}, status=422)
    assert refused["errors"][0] == {
        "path": "/steps/0/action",
        "code": "unknown_action",
        "message": made["problems"][0]["message"],
    }

    answer = await api.call("GET", "/workflows/follow-up")
    saved = await api.ok("PUT", "/workflows/follow-up", follow_up(), If_Match=answer.headers["ETag"])
    assert saved["problems"] == []
    assert (await api.ok("POST", "/workflows/follow-up/publish"))["version"] == 1
    shown = await api.ok("GET", "/workflows/follow-up")
    assert (shown["version"], shown["is_on"]) == (1, True)


async def test_a_draft_is_saved_only_over_the_state_that_was_read(api: Caller) -> None:
    await api.ok("PUT", "/workflows/follow-up", follow_up(), status=201)
    tag = (await api.call("GET", "/workflows/follow-up")).headers["ETag"]
    await api.problem("PUT", "/workflows/follow-up", follow_up(name="B"), status=428)
    await api.ok("PUT", "/workflows/follow-up", follow_up(name="B"), If_Match=tag)
    await api.problem("PUT", "/workflows/follow-up", follow_up(name="C"), status=412, If_Match=tag)
    await api.problem("DELETE", "/workflows/follow-up", status=428)
    await api.problem("DELETE", "/workflows/follow-up", status=412, If_Match=tag)
    await api.ok("DELETE", "/workflows/follow-up", status=204, If_Match="*")
    await api.problem("GET", "/workflows/follow-up", status=404)


async def test_a_slug_is_taken_once(lite: Caller) -> None:
    await lite.ok("POST", "/workflows", follow_up(), status=201)
    found = await lite.problem("POST", "/workflows", follow_up(), status=409)
    assert found["type"].endswith(":slug_taken")


async def test_validating_stores_nothing(lite: Caller) -> None:
    wrong = follow_up(steps=[{"id": "gap", "kind": "delay", "for": {"days": 0}}])
    found = await lite.ok("POST", "/workflows/new/validate", wrong)
    assert [problem["code"] for problem in found["problems"]] == ["zero_duration"]
    await lite.problem("GET", "/workflows/follow-up", status=404)
    await lite.ok("POST", "/workflows", wrong, status=201)
    assert (await lite.ok("POST", "/workflows/follow-up/validate"))["problems"] == found["problems"]


async def test_versions_never_change(api: Caller) -> None:
    await api.publish(follow_up())
    await api.ok("PUT", "/workflows/follow-up", follow_up(name="Second"), If_Match="*")
    assert (await api.ok("POST", "/workflows/follow-up/publish", {}))["version"] == 2
    listed = await api.ok("GET", "/workflows/follow-up/versions?limit=1")
    older = await api.ok("GET", f"/workflows/follow-up/versions?limit=1&cursor={listed['next_cursor']}")
    assert [item["version"] for item in (*listed["items"], *older["items"])] == [2, 1]
    assert (await api.ok("GET", "/workflows/follow-up/versions/1"))["definition"]["name"] == "Follow up"
    await api.problem("GET", "/workflows/follow-up/versions/3", status=404)


async def test_a_workflow_is_turned_off_and_on(api: Caller) -> None:
    await api.ok("POST", "/workflows", follow_up(), status=201)
    await api.problem("POST", "/workflows/follow-up/turn-on", status=409)
    await api.ok("POST", "/workflows/follow-up/publish")
    assert (await api.ok("POST", "/workflows/follow-up/turn-off"))["is_on"] is False
    assert (await api.ok("POST", "/workflows/follow-up/turn-on"))["is_on"] is True
    assert [item["slug"] for item in (await api.ok("GET", "/workflows"))["items"]] == ["follow-up"]


async def test_a_preview_of_publishing_says_of_how_many_it_tells(lite: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.telling.move_preview.MOST", 2)
    monkeypatch.setattr("services.telling.move_preview.PAGE", 1)
    await lite.publish(follow_up())
    for n in range(3):
        contact = (await lite.create("contact", email=f"c{n}@example.com"))["id"]
        body = {"record": {"object": "contact", "id": contact}}
        await lite.ok("POST", "/workflows/follow-up/enrollments", body, status=202)
    steps = [{"id": "fresh", "kind": "delay", "for": {"minutes": 5}}, *follow_up()["steps"]]
    await lite.ok("PUT", "/workflows/follow-up", follow_up(steps=steps), If_Match="*")
    found = await lite.ok("POST", "/workflows/follow-up/publish", {"in_flight": "move", "dry_run": True})
    assert (found["inside"], found["looked_at"], [each["inside"] for each in found["moves"]]) == (3, 2, [2])
    assert "3 are inside, of whom these are the first 2 that entered" in preview_text(found)


async def test_a_preview_of_publishing_stores_nothing(api: Caller) -> None:
    await api.publish(follow_up())
    contact = (await api.ok("POST", "/records/contact", {"properties": {"email": "ana@example.com"}}, status=201))["id"]
    body = {"record": {"object": "contact", "id": contact}}
    await api.ok("POST", "/workflows/follow-up/enrollments", body, status=202)
    steps = [{"id": "fresh", "kind": "delay", "for": {"minutes": 5}}, *follow_up()["steps"]]
    await api.ok("PUT", "/workflows/follow-up", follow_up(steps=steps), If_Match="*")
    wanted = {"in_flight": "move", "dry_run": True}
    found = await api.ok("POST", "/workflows/follow-up/publish", wanted)
    assert (found["version"], found["dry_run"]) == (2, True)
    assert found["inside"] == found["looked_at"]
    (moves,) = found["moves"]
    assert (moves["inside"], [target["count"] for target in moves["to"]]) == (1, [1])
    assert found == await api.ok("POST", "/workflows/follow-up/publish", wanted)
    assert (await api.ok("POST", "/workflows/follow-up/publish", {"dry_run": True}))["moves"] == []
    assert (await api.ok("GET", "/workflows/follow-up"))["version"] == 1
    assert (await api.ok("GET", "/jobs"))["items"] == []
    await api.ok("PUT", "/workflows/follow-up", follow_up(steps=[{"id": "x", "kind": "delay"}]), If_Match="*")
    assert (await api.problem("POST", "/workflows/follow-up/publish", wanted, status=422))["errors"]


async def test_publishing_may_move_those_inside_by_a_job(api: Caller) -> None:
    await api.publish(follow_up())
    contact = (await api.ok("POST", "/records/contact", {"properties": {"email": "ana@example.com"}}, status=201))["id"]
    body = {"record": {"object": "contact", "id": contact}}
    await api.ok("POST", "/workflows/follow-up/enrollments", body, status=202)
    await api.ok("PUT", "/workflows/follow-up", follow_up(name="Second"), If_Match="*")
    assert (await api.ok("POST", "/workflows/follow-up/publish", {"in_flight": "stay"}))["move_job_id"] is None
    await api.ok("PUT", "/workflows/follow-up", follow_up(name="Third"), If_Match="*")
    made = await api.ok("POST", "/workflows/follow-up/publish", {"in_flight": "move"})
    job = await api.ok("GET", f"/jobs/{made['move_job_id']}")
    assert (job["kind"], job["status"], job["total"], job["input"]["version"]) == ("move", "queued", 1, 3)


async def test_a_definition_over_its_limit_is_too_large(lite: Caller) -> None:
    await lite.problem("POST", "/workflows", follow_up(description="x" * 1_100_000), status=413)


async def test_the_catalogue_and_the_format_are_served(lite: Caller) -> None:
    actions = (await lite.ok("GET", "/actions"))["items"]
    files = Path(activities.actions.__file__).parent.glob("[a-z]*.py")
    assert [action["name"] for action in actions] == sorted(file.stem for file in files)
    (made,) = (action for action in actions if action["name"] == "create_task")
    assert made["config"]["properties"]["title"]["description"]
    assert (await lite.ok("GET", "/schemas/definition"))["properties"]["steps"]


async def test_everything_fixed_that_was_changed_is_told_at_once(lite: Caller) -> None:
    await lite.ok("POST", "/workflows", follow_up(), status=201)
    changed = follow_up(object="company", type="scheduled")
    found = await lite.problem("PUT", "/workflows/follow-up", changed, status=422, If_Match="*")
    assert [error["path"] for error in found["errors"]] == ["/object", "/type"]


TRIGGER = {"id": "t1", "on": "changed", "property": "citty"}
IN_LIST = {"id": "t1", "on": "filter", "where": {"list": "vips", "op": "member"}}
JUMP = {"id": "won", "name": "Won", "where": {"property": "city", "op": "known"}, "go_to": "nowhere"}


@pytest.mark.parametrize(
    ("parts", "path", "words"),
    [
        ({"entry": {"triggers": [TRIGGER]}}, "/entry/triggers/0/property", "citty"),
        ({"entry": {"triggers": [IN_LIST]}}, "/entry/triggers/0/where/list", "vips"),
        ({"exit": {"goals": [JUMP]}}, "/exit/goals/0/go_to", "nowhere"),
    ],
)
async def test_what_leads_nowhere_is_refused_at_publish_with_its_place_and_words(
    lite: Caller, parts: dict[str, Any], path: str, words: str
) -> None:
    await lite.ok("POST", "/workflows", follow_up(**parts), status=201)
    refused = await lite.problem("POST", "/workflows/follow-up/publish", {}, status=422)
    told = {error["path"]: error["message"] for error in refused["errors"]}
    assert list(told) == [path]
    assert words in told[path]
    assert (await lite.ok("GET", "/workflows/follow-up"))["version"] is None
