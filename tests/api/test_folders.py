"""Folders and search: finding a workflow among many, and putting it where it belongs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Caller

END = {"id": "end", "kind": "end"}


async def made(api: Caller, slug: str, folder: str = "", **parts: Any) -> None:
    body = {"slug": slug, "name": slug, "object": "contact", "folder": folder, "steps": [END], **parts}
    await api.ok("POST", "/workflows", body, status=201)


async def slugs(api: Caller, query: str) -> list[str]:
    return [each["slug"] for each in (await api.ok("GET", f"/workflows?{query}"))["items"]]


async def test_workflows_are_found_by_words_folder_and_kind(api: Caller) -> None:
    await made(api, "webinar", "Marketing/Webinars", name="Follow-up [MKT-03]", description="After the Webinar")
    await made(api, "birthday", "Marketing", name="Birthday 100% off")
    await made(api, "hand-over", "Marketing and Sales", object="opportunity", managed_by="recipe")
    await made(api, "alone")
    await api.ok("POST", "/workflows/birthday/publish", {})
    assert await slugs(api, "folder=Marketing") == ["webinar", "birthday"]
    assert await slugs(api, "search=FOLLOW mkt-03") == ["webinar"]
    assert await slugs(api, "search=after webinar") == ["webinar"]
    assert await slugs(api, "search=webinar birthday") == []
    assert await slugs(api, "search=100%25") == ["birthday"]
    assert await slugs(api, "search=1_0") == []
    assert await slugs(api, "object=opportunity") == ["hand-over"]
    assert await slugs(api, "managed_by=recipe") == ["hand-over"]
    assert await slugs(api, "on=true") == ["birthday"]
    assert await slugs(api, "on=false&folder=Marketing") == ["webinar"]
    first = await api.ok("GET", "/workflows?folder=Marketing&limit=1")
    second = await api.ok("GET", f"/workflows?folder=Marketing&limit=1&cursor={first['next_cursor']}")
    assert [each["slug"] for each in (*first["items"], *second["items"])] == ["webinar", "birthday"]
    assert [tuple(each.values()) for each in (await api.ok("GET", "/folders"))["items"]] == [
        ("", 1, 1, 0), ("Marketing", 1, 2, 1), ("Marketing and Sales", 1, 1, 0), ("Marketing/Webinars", 1, 1, 0),
    ]  # fmt: skip


async def test_a_workflow_is_moved_and_a_folder_renamed_with_those_below_it(api: Caller) -> None:
    await made(api, "a", "Sales/Leads")
    await made(api, "b", "Sales")
    await made(api, "c")
    await api.ok("POST", "/workflows/b/publish", {})
    assert (await api.ok("PUT", "/workflows/c/folder", {"folder": " Sales / Late "}))["folder"] == "Sales/Late"
    moved = await api.ok("POST", "/folders/rename", {"folder": "Sales", "to": "Growth/EU"})
    assert moved["workflows"] == ["a", "b", "c"]
    assert [(await api.ok("GET", f"/workflows/{each}"))["folder"] for each in "abc"] == [
        "Growth/EU/Leads", "Growth/EU", "Growth/EU/Late",
    ]  # fmt: skip
    shown = await api.ok("GET", "/workflows/b")
    assert (shown["definition"]["folder"], shown["is_on"], shown["version"]) == ("Growth/EU", True, 1)
    await api.problem("POST", "/folders/rename", {"folder": "Sales", "to": "X"}, status=404)


@pytest.mark.parametrize("folder", ["a//b", "/a", "a/", "x" * 201])
async def test_a_folder_that_is_no_path_is_refused(lite: Caller, folder: str) -> None:
    await made(lite, "a")
    await lite.problem("PUT", "/workflows/a/folder", {"folder": folder}, status=422)
