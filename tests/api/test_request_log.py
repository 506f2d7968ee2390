"""What the log says of a request: enough to find it, nothing about anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from httpx2 import ASGITransport, AsyncClient

from api.app import create_app
from api.request_log import HEADER
from services.installation import Installation
from tests.api.conftest import BASE, Caller
from tests.fixtures.log_lines import Lines, written_by


@pytest.fixture
def lines() -> Iterator[Lines]:
    with written_by("api") as found:
        yield found


async def test_a_request_is_one_line_that_names_who_called_and_what_but_no_address(api: Caller, lines: Lines) -> None:
    record = await api.create("contact", email="ana@example.com")
    answer = await api.call("GET", f"/records/contact/{record['id']}")
    key = (await api.ok("GET", "/api-keys"))["items"][0]["id"]
    line = lines()[1]
    assert line["request"] == answer.headers[HEADER]
    assert {name: line[name] for name in ("level", "event", "method", "route", "status", "key")} == {
        "level": "info", "event": "request", "method": "GET", "route": "/api/v1/records/{object}/{record_id}",
        "status": 200, "key": key,
    }  # fmt: skip
    assert line["ms"] > 0
    assert record["id"] not in json.dumps(line)
    assert "ana" not in json.dumps(lines())


async def test_the_secrets_in_addresses_are_not_written(api: Caller, lines: Lines) -> None:
    for path in ("/u/a-secret-token?a-secret-token=1", "/api/v1/hooks/a-secret-token", "/a-secret-token"):
        await api.http.post(path, headers={"User-Agent": "a-secret-token"})
    assert len(lines()) == 3
    assert "secret" not in json.dumps(lines())
    assert lines()[0]["route"] == "/u/{token}"
    assert (lines()[2]["route"], lines()[2]["status"]) == (None, 404)


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [
        ("balancer-7f3a.91", True),
        ("short", False),
        ("an id with spaces", False),
        ("x" * 65, False),
        ('"},{"a":"', False),
    ],
)
async def test_the_id_of_a_request_is_taken_over_where_it_is_one(
    api: Caller, lines: Lines, given: str, is_taken: bool
) -> None:
    answer = await api.call("GET", "/object-types", X_Request_Id=given)
    assert (answer.headers[HEADER] == given) is is_taken
    assert len(answer.headers[HEADER]) >= 8
    assert lines()[0]["request"] == answer.headers[HEADER]


async def test_who_asks_whether_it_lives_is_not_logged(api: Caller, lines: Lines) -> None:
    assert (await api.http.get("/healthz")).is_success
    assert lines() == []


async def test_a_crash_answers_with_the_id_under_which_the_log_tells_of_it(
    installation: Installation, lines: Lines
) -> None:
    app = create_app(installation)

    @app.get("/broken")
    async def broken() -> None:
        raise ValueError("Ana Berg lives at 7 Elm Street")

    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url=BASE) as http:
        answer = await http.get("/broken", headers={HEADER: "request-1"})
    assert (answer.status_code, answer.headers[HEADER]) == (500, "request-1")
    assert "request-1" in answer.json()["detail"]
    failed, request = lines()
    assert (failed["event"], failed["request"], request["status"]) == ("request_failed", "request-1", 500)
    assert failed["error"]["type"] == "ValueError"
    assert failed["error"]["raised_at"][-1].endswith(" broken")
    assert "Ana" not in json.dumps(failed), "what an error quotes is somebody's"
