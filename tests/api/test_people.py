"""Users, API keys and the account through the API."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from api.__main__ import accept_bootstrap_key
from settings import Settings
from tests.api.conftest import Caller


async def test_users_are_added_once_per_address(api: Caller) -> None:
    boss = await api.ok("POST", "/users", {"name": "Bo", "email": "bo@example.com"}, status=201)
    body = {"name": "Kim", "email": "Kim@example.com", "manager_id": boss["id"]}
    made = await api.ok("POST", "/users", body, status=201)
    assert made["manager_id"] == boss["id"]
    found = await api.problem("POST", "/users", {"name": "Kim", "email": "kim@example.com"}, status=409)
    assert found["type"].endswith(":not_unique")
    assert [user["name"] for user in (await api.ok("GET", "/users"))["items"]] == ["Bo", "Kim"]
    assert await api.ok("GET", f"/users/{made['id']}") == made


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": "Kim", "email": "kim"}, "/email"),
        ({"name": " ", "email": "kim@example.com"}, "/name"),
        ({"name": "Kim", "email": "kim@example.com", "manager_id": "nobody"}, "/manager_id"),
    ],
)
async def test_a_user_needs_a_name_an_address_and_a_real_manager(lite: Caller, body: object, path: str) -> None:
    found = await lite.problem("POST", "/users", body, status=422)
    assert [error["path"] for error in found["errors"]] == [path]


async def test_a_key_opens_what_it_was_made_for_until_it_is_revoked(api: Caller) -> None:
    made = await api.ok("POST", "/api-keys", {"name": "Reader", "scopes": ["records:read"]}, status=201)
    listed = (await api.ok("GET", "/api-keys"))["items"]
    assert "key" not in listed[-1]
    assert made["key"].startswith(listed[-1]["prefix"])
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert (await api.http.get("/api/v1/records/contact", headers=headers)).status_code == 200
    assert (await api.http.post("/api/v1/records/contact", json={"properties": {}}, headers=headers)).status_code == 403
    await api.ok("DELETE", f"/api-keys/{made['id']}", status=204)
    assert (await api.http.get("/api/v1/records/contact", headers=headers)).status_code == 401
    await api.problem("DELETE", f"/api-keys/{made['id']}", status=404)
    await api.problem("POST", "/api-keys", {"name": "X", "scopes": ["everything"]}, status=422)


async def test_the_account_is_changed_field_by_field(api: Caller) -> None:
    before = await api.ok("GET", "/account")
    after = await api.ok("PATCH", "/account", {"timezone": "Europe/Oslo", "default_region": "NO"})
    assert after == {**before, "timezone": "Europe/Oslo", "default_region": "NO"}
    assert await api.ok("GET", "/account") == after


@pytest.mark.parametrize(
    "body", [{"timezone": "Oslo"}, {"default_region": "Norway"}, {"mail_from": "nobody"}, {"colour": "red"}]
)
async def test_a_wrong_account_is_refused_by_field(lite: Caller, body: dict[str, str]) -> None:
    found = await lite.problem("PATCH", "/account", body, status=422)
    assert [error["path"] for error in found["errors"]] == [f"/{name}" for name in body]


async def test_object_types_and_properties_are_added(api: Caller) -> None:
    body = {"name": "plan", "properties": [{"name": "number", "type": "string", "unique": True}]}
    made = await api.ok("POST", "/objects", body, status=201)
    assert made["builtin"] is False
    added = {"name": "level", "type": "enum", "options": [{"value": "gold"}]}
    await api.ok("POST", "/objects/plan/properties", added, status=201)
    await api.problem("POST", "/objects/plan/properties", added, status=409)
    await api.ok("PATCH", "/objects/plan/properties/level", {"options": [{"value": "silver", "label": "Silver"}]})
    record = await api.create("plan", number="1", level="silver")
    assert record["object"] == "plan"
    shown = await api.ok("GET", "/objects/plan/properties")
    level = next(each for each in shown["items"] if each["name"] == "level")
    assert [option["value"] for option in level["options"]] == ["gold", "silver"]
    assert (await api.ok("PATCH", "/objects/plan", {"label": "Plans"}))["label"] == "Plans"
    names = {each["name"] for each in (await api.ok("GET", "/objects"))["items"]}
    assert names == {"contact", "company", "opportunity", "ticket", "plan"}


async def test_a_wrong_object_type_is_refused_with_every_mistake(lite: Caller) -> None:
    body = {"name": "X", "properties": [{"name": "id", "type": "enum"}]}
    found = await lite.problem("POST", "/objects", body, status=422)
    assert {error["path"] for error in found["errors"]} == {
        "/name", "/properties", "/properties/0/name", "/properties/0/options"
    }  # fmt: skip
    await lite.problem("POST", "/objects/contact/properties", {"name": "x", "type": "colour"}, status=422)


async def test_a_bootstrap_key_that_was_revoked_neither_opens_nor_keeps_the_api_from_starting(
    api: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(bootstrap_key=SecretStr("ft_given_by_the_settings"))
    headers = {"Authorization": "Bearer ft_given_by_the_settings"}
    await accept_bootstrap_key(api.inst, settings)
    assert (await api.http.get("/api/v1/users", headers=headers)).status_code == 200
    made = (await api.ok("GET", "/api-keys"))["items"][-1]
    await api.ok("DELETE", f"/api-keys/{made['id']}", status=204)
    assert not caplog.records

    await accept_bootstrap_key(api.inst, settings)
    assert [record.message for record in caplog.records] == ["bootstrap_key_is_revoked"]
    assert (await api.http.get("/api/v1/users", headers=headers)).status_code == 401
