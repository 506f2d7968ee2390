"""The real app on a real database, spoken to as a customer does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from api.app import create_app
from api.deps import SCOPES
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
        return await self.http.request(method, f"/api/v1{path}", json=body, headers=named)

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
