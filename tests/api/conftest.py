"""The real app on a real database, spoken to as a customer does."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from api.app import create_app
from domain.access import SCOPES
from domain.base import Json
from services.installation import Installation
from store.people import insert_key
from tests.fixtures.installations import assemble
from tests.fixtures.runs import RecordingRuns

BASE = "http://api.example.com"


class Caller:
    """A client with a key; paths are below ``/api/v1``."""

    def __init__(self, http: AsyncClient, inst: Installation) -> None:
        self.http = http
        self.inst = inst

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.http.request(method, f"/api/v1{path}", json=body, headers=named)
        _hold_documented(method, answer)
        return answer

    async def ok(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        answer = await self.call(method, path, body, **headers)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def problem(self, method: str, path: str, body: Any = None, *, status: int, **headers: str) -> Any:
        """The problem document of a call that must be refused."""
        answer = await self.call(method, path, body, **headers)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return problem_of(answer)

    async def create(self, object: str, **properties: Json) -> Any:
        return await self.ok("POST", f"/records/{object}", {"properties": properties}, status=201)

    async def publish(self, definition: dict[str, Any]) -> None:
        await self.ok("POST", "/workflows", definition, status=201)
        await self.ok("POST", f"/workflows/{definition['slug']}/publish", {})

    async def with_scopes(self, *scopes: str) -> Caller:
        """The same API with another key."""
        return await caller(self.inst, *scopes)

    def having(self, secret: str) -> Caller:
        """The same API with the key that has this secret."""
        return _client(self.inst, secret)


DOCUMENTED = (401, 403, 404, 409, 412, 413, 422, 428, 429)
"""Refusals that the reference must name for every operation that can answer them."""


def _hold_documented(method: str, answer: Response) -> None:
    """Whatever a test is refused with stands in the reference."""
    if answer.status_code not in DOCUMENTED:
        return
    fitting = [
        (path, operations[method.lower()])
        for path, operations in _apps[0].openapi()["paths"].items()
        if method.lower() in operations and re.fullmatch(_pattern(path), answer.url.path)
    ]
    if fitting:
        path, operation = min(fitting, key=lambda each: each[0].count("{"))
        assert str(answer.status_code) in operation["responses"], f"{method} {path} answers {answer.status_code}"


def _pattern(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda name: ".+" if name[1] == "value" else "[^/]+", path)


def problem_of(answer: Response) -> Any:
    """The body of an error, checked for the one shape."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == answer.status_code
    assert body["type"].startswith("urn:followthrough:problem:")
    assert body["title"]
    assert body["detail"]
    assert all(set(error) == {"path", "code", "message"} for error in body["errors"])
    return body


async def caller(inst: Installation, *scopes: str) -> Caller:
    async with inst.db.transaction() as tx:
        _, secret = await insert_key(tx, name="test", scopes=scopes, now=inst.clock.now())
    return _client(inst, secret)


def _client(inst: Installation, secret: str) -> Caller:
    transport = ASGITransport(app=_app_on(inst), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {secret}"}
    return Caller(AsyncClient(transport=transport, base_url=BASE, headers=headers), inst)


_apps: list[FastAPI] = []


def _app_on(inst: Installation) -> FastAPI:
    """One app for the whole session, as its first answers take longer than most tests; its installation changes."""
    if not _apps:
        _apps.append(create_app(inst))
    _apps[0].state.installation = inst
    return _apps[0]


@pytest.fixture
async def api(installation: Installation) -> AsyncIterator[Caller]:
    """A key with every scope, on both databases."""
    found = await caller(installation, *SCOPES)
    yield found
    await found.http.aclose()


@pytest.fixture
async def lite(sqlite_url: str, clock: Any, runs: RecordingRuns, tmp_path: Any) -> AsyncIterator[Caller]:
    """A key with every scope, on SQLite: for what no database decides."""
    from store.database import Database

    db = Database.open(sqlite_url)
    found = await caller(assemble(db, clock, runs, tmp_path), *SCOPES)
    yield found
    await found.http.aclose()
    await db.close()
