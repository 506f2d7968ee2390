"""Webhooks as a customer meets them: a real server that answers, refuses, comes and goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from temporalio.testing import WorkflowEnvironment
from werkzeug import Request, Response

from gateways.webhooks import HttpWebhooks
from tests.fixtures.running import Running, running
from tests.runs.definitions import by_hand, task
from tests.runs.walking import steps, visit, walked

SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
async def ft(dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation whose operator allows this machine to be called."""
    async with running(dev_server, app_url, tmp_path, work=False) as found:
        found.inst = replace(found.inst, webhooks=HttpWebhooks(["127.0.0.1"]))
        await found.start_worker()
        yield found


def calling(url: str, **config: Any) -> dict[str, Any]:
    return {"id": "call", "kind": "action", "action": "send_webhook", "config": {"url": url, **config}}


async def test_an_answer_is_used_by_later_steps_and_the_receiver_can_verify_the_call(
    ft: Running, httpserver: HTTPServer
) -> None:
    await ft.call("PUT", "/secrets/signing", {"value": SIGNING})
    verified: list[Any] = []

    def take(request: Request) -> Response:
        verified.append(Webhook(SIGNING).verify(request.get_data(), dict(request.headers)))
        return Response('{"lead": {"id": "L-7"}}', 201, content_type="application/json")

    httpserver.expect_request("/leads", method="POST").respond_with_handler(take)
    call = calling(
        httpserver.url_for("/leads"),
        document={"name": "{{ contact.first_name }}", "score": "{{ contact.score }}"},
        sign_with="signing",
        outputs=[{"name": "lead", "at": "/lead/id"}],
    )
    noting = task("note", "Lead {{ steps.call.lead }}, answered {{ steps.call.status }}")
    await ft.publish(by_hand("leads", [call, noting]))
    over = await walked(ft, "leads", "contact", await ft.create("contact", first_name="Ana", score=7))
    assert verified == [{"name": "Ana", "score": 7}]
    assert [each["title"] for each in (await ft.call("GET", "/tasks"))["items"]] == ["Lead L-7, answered 201"]
    assert over["end_reason"] == "completed"
    history = await ft.run(over).fetch_history()
    told = f"{history.to_json()} {await ft.timeline(over['id'])}"
    assert SIGNING not in told
    assert "Ana" not in history.to_json()


async def test_a_server_that_is_busy_delays_and_one_that_refuses_takes_the_way_of_errors(
    ft: Running, httpserver: HTTPServer
) -> None:
    keys: list[str | None] = []

    def busy(request: Request) -> Response:
        keys.append(request.headers.get("Idempotency-Key"))
        return Response("", 429 if len(keys) == 1 else 204, headers={"Retry-After": "1"})

    httpserver.expect_request("/busy").respond_with_handler(busy)
    httpserver.expect_request("/gone").respond_with_data("", 410)
    refused = {**calling(httpserver.url_for("/gone")), "id": "gone", "on_error": "tell"}
    steps = [calling(httpserver.url_for("/busy")), refused, task("never", "Never"), task("tell", "Tell")]
    await ft.publish(by_hand("calls", steps))
    over = await walked(ft, "calls", "contact", await ft.create("contact", first_name="Ana"))
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert (await visit(ft, over, "call"))["result"] == {"status": 204}
    assert (await visit(ft, over, "gone"))["words"] == "failed: rejected (the other side answered 410)"
    assert [each["title"] for each in (await ft.call("GET", "/tasks"))["items"]] == ["Tell"]


async def test_this_machine_is_out_of_bounds_until_an_operator_allows_it(ft: Running, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("", 204)
    await ft.publish(by_hand("calls", [calling(httpserver.url_for("/"))]))
    ana = await ft.create("contact", first_name="Ana")
    await ft.stop_worker()
    allowing, ft.inst = ft.inst, replace(ft.inst, webhooks=HttpWebhooks())
    await ft.start_worker()
    over = await walked(ft, "calls", "contact", ana)
    found = await visit(ft, over, "call")
    assert (found["outcome"], found["reason"]) == ("failed", "rejected")
    assert "is not a public address; an operator may allow it" in found["words"]
    assert httpserver.log == []
    await ft.stop_worker()
    ft.inst = allowing
    await ft.start_worker()
    over = await walked(ft, "calls", "contact", await ft.create("contact", first_name="Bo"))
    assert (await visit(ft, over, "call"))["outcome"] == "done"
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    ("score", "way"), [(90, ["call", "grade", "good", "size", "big"]), (10, ["call", "grade", "size", "rest"])]
)
async def test_branches_go_by_what_was_answered(
    ft: Running, httpserver: HTTPServer, score: int, way: list[str]
) -> None:
    grade = "A" if score > 50 else "C"
    httpserver.expect_request("/score").respond_with_json({"score": score, "grade": grade})
    outputs = [{"name": "score", "at": "/score", "type": "number"}, {"name": "grade", "at": "/grade"}]
    by_grade = {
        "id": "grade", "kind": "value_branch", "output": "grade", "step": "call",
        "cases": [{"id": "top", "values": ["A", "B"], "steps": [task("good", "Good")]}],
    }  # fmt: skip
    where = {"output": "score", "step": "call", "op": "gte", "value": 80}
    by_score = {
        "id": "size", "kind": "branch", "branches": [{"id": "high", "where": where, "steps": [task("big", "Big")]}],
        "otherwise": [task("rest", "Rest")],
    }  # fmt: skip
    await ft.publish(by_hand("scores", [calling(httpserver.url_for("/score"), outputs=outputs), by_grade, by_score]))
    over = await walked(ft, "scores", "contact", await ft.create("contact", first_name="Ana"))
    assert await steps(ft, over) == way
    seen = (await visit(ft, over, "size"))["seen"]
    assert (seen[0]["what"], seen[0]["value"]) == ("score of step call is at least 80", score)
    assert (await visit(ft, over, "grade"))["seen"][0]["value"] == grade
