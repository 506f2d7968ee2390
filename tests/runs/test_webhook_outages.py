"""An address that is away for days, over skipped time: it delays a person, and after three days the step gives up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from gateways.webhooks import HttpWebhooks
from tests.fixtures.running import Running, running
from tests.fixtures.temporal import SkippingTime
from tests.runs.definitions import by_hand, task


@pytest.fixture
async def ft(skipping_time: SkippingTime, app_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation whose time the test lets pass, and that may call this machine."""
    async with running(skipping_time.env, app_url, tmp_path, clock=skipping_time, work=False) as found:
        found.inst = replace(found.inst, webhooks=HttpWebhooks(["127.0.0.1"]))
        await found.start_worker()
        yield found


@pytest.mark.parametrize(("comes_back", "way"), [(True, "Told"), (False, "Not told")])
async def test_an_outage_of_days_drops_nobody_and_an_endless_one_is_told(
    ft: Running, skipping_time: SkippingTime, httpserver: HTTPServer, comes_back: bool, way: str
) -> None:
    keys: list[str | None] = []
    is_away = True

    def answer(request: Request) -> Response:
        keys.append(request.headers.get("Idempotency-Key"))
        return Response("", 503 if is_away else 204)

    httpserver.expect_request("/in").respond_with_handler(answer)
    config = {"url": httpserver.url_for("/in")}
    call = {"id": "call", "kind": "action", "action": "send_webhook", "config": config, "on_error": "sorry"}
    end = {"id": "stop", "kind": "end"}
    await ft.publish(by_hand("calls", [call, task("told", "Told"), end, task("sorry", "Not told")]))
    taken = await ft.enroll("calls", "contact", await ft.create("contact", first_name="Ana"))

    async def shown() -> Any:
        return await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")

    async def tried(times: int) -> None:
        async def so_often() -> bool:
            return len(keys) >= times

        await ft.until(so_often, f"{times} attempts")

    await tried(1)
    # After 1, 2, 4 … minutes and then every 8 hours: an attempt less than that behind the return of the address.
    for hours in (1, 23, 24):
        before = len(keys)
        await skipping_time.skip(timedelta(hours=hours))
        await tried(before + 2)
    assert (await shown())["status"] == "active"
    is_away = not comes_back
    await skipping_time.skip(timedelta(hours=9))
    if not comes_back:
        await skipping_time.skip(timedelta(hours=24))

    async def is_over() -> bool:
        return bool((await shown())["status"] == "ended")

    await ft.until(is_over, "the enrollment ends")
    assert [each["title"] for each in (await ft.call("GET", "/tasks"))["items"]] == [way]
    assert len(set(keys)) == 1
    assert len(keys) < 25
