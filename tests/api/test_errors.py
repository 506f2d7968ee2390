"""Every error of every route has the one shape, and no route opens without its key and scope."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text

from api.app import PREFIX, ROUTERS
from api.limits import BODY_BYTES
from domain.access import SCOPES
from tests.api.conftest import Caller, problem_of

BODIES: dict[str, Any] = {
    "/recipes/{slug}/install": {},
    "/records/{object}": {"properties": {}},
    "/records/{object}/by/{property}/{value:path}": {"properties": {}},
    "/records/{object}/search": {},
    "/records/{object}/{record_id}/merge": {"into": "nobody"},
    "/records/{object}/{record_id}": {"properties": {}},
    "/objects": {"name": "subscription", "properties": [{"name": "number", "type": "string", "unique": True}]},
    "/objects/{object}": {"label": "X"},
    "/objects/{object}/properties": {"name": "colour", "type": "string"},
    "/objects/{object}/properties/{name}": {"label": "X"},
    "/pipelines/{object}": {"value": "a", "stages": [{"value": "New"}]},
    "/pipelines/{object}/{pipeline}": {"label": "A"},
    "/pipelines/{object}/{pipeline}/stages/{stage}/automation": {"steps": []},
    "/channels": {"slug": "a", "kind": "chat"},
    "/channels/{slug}": {"name": "a"},
    "/channels/{slug}/messages": {"conversation": "c", "text": "Hello"},
    "/threads": {"channel": "a", "contact": "nobody", "subject": "s", "text": "t", "user": "nobody"},
    "/threads/{thread_id}": {"ticket": None},
    "/threads/{thread_id}/messages": {"text": "t", "user": "nobody"},
    "/folders/rename": {"folder": "a", "to": "b"},
    "/workflows/{slug}/folder": {"folder": "a"},
    "/workflows": {"slug": "a"},
    "/workflows/{slug}": {"name": "a"},
    "/workflows/{slug}/clone": {"slug": "b"},
    "/workflows/{slug}/steps/{step}": {"note": "Kim asked for this"},
    "/workflows/{slug}/publish": {},
    "/workflows/{slug}/preview": {"record": {"object": "contact", "id": "nobody"}},
    "/workflows/{slug}/settings": {"spread_minutes": 5},
    "/workflows/{slug}/enrollments": {"record": {"object": "contact", "id": "nobody"}},
    "/workflows/{slug}/enrollments/bulk": {"ids": ["nobody"]},
    "/workflows/{slug}/unenroll": {"ids": ["nobody"]},
    "/workflows/{slug}/retry": {},
    "/workflows/{slug}/occurrences/{instant}/run": {},
    "/lists/{slug}": {"name": "a"},
    "/secrets/{name}": {"value": "abc"},
    "/suppressions": {"address": "nobody@example.com", "reason": "bounced"},
    "/emails": {"slug": "a", "subject": "s", "html": "h"},
    "/emails/{slug}": {"name": "a"},
    "/emails/{slug}/preview": {},
    "/emails/{slug}/test": {"to": ["kim@example.com"]},
    "/subscription-types": {"slug": "a"},
    "/subscription-types/{slug}": {"name": "a"},
    "/records/contact/{record_id}/subscriptions": {"subscriptions": {"a": "subscribed"}},
    "/enrollments/{enrollment_id}/move-to": {"step": "a"},
    "/enrollments/{enrollment_id}/retry": {"step": "a"},
    "/effects/{effect_key}/settle": {"as": "accepted"},
    "/events": {"event": "form.submitted", "record": {"object": "contact", "id": "nobody"}},
    "/users": {"name": "Kim", "email": "kim@example.com"},
    "/users/{user_id}": {"name": "Kim"},
    "/teams": {"slug": "a"},
    "/teams/{slug}": {"name": "a"},
    "/api-keys": {"name": "CI", "scopes": ["records:read"]},
    "/account": {"name": "Us"},
    "/tasks/{task_id}": {"status": "done"},
    "/notifications/{notification_id}": {"read": True},
}
"""A body that would do, so that what is refused is the key."""
QUERIES = {
    "/usages": "?list=nobody",
    "/workflows/{slug}/report/enrollments": "?figure=active",
    "/workflows/{slug}/explain": "?record=nobody",
}
"""And what must stand behind the path."""


def _routes() -> Iterator[tuple[str, str, str]]:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in sorted(route.methods or ()):
                filled = re.sub(r"{(\w+)(:path)?}", _fill, route.path)
                yield method, filled, route.path


def _fill(found: re.Match[str]) -> str:
    values = {"object": "contact", "object2": "company", "property": "email", "figure": "done", "version": "1",
              "order": "pause"}  # fmt: skip
    return values.get(found[1], "nobody")


ROUTES = sorted(set(_routes()))


async def send(caller: Caller, method: str, path: str, template: str, more: str = "") -> Any:
    if template.endswith("/import"):
        form = {"mapping": '{"columns": {"a": {"property": "external_id"}}}', "key": "external_id"}
        return await caller.http.post(f"{PREFIX}{path}{more}", data=form, files={"file": ("a.csv", b"a\n1\n")})
    return await caller.call(method, path + QUERIES.get(template, "") + more, BODIES.get(template))


async def test_no_route_opens_without_a_key(lite: Caller) -> None:
    key = lite.http.headers["Authorization"]
    for method, path, template in ROUTES:
        lite.http.headers["Authorization"] = "Bearer ft_unknown"
        assert problem_of(await send(lite, method, path, template))["status"] == 401, f"{method} {template}"
        del lite.http.headers["Authorization"]
        missing = await send(lite, method, path, template)
        assert problem_of(missing)["status"] == 401, f"{method} {template}"
        assert missing.headers["WWW-Authenticate"] == "Bearer"
    lite.http.headers["Authorization"] = key


async def test_every_route_demands_a_scope_and_opens_with_it(lite: Caller) -> None:
    bare = await lite.with_scopes()
    for method, path, template in ROUTES:
        if template.startswith("/jobs"):
            continue  # A job demands the scope of its work, and shows none to others.
        found = problem_of(await send(bare, method, path, template))
        assert found["status"] == 403, f"{method} {template}"
        named = re.search(r"scope (\S+)", found["detail"])
        assert named is not None
        assert named[1] in SCOPES
        enough = await lite.with_scopes(named[1])
        answer = await send(enough, method, path, template)
        assert answer.status_code not in (401, 403), f"{method} {template}: {answer.text}"


async def test_a_query_parameter_that_is_unknown_is_refused_with_those_there_are(lite: Caller) -> None:
    found = await lite.problem("GET", "/enrollments?staus=active&limit=1", status=422)
    (error,) = found["errors"]
    assert (error["path"], error["code"]) == ("query:staus", "unknown_field")
    assert "'staus'" in error["message"]
    assert {"status", "workflow", "limit", "cursor"} <= set(error["message"].partition("known: ")[2].split(", "))
    both = await lite.problem("GET", "/account?zone=x&name=y", status=422)
    assert [error["path"] for error in both["errors"]] == ["query:zone", "query:name"]
    assert "there are none" in both["detail"]


async def test_no_route_takes_a_query_parameter_it_does_not_know(lite: Caller) -> None:
    for method, path, template in ROUTES:
        sign = "&" if template in QUERIES else "?"
        answer = await send(lite, method, path, template, more=f"{sign}nonsense=1")
        assert answer.status_code == 422, f"{method} {template}: {answer.status_code} {answer.text}"
        assert [each["path"] for each in problem_of(answer)["errors"]] == ["query:nonsense"], f"{method} {template}"


async def test_what_does_not_exist_is_not_found(lite: Caller) -> None:
    # Validating a new definition and saving a first draft need no workflow; a secret is made by writing it.
    makes = {("POST", "/workflows/{slug}/validate"), ("PUT", "/workflows/{slug}"), ("PUT", "/secrets/{name}")}
    for method, path, template in ROUTES:
        if "{" in template and (method, template) not in makes:
            answer = await send(lite, method, path.replace("contact", "unicorn", 1), template)
            assert problem_of(answer)["status"] == 404, f"{method} {template}: {answer.text}"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/records/contact", "GET, POST"),
        ("POST", "/records/contact/x", "DELETE, GET, PATCH"),
        ("PATCH", "/workflows/x", "DELETE, GET, PUT"),
        ("PUT", "/account", "GET, PATCH"),
    ],
)
async def test_a_method_that_is_not_possible_names_those_that_are(
    lite: Caller, method: str, path: str, allowed: str
) -> None:
    answer = await lite.call(method, path)
    assert problem_of(answer)["status"] == 405
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/api/v1/unicorns", "/", "/api/v2/records/contact"])
async def test_an_address_where_nothing_lives_is_a_problem_too(lite: Caller, path: str) -> None:
    assert problem_of(await lite.http.get(path))["status"] == 404


async def test_a_body_over_the_limit_is_refused_declared_or_not(lite: Caller) -> None:
    async def pieces(count: int) -> Any:
        for _ in range(count):
            yield b" " * 65536

    body = b" " * (BODY_BYTES + 1)
    headers = {"Content-Type": "application/json"}
    declared = await lite.http.post("/api/v1/records/contact", content=body, headers=headers)
    assert problem_of(declared)["status"] == 413
    unread = await lite.http.request("GET", "/api/v1/records/contact", content=body, headers=headers)
    assert problem_of(unread)["status"] == 413
    count = BODY_BYTES // 65536 + 1
    streamed = await lite.http.post("/api/v1/records/contact", content=pieces(count), headers=headers)
    assert problem_of(streamed)["status"] == 413
    named_so = await lite.http.put("/api/v1/workflows/import", content=body, headers=headers)
    assert problem_of(named_so)["status"] == 413


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, "/properties", "missing_field"),
        ({"properties": []}, "/properties", "wrong_type"),
        ({"properties": {}, "colour": "red"}, "/colour", "unknown_field"),
        ({"properties": {}, "associations": [{"object": "contact", "id": 1}]}, "/associations/0/id", "wrong_type"),
        ([], "", "wrong_type"),
        (None, "", "missing_field"),
    ],
)
async def test_a_mistake_in_a_body_is_named_by_its_pointer(lite: Caller, body: Any, path: str, code: str) -> None:
    found = await lite.problem("POST", "/records/contact", body, status=422)
    assert [(error["path"], error["code"]) for error in found["errors"]] == [(path, code)]


async def test_numbers_and_truth_values_are_not_mistaken_for_each_other(lite: Caller) -> None:
    await lite.problem("POST", "/records/contact/search", {"limit": True}, status=422)
    await lite.problem("POST", "/records/contact/search", {"limit": "5"}, status=422)
    body = {"name": "colour", "type": "string", "unique": 1}
    await lite.problem("POST", "/objects/contact/properties", body, status=422)


async def test_a_body_that_is_not_called_json_is_told_so(lite: Caller) -> None:
    answer = await lite.http.post("/api/v1/records/contact", content=b'{"properties": {}}')
    assert problem_of(answer)["errors"][0]["code"] == "wrong_content_type"


async def test_a_failure_of_ours_is_a_problem_without_its_details(lite: Caller) -> None:
    async with lite.inst.db.transaction() as tx:
        await tx.run(text("DROP TABLE job_rows"))
        await tx.run(text("DROP TABLE jobs"))
    found = await lite.problem("GET", "/jobs", status=500)
    assert "jobs" not in found["detail"]


async def test_the_reference_documents_every_refusal(lite: Caller) -> None:
    document = (await lite.http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], f"{method} {path}"
            default = operation["responses"]["default"]["content"]
            assert list(default) == ["application/problem+json"]
            assert "HTTPValidationError" not in str(operation)
            if "Idempotency-Key" in str(operation.get("parameters")):
                assert "409" in operation["responses"], f"{method} {path}"
    assert (await lite.http.get("/docs")).status_code == 200
    refused = document["paths"]["/api/v1/workflows/{slug}"]["put"]["responses"]
    assert {"409", "412", "413", "422", "428"} < set(refused)
    assert "404" not in refused
    assert set(document["paths"]["/healthz"]["get"]["responses"]) == {"200", "default"}


def _shown(document: Any, body: Any) -> list[Any]:
    """The examples of a JSON body."""
    schema = body["content"]["application/json"]["schema"]
    schema = next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return list(schema.get("examples", ()))


async def test_every_example_of_a_request_can_be_sent(lite: Caller) -> None:
    document = (await lite.http.get("/openapi.json")).json()
    filled = {"object": "contact", "object2": "company", "property": "email", "value": "ana@example.com",
              "slug": "welcome"}  # fmt: skip
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            # Files, mail and the forms of services have none.
            if "application/json" not in operation.get("requestBody", {}).get("content", {}):
                continue
            examples = _shown(document, operation["requestBody"])
            assert examples, f"{method} {path}"
            address = re.sub(r"{(\w+)}", lambda name: filled.get(name[1], "nobody"), path).removeprefix(PREFIX)
            answer = await lite.call(method.upper(), address, examples[0])
            done = answer.is_success or answer.status_code in (404, 428)
            assert done, f"{method} {path}: {answer.text}"


async def test_the_example_of_an_import_can_be_sent(lite: Caller) -> None:
    document = (await lite.http.get("/openapi.json")).json()
    (schema,) = [each for name, each in document["components"]["schemas"].items() if "import" in name]
    form = {name: schema["properties"][name]["examples"][0] for name in ("mapping", "key")}
    files = {"file": ("people.csv", b"E-mail,Town,Notes\nana@example.com,Oslo,\n")}
    answer = await lite.http.post(f"{PREFIX}/records/contact/import", data=form, files=files)
    assert answer.status_code == 202, answer.text


async def test_the_example_of_a_mail_can_be_sent(lite: Caller) -> None:
    document = (await lite.http.get("/openapi.json")).json()
    body = document["paths"][f"{PREFIX}/inbound/email"]["post"]["requestBody"]
    ((type_, shown),) = body["content"].items()
    sent = shown["schema"]["examples"][0]
    answer = await lite.http.post(f"{PREFIX}/inbound/email", content=sent, headers={"Content-Type": type_})
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    "path",
    ["/events", "/enrollments", "/entry-decisions", "/inbound/emails", "/messages", "/tasks", "/notifications"],
)
@pytest.mark.parametrize("since", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "1700000000", "monday"])
async def test_an_instant_nobody_can_keep_is_refused_with_its_name(lite: Caller, path: str, since: str) -> None:
    problem = await lite.problem("GET", f"{path}?since={since}", status=422)
    assert [error["path"] for error in problem["errors"]] == ["query:since"]
