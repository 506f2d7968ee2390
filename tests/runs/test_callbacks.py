"""A step hands out an address, and a wait goes on when somebody calls it: once, early or late, workers or none."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response as Answer
from pytest_httpserver import HTTPServer
from temporalio.testing import WorkflowEnvironment
from werkzeug import Request, Response

from gateways.webhooks import HttpWebhooks
from tests.fixtures.running import Running, running
from tests.runs.definitions import by_hand, gap, task
from tests.runs.walking import steps, visit


@pytest.fixture
async def ft(dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation whose operator allows this machine to be called."""
    async with running(dev_server, app_url, tmp_path, work=False) as found:
        found.inst = replace(found.inst, webhooks=HttpWebhooks(["127.0.0.1"]))
        await found.start_worker()
        yield found


@dataclass
class Approver:
    """Another system that is asked to approve: it keeps the addresses, and answers once it may."""

    addresses: list[str] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def take(self, request: Request) -> Response:
        self.addresses.append(request.get_json()["answer_to"])
        self.may_answer.wait(20)
        return Response("", 202)


@pytest.fixture
def approver(httpserver: HTTPServer) -> Approver:
    """The other system, in no haste to hold anybody up."""
    found = Approver()
    found.may_answer.set()
    httpserver.expect_request("/approve", method="POST").respond_with_handler(found.take)
    return found


def asking(httpserver: HTTPServer, *behind: dict[str, Any], timeout: dict[str, int]) -> list[dict[str, Any]]:
    document = {"who": "{{ contact.first_name }}", "answer_to": "{{ callback.url }}"}
    config = {"url": httpserver.url_for("/approve"), "document": document}
    waiting = {
        "id": "answer",
        "kind": "wait",
        "for_event": {"event": "callback.received", "step": "ask"},
        "timeout": timeout,
        "matched": [task("good", "By {{ steps.answer.by }}: {{ steps.answer.amount }}")],
        "timed_out": [task("late", "No answer")],
    }
    return [{"id": "ask", "kind": "action", "action": "send_webhook", "config": config}, waiting, *behind]


async def asked(ft: Running, approver: Approver) -> str:
    """Enroll somebody and wait until the other system was asked; the id of the enrollment."""
    ana = await ft.create("contact", first_name="Ana")
    taken = await ft.enroll("approval", "contact", ana)

    async def was_asked() -> bool:
        return bool(approver.addresses)

    await ft.until(was_asked, "the other system is asked")
    return str(taken["enrollment_id"])


async def call_back(ft: Running, address: str, body: Any = None) -> Answer:
    """Call an address as another system does: without a key."""
    path = address.partition("/api/")[2]
    return await ft.http.post(f"/api/{path}", json=body, headers={"Authorization": ""})


async def titles(ft: Running) -> list[str]:
    return [each["title"] for each in (await ft.call("GET", "/tasks"))["items"]]


async def test_what_is_called_back_lets_the_wait_go_on_with_its_fields_and_counts_once(
    ft: Running, httpserver: HTTPServer, approver: Approver
) -> None:
    await ft.publish(by_hand("approval", asking(httpserver, gap(days=1), timeout={"days": 3})))
    enrollment = await asked(ft, approver)
    await ft.sleeps_at(enrollment, "answer")
    (address,) = approver.addresses
    assert address.startswith(f"{ft.inst.public_url}/api/v1/callbacks/")

    first = await call_back(ft, address, {"by": "Kim", "amount": 7, "more": {"a": [1]}, "not a name": "x"})
    assert (first.status_code, first.json()["status"]) == (202, "accepted")
    await ft.sleeps_at(enrollment, "gap")

    assert await titles(ft) == ["By Kim: 7"]
    found = await visit(ft, await ft.call("GET", f"/enrollments/{enrollment}"), "answer")
    assert (found["edge"], found["result"]) == (
        "matched",
        {"event": first.json()["event_id"], "by": "Kim", "amount": 7},
    )
    again = await call_back(ft, address, {"by": "Eve"})
    assert again.status_code == 409
    assert "was called before" in again.json()["detail"]
    assert await titles(ft) == ["By Kim: 7"]


async def test_a_callback_that_comes_before_the_wait_is_not_lost(
    ft: Running, httpserver: HTTPServer, approver: Approver
) -> None:
    approver.may_answer.clear()
    await ft.publish(by_hand("approval", asking(httpserver, timeout={"days": 3})))
    enrollment = await asked(ft, approver)
    # The step itself has not come to an end yet.
    assert (await call_back(ft, approver.addresses[0], {"by": "Kim", "amount": 1})).status_code == 202
    approver.may_answer.set()
    over = await ft.ended(enrollment)
    assert await steps(ft, over) == ["ask", "answer", "good"]
    assert await titles(ft) == ["By Kim: 1"]


async def test_a_callback_that_comes_while_no_worker_lives_is_not_lost(
    ft: Running, httpserver: HTTPServer, approver: Approver
) -> None:
    await ft.publish(by_hand("approval", asking(httpserver, timeout={"days": 3})))
    enrollment = await asked(ft, approver)
    await ft.sleeps_at(enrollment, "answer")
    async with ft.standstill():
        assert (await call_back(ft, approver.addresses[0], {"by": "Kim", "amount": 2})).status_code == 202
    await ft.ended(enrollment)
    assert await titles(ft) == ["By Kim: 2"]


async def test_nobody_calls_back_and_the_time_is_over(ft: Running, httpserver: HTTPServer, approver: Approver) -> None:
    await ft.publish(by_hand("approval", asking(httpserver, timeout={"seconds": 1})))
    over = await ft.ended(await asked(ft, approver))
    assert await steps(ft, over) == ["ask", "answer", "late"]
    late = await call_back(ft, approver.addresses[0], {"by": "Kim"})
    assert late.status_code == 409
    assert "the enrollment is over" in late.json()["detail"]


async def test_in_a_loop_only_the_last_address_counts(ft: Running, httpserver: HTTPServer, approver: Approver) -> None:
    again = {"id": "again", "kind": "goto", "to": "ask", "max_visits": 1}
    await ft.publish(by_hand("approval", asking(httpserver, again, timeout={"seconds": 2})))
    enrollment = await asked(ft, approver)

    async def was_asked_again() -> bool:
        return len(approver.addresses) == 2

    await ft.until(was_asked_again, "the other system is asked again")
    old, new = approver.addresses
    refused = await call_back(ft, old, {"by": "Kim", "amount": 1})
    assert refused.status_code == 409
    assert "another address" in refused.json()["detail"]
    assert (await call_back(ft, new, {"by": "Kim", "amount": 2})).status_code == 202
    await ft.ended(enrollment)
    assert sorted(await titles(ft)) == ["By Kim: 2", "No answer"]


async def test_an_address_somebody_made_up_opens_nothing(
    ft: Running, httpserver: HTTPServer, approver: Approver
) -> None:
    await ft.publish(by_hand("approval", asking(httpserver, timeout={"days": 3})))
    enrollment = await asked(ft, approver)
    await ft.sleeps_at(enrollment, "answer")
    (address,) = approver.addresses
    # So much of its seal that it is not right by chance.
    for wrong in (f"{address[:-8]}AAAAAAAA", f"{ft.inst.public_url}/api/v1/callbacks/abc"):
        assert (await call_back(ft, wrong, {})).status_code == 404
    for body in ([1], "yes", 7):
        assert (await call_back(ft, address, body)).status_code == 422
    assert (await call_back(ft, address, {"by": "a" * 70_000})).status_code == 422
    event = {"event": "callback.received", "record": {"object": "contact", "id": "x"}}
    assert (await ft.http.post("/api/v1/events", json=event)).status_code == 422
    assert (await call_back(ft, address)).status_code == 202
    await ft.ended(enrollment)
