"""Users who change, and teams, through the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Caller

AWAY = [{"from": "2026-12-21", "to": "2027-01-03"}]
VALIDATE = "/workflows/share/validate"


async def _user(api: Caller, name: str, **more: Any) -> Any:
    body = {"name": name, "email": f"{name.lower()}@example.com", **more}
    return await api.ok("POST", "/users", body, status=201)


def _rotating(config: dict[str, Any]) -> dict[str, Any]:
    step = {"id": "turn", "kind": "action", "action": "rotate_owner", "config": config}
    return {"slug": "share", "name": "Share", "object": "contact", "entry": {"triggers": []}, "steps": [step]}


async def test_what_is_sent_of_a_user_changes_and_the_rest_stays(api: Caller) -> None:
    boss, kim = await _user(api, "Bo"), await _user(api, "Kim", away=AWAY, timezone="Europe/Oslo")
    assert (kim["away"], kim["timezone"], kim["available"]) == (AWAY, "Europe/Oslo", True)

    body = {"name": "Kim Lund", "email": "KIM.L@example.com", "manager_id": boss["id"], "available": False, "away": []}
    changed = await api.ok("PATCH", f"/users/{kim['id']}", body)

    wanted = {**kim, **body, "email": "kim.l@example.com"}
    assert changed == wanted == await api.ok("GET", f"/users/{kim['id']}")
    changed = await api.ok("PATCH", f"/users/{kim['id']}", {"manager_id": None, "timezone": None, "active": False})
    assert changed == {**wanted, "manager_id": None, "timezone": None, "active": False}


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"email": "kim"}, "/email", "wrong_value"),
        ({"manager_id": "nobody"}, "/manager_id", "unknown_user"),
        ({"timezone": "Mars/Base"}, "/timezone", "wrong_zone"),
        ({"away": [*AWAY, {"from": "2026-12-21", "to": "2026-12-20"}]}, "/away/1", "wrong_value"),
        ({"away": [{"from": "2026-12-21"}]}, "/away/0/to", "missing_field"),
        ({"name": " "}, "/name", "wrong_value"),
    ],
)
async def test_a_mistake_about_a_user_is_told_with_its_place(
    lite: Caller, body: dict[str, Any], path: str, code: str
) -> None:
    kim = await _user(lite, "Kim")
    found = await lite.problem("PATCH", f"/users/{kim['id']}", body, status=422)
    assert [(error["path"], error["code"]) for error in found["errors"]] == [(path, code)]
    assert await lite.ok("GET", f"/users/{kim['id']}") == kim


async def test_nobody_is_their_own_manager_or_takes_the_address_of_another(api: Caller) -> None:
    kim, _ = await _user(api, "Kim"), await _user(api, "Bo")
    found = await api.problem("PATCH", f"/users/{kim['id']}", {"manager_id": kim["id"]}, status=422)
    assert [error["path"] for error in found["errors"]] == ["/manager_id"]
    found = await api.problem("PATCH", f"/users/{kim['id']}", {"email": "BO@example.com"}, status=409)
    assert found["type"].endswith(":not_unique")
    await api.problem("PATCH", "/users/nobody", {"name": "Kim"}, status=404)


async def test_a_team_has_members_in_their_order(api: Caller) -> None:
    kim, bo = await _user(api, "Kim"), await _user(api, "Bo")
    members = [{"user": bo["id"], "weight": 3}, {"user": kim["id"], "weight": 1}]
    made = await api.ok("POST", "/teams", {"slug": "sales", "members": members}, status=201)
    assert (made["name"], made["members"], made["archived"]) == ("sales", members, False)
    assert (await api.problem("POST", "/teams", {"slug": "sales"}, status=409))["type"].endswith(":slug_taken")

    changed = await api.ok("PATCH", "/teams/sales", {"name": "Sales", "members": members[1:]})

    assert (changed["name"], changed["members"]) == ("Sales", members[1:])
    assert await api.ok("GET", "/teams/sales") == changed
    assert (await api.ok("GET", "/teams"))["items"] == [changed]
    await api.problem("PATCH", "/teams/support", {"name": "Support"}, status=404)


async def test_members_are_active_users_each_once_and_who_left_may_stay(api: Caller) -> None:
    kim, gone = await _user(api, "Kim"), await _user(api, "Gone")
    members = [{"user": kim["id"]}, {"user": gone["id"]}]
    await api.ok("POST", "/teams", {"slug": "sales", "members": members}, status=201)
    await api.ok("PATCH", f"/users/{gone['id']}", {"active": False})

    await api.ok("PATCH", "/teams/sales", {"members": members})
    wrong = [*members, {"user": kim["id"]}, {"user": "nobody"}]
    found = await api.problem("POST", "/teams", {"slug": "A team", "members": wrong}, status=422)

    assert [(error["path"], error["code"]) for error in found["errors"]] == [
        ("/slug", "wrong_value"),
        ("/members/1/user", "unknown_user"),
        ("/members/2/user", "duplicate_id"),
        ("/members/3/user", "unknown_user"),
    ]


async def test_publishing_names_a_team_that_is_not_there_or_archived(api: Caller) -> None:
    kim = await _user(api, "Kim")
    await api.ok("POST", "/teams", {"slug": "sales", "members": [{"user": kim["id"]}]}, status=201)
    assert (await api.ok("POST", VALIDATE, _rotating({"team": "sales"})))["problems"] == []

    (problem,) = (await api.ok("POST", VALIDATE, _rotating({"team": "sale"})))["problems"]
    assert (problem["path"], problem["code"]) == ("/steps/0/config/team", "unknown_team")
    assert "'sales'" in problem["message"]
    await api.ok("PATCH", "/teams/sales", {"archived": True})
    (problem,) = (await api.ok("POST", VALIDATE, _rotating({"team": "sales"})))["problems"]
    assert problem["message"] == "team 'sales' is archived"
