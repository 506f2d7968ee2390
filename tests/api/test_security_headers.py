"""What every answer tells browsers and caches, whatever it is an answer to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import uvicorn
from httpx2 import ASGITransport, AsyncClient, Response

from api.__main__ import listening
from api.app import PREFIX, create_app
from services.installation import Installation
from settings import Settings
from tests.api.conftest import BASE, Caller
from tests.api.test_errors import ROUTES, send
from tests.api.test_links import sent
from tests.fixtures.access import ANYBODY, rows
from tests.fixtures.apps import app_on


def directives(answer: Response) -> dict[str, str]:
    """The policy of an answer: what it says of each sort of thing."""
    parts = (part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def hold(answer: Response, place: str, *, kept: bool = False) -> None:
    """What is so of every answer; ``kept``: a cache may have it, as it is the same for everybody."""
    assert answer.headers["X-Content-Type-Options"] == "nosniff", place
    assert answer.headers["Referrer-Policy"] == "no-referrer", place
    policy = directives(answer)
    assert (policy["default-src"], policy["frame-ancestors"], policy["base-uri"]) == ("'none'",) * 3, place
    assert (answer.headers.get("Cache-Control") == "no-store") is not kept, place
    for name in ("Server", "X-Powered-By"):
        assert name not in answer.headers, place
    for name in ("X-Content-Type-Options", "Referrer-Policy", "Content-Security-Policy"):
        assert len(answer.headers.get_list(name)) == 1, f"{place}: {name} twice"


async def test_every_route_answers_with_them_with_and_without_a_key(lite: Caller) -> None:
    assert len(ROUTES) > 100
    for method, path, template in ROUTES:
        hold(await send(lite, method, path, template), f"{method} {template}")
    key = lite.http.headers.pop("Authorization")
    for method, path, template in ROUTES:
        hold(await send(lite, method, path, template), f"{method} {template} without a key")
    lite.http.headers["Authorization"] = key


TOP = ("/u/", "/t/", "/healthz", "/readyz", "/metrics")
"""What stands above the prefix."""


def _public() -> Iterator[tuple[str, str]]:
    for (method, path), opens in rows().items():
        if ANYBODY in opens:
            below = "" if path.startswith(TOP) else PREFIX
            yield method, below + re.sub(r"{\w+}", "nobody", path)


@pytest.mark.parametrize(("method", "path"), sorted(_public()), ids=str)
async def test_every_public_route_answers_with_them(lite: Caller, method: str, path: str) -> None:
    hold(await lite.http.request(method, path), path)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/lists/", 307),
        ("PUT", "/api/v1/account", 405),
        ("GET", "/a%00b", 422),
        ("POST", "/api/v1/workflows", 413),
    ],
)
async def test_what_is_refused_before_a_route_is_found_has_them_too(
    lite: Caller, method: str, path: str, status: int
) -> None:
    body = b"x" * (3 * 1024 * 1024) if status == 413 else b""
    answer = await lite.http.request(method, path, content=body)
    assert answer.status_code == status
    hold(answer, path)


async def test_a_crash_has_them_too(installation: Installation) -> None:
    app = create_app(installation)

    @app.get("/broken")
    async def broken() -> None:
        raise ValueError

    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url=BASE) as http:
        answer = await http.get("/broken")
    assert answer.status_code == 500
    hold(answer, "a crash")


async def test_a_page_for_readers_may_show_its_style_and_send_its_form_and_nothing_else(api: Caller) -> None:
    _, path = await sent(api)
    shown = await api.http.get(path)
    clicked = await api.http.post(path)
    pixel = await api.http.get("/t/o/nobody")
    for answer in (shown, clicked, pixel):
        hold(answer, path)
        assert answer.headers["X-Robots-Tag"] == "noindex"
    policy = directives(shown)
    assert (policy.pop("style-src"), policy.pop("form-action")) == ("'unsafe-inline'", "'self'")
    assert set(policy.values()) == {"'none'"}
    assert "<style>" in shown.text
    assert set(directives(await api.http.get("/api/v1/lists")).values()) == {"'none'"}


async def test_the_reference_may_load_what_its_page_names_and_be_kept(lite: Caller) -> None:
    page = await lite.http.get("/docs")
    named = re.findall(r"(?:href|src)=\"([^\"]+)\"", page.text)
    assert all(path.startswith("/docs/static/") for path in named)
    policy = directives(page)
    assert {"'self'", "'unsafe-inline'"} == set(policy["script-src"].split())
    assert policy["connect-src"] == "'self'"
    for path in ("/docs", "/openapi.json", *named):
        answer = await lite.http.get(path)
        assert answer.status_code == 200
        hold(answer, path, kept=True)


@pytest.mark.parametrize(("url", "is_https"), [("https://crm.example.com", True), ("http://127.0.0.1:8080", False)])
async def test_browsers_are_bound_to_https_where_the_installation_is_reached_by_it(
    installation: Installation, url: str, is_https: bool
) -> None:
    with app_on(replace(installation, public_url=url)) as app:
        async with AsyncClient(transport=ASGITransport(app=app), base_url=BASE) as http:
            for path in ("/healthz", "/api/v1/lists", "/docs", "/nowhere"):
                told = (await http.get(path)).headers.get("Strict-Transport-Security")
                assert told == ("max-age=31536000" if is_https else None), path


async def test_the_process_does_not_say_what_it_is_made_of(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_API_PORT", "65000")
    config = listening(installation, Settings.read())
    config.port = 0
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done()
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        hold(await http.get("/healthz"), "/healthz")
        hold(await http.get("/api/v1/lists"), "/api/v1/lists")
    server.should_exit = True
    await task
