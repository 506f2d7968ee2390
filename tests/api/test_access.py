"""Every route as everybody: each scope, each role, each user, held against the table of tests/fixtures/access.py."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.app import PREFIX
from domain.access import ROLES, SCOPES, Scope
from store.people import insert_key, insert_user, replace_user
from tests.api.conftest import Caller, problem_of
from tests.api.test_bulk import BULK, journey
from tests.api.test_errors import BODIES, QUERIES, ROUTES, send
from tests.fixtures.access import ANYBODY, JOB, rows, tables

ROWS = rows()

HELD = {
    "records:read": "admin editor viewer",
    "records:write": "admin editor",
    "events:write": "admin editor",
    "workflows:read": "admin editor viewer",
    "workflows:write": "admin editor",
    "workflows:publish": "admin editor",
    "enrollments:read": "admin editor viewer",
    "enrollments:write": "admin editor",
    "messages:read": "admin editor viewer",
    "messages:send": "admin editor",
    "export": "admin editor",
    "admin": "admin",
}
"""Which roles hold each scope."""
PERSONAL = {"records:read", "records:write", "messages:read"}
"""What a user does not have who sees no personal data."""

JOBS = {
    "import": ("records:write", "admin editor"),
    "enrollment": ("enrollments:write", "admin editor"),
}
"""The scope of the work of each kind of job, and the roles that may see and steer it."""

MORE = [
    ("POST", "/workflows/welcome/publish", {"existing_records": True}, {"workflows:publish", "enrollments:write"}),
    (
        "POST",
        "/emails/welcome/preview",
        {"record": {"object": "contact", "id": "nobody"}},
        {"workflows:read", "records:read"},
    ),
    (
        "POST",
        "/emails/welcome/test",
        {"to": ["kim@example.com"], "record": {"object": "contact", "id": "nobody"}},
        {"messages:send", "records:read"},
    ),
]
"""What a request needs beyond the scope that opens its route."""


def held_by(role: str, *, sees: bool) -> set[str]:
    """What the tables say about a user."""
    return {scope for scope, roles in HELD.items() if role in roles.split() and (sees or scope not in PERSONAL)}


async def as_user(api: Caller, role: Any, *, sees: bool = True) -> Caller:
    """The same API with the key of a user."""
    async with api.inst.db.transaction() as tx:
        now = api.inst.clock.now()
        user = await insert_user(tx, name="Kim", email=f"{role}.{sees}@example.com", now=now)
        assert user is not None
        assert await replace_user(tx, user.model_copy(update={"role": role, "sees_personal_data": sees}))
        _, secret = await insert_key(tx, name="Kim's", scopes=(), user_id=user.id, now=now)
    return api.having(secret)


async def _walk(caller: Caller, scopes: set[str]) -> None:
    """Call every route and hold the answers against the table."""
    for method, path, template in ROUTES:
        opens = ROWS[method, template.replace(":path}", "}")]
        answer = await send(caller, method, path, template)
        if opens & scopes or JOB in opens:
            assert answer.status_code not in (401, 403), f"{method} {template}: {answer.text}"
        else:
            assert problem_of(answer)["status"] == 403, f"{method} {template} opens with {sorted(scopes)}"


@pytest.mark.parametrize("scope", [*SCOPES, None])
async def test_a_key_opens_what_its_scope_opens_and_nothing_else(lite: Caller, scope: Scope | None) -> None:
    scopes = {scope} - {None}
    await _walk(await lite.with_scopes(*scopes), {str(each) for each in scopes})


@pytest.mark.parametrize(
    ("role", "sees"), [("admin", True), ("editor", True), ("editor", False), ("viewer", True), ("viewer", False)]
)
async def test_a_user_opens_what_their_role_opens_and_nothing_else(lite: Caller, role: str, *, sees: bool) -> None:
    await _walk(await as_user(lite, role, sees=sees), held_by(role, sees=sees))


async def test_an_admin_sees_personal_data(lite: Caller) -> None:
    body = {"name": "Kim", "email": "kim@example.com", "role": "admin", "sees_personal_data": False}
    found = await lite.problem("POST", "/users", body, status=422)
    assert [error["path"] for error in found["errors"]] == ["/sees_personal_data"]


def test_the_roles_hold_what_the_table_says() -> None:
    assert set(HELD) == set(SCOPES)
    assert {role: set(scopes) for role, scopes in ROLES.items()} == {role: held_by(role, sees=True) for role in ROLES}


async def test_what_is_public_asks_for_no_key(lite: Caller) -> None:
    for (method, path), opens in ROWS.items():
        if ANYBODY in opens:
            address = re.sub(r"{\w+}", "nobody", path)
            prefix = "" if path.startswith(("/u/", "/t/", "/healthz", "/readyz", "/metrics")) else PREFIX
            del_key = {"Authorization": ""}
            answer = await lite.http.request(method, prefix + address, headers=del_key)
            # A sender is known by its signature; without one it is refused as no key is.
            assert answer.status_code != 403, f"{method} {path}: {answer.text}"
            assert "scope" not in answer.text, f"{method} {path}: {answer.text}"


@pytest.mark.parametrize(("method", "path", "body", "needed"), MORE)
async def test_a_request_that_does_more_needs_more(
    lite: Caller, method: str, path: str, body: Any, needed: set[str]
) -> None:
    await lite.ok("POST", "/emails", {**BODIES["/emails"], "slug": "welcome"}, status=201)
    await lite.ok("POST", "/workflows", {"slug": "welcome"}, status=201)
    for missing in needed:
        less = await lite.with_scopes(*(set(SCOPES) - {missing}))
        assert missing in (await less.problem(method, path, body, status=403))["detail"]
    enough = await lite.with_scopes(*needed)
    assert (await enough.call(method, path, body)).status_code not in (401, 403)


async def test_whatever_can_be_had_as_a_file_needs_the_scope_for_it(lite: Caller) -> None:
    assert {"/audit", "/workflows/{slug}/report"} <= set(tables())
    without = await lite.with_scopes(*(set(SCOPES) - {"export"}))
    for method, path, template in ROUTES:
        if method == "GET" and template in tables():
            found = problem_of(await send(without, method, path, template, more=f"{_sign(template)}format=csv"))
            assert (found["status"], "export" in found["detail"]) == (403, True), template
            (opens,) = ROWS[method, template]
            both = await lite.with_scopes(opens, "export")
            answer = await send(both, method, path, template, more=f"{_sign(template)}format=csv")
            assert answer.status_code not in (401, 403), template


def _sign(template: str) -> str:
    return "&" if template in QUERIES else "?"


async def _jobs(lite: Caller) -> dict[str, str]:
    """A job of each kind."""
    await journey(lite, 1)
    by_ids = await lite.ok("POST", BULK, {"ids": ["nobody"]}, status=202)
    imported = await send(lite, "POST", "/records/contact/import", "/records/{object}/import")
    return {"enrollment": by_ids["id"], "import": imported.json()["id"]}


async def test_a_job_is_shown_to_whoever_may_do_its_work(lite: Caller) -> None:
    jobs = await _jobs(lite)
    templates = [template for (_, template), opens in ROWS.items() if JOB in opens and "{job_id}" in template]
    assert len(templates) == 3
    callers = [(await lite.with_scopes(scope), {scope}, "") for scope in SCOPES]
    callers += [(await as_user(lite, role), held_by(role, sees=True), role) for role in ROLES]
    for caller, scopes, role in callers:
        shown = {job["id"] for job in (await caller.ok("GET", "/jobs"))["items"]}
        for kind, id in jobs.items():
            needed, roles = JOBS[kind]
            allowed = needed in scopes
            assert not role or allowed == (role in roles.split())
            assert (id in shown) == allowed
            for method, template in [row for row, opens in ROWS.items() if JOB in opens and row[1] in templates]:
                path = template.replace("{job_id}", id).replace("{order}", "pause")
                answer = await caller.call(method, path)
                assert (answer.status_code == 403) == (not allowed), f"{method} {template} of {kind}, {scopes}"


async def test_a_key_of_a_user_follows_the_user(api: Caller) -> None:
    """What its owner may do now, at every call: a role that changes, personal data, leaving."""
    body = {"name": "Kim", "email": "kim@example.com", "role": "editor"}
    kim = await api.ok("POST", "/users", body, status=201)
    assert (kim["role"], kim["sees_personal_data"]) == ("editor", True)
    made = await api.ok("POST", "/api-keys", {"name": "Kim's", "user_id": kim["id"]}, status=201)
    assert made["user_id"] == kim["id"]
    assert set(made["scopes"]) == held_by("editor", sees=True)
    mine = api.having(made["key"])
    await mine.ok("POST", "/workflows", {"slug": "a"}, status=201)
    await mine.ok("GET", "/records/contact")

    await api.ok("PATCH", f"/users/{kim['id']}", {"sees_personal_data": False})
    await mine.problem("GET", "/records/contact", status=403)
    await mine.ok("GET", "/pipelines/ticket")
    await api.ok("PATCH", f"/users/{kim['id']}", {"role": "viewer", "sees_personal_data": True})
    await mine.ok("GET", "/records/contact")
    await mine.problem("POST", "/workflows", {"slug": "b"}, status=403)
    listed = (await api.ok("GET", "/api-keys"))["items"][-1]
    assert set(listed["scopes"]) == held_by("viewer", sees=True)
    await api.ok("PATCH", f"/users/{kim['id']}", {"role": None})
    await mine.problem("GET", "/workflows", status=403)
    await api.ok("PATCH", f"/users/{kim['id']}", {"role": "viewer", "active": False})
    await mine.problem("GET", "/workflows", status=401)
    assert (await api.ok("GET", "/api-keys"))["items"][-1]["scopes"] == []
    await api.ok("PATCH", f"/users/{kim['id']}", {"active": True})
    await mine.ok("GET", "/workflows")


async def test_a_key_is_of_a_program_or_of_a_user_who_has_a_role(lite: Caller) -> None:
    kim = await lite.ok("POST", "/users", {"name": "Kim", "email": "kim@example.com"}, status=201)
    gone = {"name": "Bo", "email": "bo@example.com", "role": "viewer"}
    bo = await lite.ok("POST", "/users", gone, status=201)
    await lite.ok("PATCH", f"/users/{bo['id']}", {"active": False})
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "/scopes"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["admin"], "user_id": kim["id"]}, "/scopes"),
        ({"user_id": "nobody"}, "/user_id"),
        ({"user_id": kim["id"]}, "/user_id"),
        ({"user_id": bo["id"]}, "/user_id"),
    ]
    for body, path in wrong:
        found = await lite.problem("POST", "/api-keys", {"name": "X", **body}, status=422)
        assert [error["path"] for error in found["errors"]] == [path], body
    await lite.problem("PATCH", f"/users/{kim['id']}", {"role": "owner"}, status=422)
