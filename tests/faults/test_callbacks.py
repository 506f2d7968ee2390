"""A callback finds who waits for it, though the worker was killed with -9 between the call and the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.faults.site import Site
from tests.runs.definitions import by_hand, task


def approval(url: str) -> dict[str, Any]:
    document = {"answer_to": "{{ callback.url }}"}
    ask = {"id": "ask", "kind": "action", "action": "send_webhook", "config": {"url": url, "document": document}}
    awaited = {"event": "callback.received", "step": "ask"}
    good = task("good", "By {{ steps.answer.by }}")
    answer = {"id": "answer", "kind": "wait", "for_event": awaited, "timeout": {"days": 3}, "matched": [good]}
    return by_hand("approval", [ask, answer])


def test_a_callback_while_the_worker_is_dead_is_answered_by_the_next_one_and_counts_once(
    tmp_path: Path, kept: dict[str, str], httpserver: HTTPServer
) -> None:
    addresses: list[str] = []

    def take(request: Request) -> Response:
        addresses.append(request.get_json()["answer_to"])
        return Response("", 202)

    httpserver.expect_request("/approve").respond_with_handler(take)
    with Site(tmp_path, **kept, webhook_allow="127.0.0.1") as site:
        site.publish(approval(httpserver.url_for("/approve")))
        contacts = [site.call("POST", "/records/contact", {"properties": {"email": f"c{n}@example.com"}}) for n in "ab"]
        for each in contacts:
            body = {"record": {"object": "contact", "id": each["id"]}}
            site.call("POST", "/workflows/approval/enrollments", body)

        def both_wait() -> bool:
            inside = site.call("GET", "/enrollments?workflow=approval")["items"]
            return [each["step"] for each in inside if each["wakes_at"]] == ["answer"] * 2

        site.until(both_wait, "both wait for an answer")
        site.kill("worker")
        for address in addresses:
            # The address is complete: who has it needs neither a key nor to know where we are.
            assert httpx2.post(address, json={"by": "Kim"}, trust_env=False).status_code == 202
            assert httpx2.post(address, json={"by": "Eve"}, trust_env=False).status_code == 409
        site.start("worker")

        def both_ended() -> bool:
            inside = site.call("GET", "/enrollments?workflow=approval")["items"]
            return [each["status"] for each in inside] == ["ended"] * 2

        site.until(both_ended, "both go on")
        assert [each["title"] for each in site.call("GET", "/tasks")["items"]] == ["By Kim"] * 2
    assert len(set(addresses)) == len(addresses) == 2
