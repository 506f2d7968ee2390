"""Health, readiness and metrics."""

from __future__ import annotations

import re

from httpx2 import ASGITransport, AsyncClient

from api.app import create_app
from store.sweeps import Sweep, begin_sweeps, note_sweep_error
from tests.api.conftest import BASE, Caller, problem_of
from tests.api.definitions import follow_up
from tests.fixtures.runs import RecordingRuns


async def test_the_process_is_alive_without_a_key(lite: Caller) -> None:
    answer = await lite.http.get("/healthz", headers={"Authorization": ""})
    assert answer.json() == {"status": "ok"}


async def test_it_is_ready_while_database_and_temporal_answer(api: Caller, runs: RecordingRuns) -> None:
    ready = await api.http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["schema_current"] is True
    runs.down = True
    answer = await api.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["temporal"] is False


async def test_a_sweep_that_fails_is_told_and_makes_nothing_unready(api: Caller) -> None:
    async with api.inst.db.transaction() as tx:
        now = api.inst.clock.now()
        await begin_sweeps(tx, ["trigger:w:t1", "trigger:w:t2"], at=now)
        await note_sweep_error(tx, Sweep(name="trigger:w:t2", swept_at=now), "ValueError: broken", now=now)
    found = (await api.http.get("/readyz")).json()
    warning = "what changes by time is not looked at: the sweep trigger:w:t2 fails"
    assert (found["ready"], found["warnings"]) == (True, [warning])


async def test_metrics_are_counted_from_the_database(api: Caller) -> None:
    await api.publish(follow_up())
    contact = await api.create("contact", external_id="a")
    body = {"record": {"object": "contact", "id": contact["id"]}}
    await api.ok("POST", "/workflows/follow-up/enrollments", body, status=202)
    text = (await api.http.get("/metrics")).text
    assert 'followthrough_enrollments{status="starting"} 1.0' in text
    assert 'followthrough_changes{state="waiting"} 1.0' in text
    assert 'followthrough_deliveries{state="waiting"} 0.0' in text


async def test_metrics_want_a_key_from_afar(lite: Caller) -> None:
    transport = ASGITransport(app=create_app(lite.inst), client=("203.0.113.9", 50000))
    async with AsyncClient(transport=transport, base_url=BASE) as stranger:
        assert problem_of(await stranger.get("/metrics"))["status"] == 401
        headers = {"Authorization": lite.http.headers["Authorization"]}
        assert (await stranger.get("/metrics", headers=headers)).status_code == 200
    # A proxy on this machine speaks for somebody else.
    headers = {"Authorization": "", "X-Forwarded-For": "203.0.113.9"}
    assert (await lite.http.get("/metrics", headers=headers)).status_code == 401


async def test_the_documentation_page_needs_nothing_from_the_internet(lite: Caller) -> None:
    page = await lite.http.get("/docs", headers={"Authorization": ""})
    assert page.status_code == 200
    assert "://" not in page.text
    named = re.findall(r"(?:href|src)=\"([^\"]+)\"", page.text)
    assert len(named) == 3, "style, script and icon"
    for path in (*named, "/openapi.json"):
        answer = await lite.http.get(path, headers={"Authorization": ""})
        assert answer.status_code == 200
        assert answer.content
