"""send_webhook: one row of the ledger per visit, one key on every attempt, and secrets nowhere but in the call."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import Webhook
from temporalio.exceptions import ApplicationError

from activities.actions.send_webhook import ACTION, SendWebhookConfig
from domain.base import Json
from domain.errors import Unavailable
from domain.ports import WebhookAnswer, WebhookRequest
from gateways.webhooks import HttpWebhooks
from services.installation import Installation
from store import tables
from store.database import Database
from store.enrollments import set_status
from store.secrets import put_secret
from tests.activities.calls import act
from tests.builders import Standing, make_record, stand_at_action
from tests.fixtures.http_sink import AtRequest, HttpSink, http_sink, running_http_sink

__all__ = ["http_sink"]

SIGNING = f"whsec_{base64.b64encode(b'a' * 24).decode()}"


@pytest.fixture
def inst(installation: Installation) -> Installation:
    """An installation that may call this machine."""
    return replace(installation, webhooks=HttpWebhooks(["127.0.0.1"]))


async def standing_at(inst: Installation, sink: HttpSink, path: str = "/in", **config: Any) -> Standing:
    ana = await make_record(inst, "contact", {"first_name": "Ana", "score": 7, "email": "ana@example.com"})
    url = f"http://127.0.0.1:{sink.port}{path}"
    return await stand_at_action(inst, ana, "send_webhook", {"url": url, **config})


async def put(inst: Installation, name: str, value: str) -> None:
    async with inst.db.transaction() as tx:
        await put_secret(tx, name, value, overlap_until=None, now=inst.clock.now())


async def effect(standing: Standing) -> Any:
    (row,) = await standing.rows(tables.effects)
    return row


@pytest.mark.parametrize(
    "config",
    [
        {"url": "https://example.com"},
        {
            "url": "https://example.com/{{ contact.id }}", "method": "PUT", "query": {"a": 1, "b": "{{ contact.id }}"},
            "headers": {"Authorization": {"secret": "crm_key", "before": "Bearer "}, "X-A": "a"},
            "document": {"name": "{{ contact.first_name }}"}, "sign_with": "signing", "follow_redirects": True,
            "outputs": [{"name": "id", "at": "/data/id"}, {"name": "n", "at": "/n", "type": "number"}],
            "on_unknown": "leave",
        },
        {"url": "https://example.com", "properties": "all"},
        {"url": "https://example.com", "properties": ["email"]},
        {"url": "https://example.com", "body": "Hi {{ contact.first_name }}"},
    ],
)  # fmt: skip
def test_every_published_shape_still_parses(config: dict[str, Json]) -> None:
    assert SendWebhookConfig.model_validate(config)


def test_the_wait_between_attempts_is_a_minute_at_first_and_eight_hours_at_last_for_three_days() -> None:
    policy = ACTION.policy
    assert policy is not None
    assert (policy.first_retry_s, policy.max_retry_s, policy.schedule_to_close_s) == (60, 8 * 3600, 3 * 86400)


async def test_a_document_keeps_the_types_of_values_and_the_answer_becomes_outputs(
    inst: Installation, http_sink: HttpSink
) -> None:
    http_sink.answer(200, {"data": {"id": "x1", "n": 3}, "ok": True})
    standing = await standing_at(
        inst,
        http_sink,
        "/c/{{ contact.email | url_encode }}",
        query={"score": "{{ contact.score }}", "q&": "a b/ø", "yes": True},
        document={"name": "Hi {{ contact.first_name }}", "score": "{{ contact.score }}", "none": "{{contact.city}}",
                  "list": [1, "{{ contact.first_name }}"], "raw": {"a": None}},
        outputs=[{"name": "id", "at": "/data/id"}, {"name": "n", "at": "/data/n", "type": "number"},
                 {"name": "ok", "at": "/ok", "type": "bool"}, {"name": "gone", "at": "/gone"}],
    )  # fmt: skip

    answer = await act(standing, "send_webhook")

    (got,) = http_sink.requests
    assert (answer.kind, answer.outcome) == ("go", "done")
    assert (got.method, got.headers["content-type"]) == ("POST", "application/json")
    assert got.target == "/c/ana%40example.com?q%26=a%20b%2F%C3%B8&score=7&yes=true"
    name: Json = {"name": "Hi Ana", "score": 7, "none": None, "list": [1, "Ana"], "raw": {"a": None}}
    assert json.loads(got.body) == name
    outputs = {"status": 200, "id": "x1", "n": 3, "ok": True, "gone": None}
    assert (await standing.visit())["result"] == outputs
    assert ((await effect(standing))["state"], (await effect(standing))["channel"]) == ("accepted", "webhook")
    assert got.headers["idempotency-key"] == (await effect(standing))["key"]


@pytest.mark.parametrize("properties", ["all", ["score", "city"]])
async def test_the_body_may_be_the_record(inst: Installation, http_sink: HttpSink, properties: Json) -> None:
    standing = await standing_at(inst, http_sink, properties=properties)
    await act(standing, "send_webhook")
    sent = json.loads(http_sink.requests[0].body)
    assert (sent["object"], sent["id"]) == ("contact", standing.enrollment.record_id)
    assert sent["properties"]["score"] == 7
    assert sent["properties"]["city"] is None
    assert ("email" in sent["properties"]) is (properties == "all")


async def test_the_same_call_twice_is_one_call(inst: Installation, http_sink: HttpSink) -> None:
    standing = await standing_at(inst, http_sink, method="GET")
    first, second = await act(standing, "send_webhook"), await act(standing, "send_webhook")
    assert first == second
    (got,) = http_sink.requests
    assert (got.method, got.body) == ("GET", b"")


async def test_secrets_stand_in_the_call_and_nowhere_else(inst: Installation, http_sink: HttpSink) -> None:
    await put(inst, "crm_key", "top-s3cret")
    http_sink.answer(200, {"echo": "you said top-s3cret"})
    standing = await standing_at(
        inst,
        http_sink,
        headers={"Authorization": {"secret": "crm_key", "before": "Bearer "}},
        query={"key": {"secret": "crm_key"}},
        outputs=[{"name": "echo", "at": "/echo"}],
    )
    answer = await act(standing, "send_webhook")
    (got,) = http_sink.requests
    assert got.headers["authorization"] == "Bearer top-s3cret"
    assert got.target == "/in?key=top-s3cret"
    assert (await standing.visit())["result"] == {"status": 200, "echo": "you said …"}
    stored = [await standing.rows(table) for table in (tables.effects, tables.visits, tables.versions, tables.changes)]
    assert "top-s3cret" not in f"{answer} {stored}"


@pytest.mark.parametrize("status", [302, 307])
async def test_what_is_made_of_secrets_is_not_sent_on_to_another_place(
    inst: Installation, http_sink: HttpSink, status: int
) -> None:
    await put(inst, "crm_key", "s3cret-value")
    async with running_http_sink() as elsewhere:
        http_sink.answer(status, None, Location=f"http://127.0.0.1:{elsewhere.port}/there")
        elsewhere.answer(200, {})
        standing = await standing_at(
            inst,
            http_sink,
            method="POST",
            headers={"X-Crm-Key": {"secret": "crm_key"}, "Authorization": "Basic b3Blbg==", "X-Plain": "plain"},
            document={"a": "b"},
            follow_redirects=True,
        )
        assert (await act(standing, "send_webhook")).outcome == "done"
        (first,), (second,) = http_sink.requests, elsewhere.requests
    assert (first.headers["x-crm-key"], first.headers["authorization"]) == ("s3cret-value", "Basic b3Blbg==")
    assert second.headers["x-plain"] == "plain"
    assert {"x-crm-key", "authorization"}.isdisjoint(second.headers)
    assert "s3cret-value" not in str((second.target, second.headers, second.body))


async def test_a_signed_call_is_verified_by_the_library_of_the_standard_whatever_the_body(
    inst: Installation, http_sink: HttpSink
) -> None:
    await put(inst, "signing", SIGNING)
    standing = await standing_at(
        inst, http_sink, document={"name": "{{ contact.first_name }} Åse"}, sign_with="signing"
    )
    await act(standing, "send_webhook")
    (got,) = http_sink.requests
    headers = dict(got.headers)
    assert headers["webhook-id"] == headers["idempotency-key"]
    # The clock of the test stands elsewhere than that of the library.
    again = Webhook(SIGNING).sign(headers["webhook-id"], standing.now, got.body.decode())
    assert headers["webhook-signature"] == again
    assert headers["webhook-timestamp"] == str(int(standing.now.timestamp()))


@pytest.mark.parametrize(
    ("config", "failure", "words"),
    [
        ({"headers": {"A": {"secret": "gone"}}}, "broken_reference", "no secret 'gone'"),
        ({"sign_with": "plain"}, "broken_reference", "whsec_ and base64"),
        ({"headers": {"A": "a{{ contact.city | append: '\n' }}X: y"}}, "wrong_value", "line break"),
        ({"url": "https://{{ contact.city }}/"}, "wrong_value", "host"),
        ({"url": "{{ contact.nonsense }}"}, "bad_template", ""),
        ({"url": "http://10.0.0.1/"}, "rejected", "10.0.0.1 is not a public address"),
    ],
)
async def test_what_cannot_be_called_fails_the_step_with_words(
    inst: Installation, http_sink: HttpSink, config: dict[str, Json], failure: str, words: str
) -> None:
    await put(inst, "plain", "not base64!")
    standing = await standing_at(inst, http_sink, **config)
    answer = await act(standing, "send_webhook")
    assert (answer.outcome, answer.reason) == ("failed", failure)
    assert words in (await standing.visit())["detail"]
    assert "not base64!" not in (await standing.visit())["detail"]
    assert http_sink.requests == []


@pytest.mark.parametrize("status", [301, 400, 401, 404, 409, 410, 422])
async def test_a_no_is_final(inst: Installation, http_sink: HttpSink, status: int) -> None:
    http_sink.answer(status, {"reason": "ana@example.com is unknown"}, Location="/elsewhere")
    standing = await standing_at(inst, http_sink)
    answer = await act(standing, "send_webhook")
    assert (answer.outcome, answer.reason) == ("failed", "rejected")
    assert (await standing.visit())["detail"] == f"the other side answered {status}"
    assert (await effect(standing))["state"] == "refused"
    assert (await act(standing, "send_webhook")) == answer
    assert len(http_sink.requests) == 1


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [(429, {"Retry_After": "7"}, 7), (503, {"Retry_After": "9"}, 9), (500, {}, None), (502, {}, None)],
)
async def test_not_now_is_tried_again_with_the_same_key_when_the_other_side_wants(
    inst: Installation, http_sink: HttpSink, status: int, headers: dict[str, str], seconds: int | None
) -> None:
    http_sink.answer(status, None, **headers)
    standing = await standing_at(inst, http_sink)
    with pytest.raises(ApplicationError) as later:
        await act(standing, "send_webhook")
    delay = later.value.next_retry_delay
    assert (later.value.non_retryable, delay.total_seconds() if delay else None) == (False, seconds)
    assert ((await effect(standing))["state"], (await standing.visit())["outcome"]) == ("retry", None)
    assert (await standing.visit())["detail"] == f"the other side answered {status}"
    http_sink.answer(200, {})
    assert (await act(standing, "send_webhook")).outcome == "done"
    assert len({each.headers["idempotency-key"] for each in http_sink.requests}) == 1
    assert (await effect(standing))["attempt"] == 2


async def test_nobody_there_is_tried_again(inst: Installation, http_sink: HttpSink) -> None:
    standing = await standing_at(inst, http_sink)
    away = replace(inst, webhooks=_Away())
    with pytest.raises(ApplicationError):
        await act(replace(standing, inst=away), "send_webhook")
    assert (await effect(standing))["state"] == "retry"
    assert (await act(standing, "send_webhook")).outcome == "done"


class _Away:
    """A network that is down."""

    async def send(self, request: WebhookRequest) -> WebhookAnswer:
        raise Unavailable("no connection (ConnectError)")


@pytest.mark.parametrize("on_unknown", ["resend", "leave"])
async def test_a_lost_answer_is_asked_for_again_or_left_as_the_step_says(
    inst: Installation, http_sink: HttpSink, on_unknown: str
) -> None:
    http_sink.at_request = AtRequest.HANG_UP
    standing = await standing_at(inst, http_sink, on_unknown=on_unknown)
    if on_unknown == "leave":
        answer = await act(standing, "send_webhook")
        assert (answer.outcome, answer.reason) == ("failed", "unknown")
        assert (await effect(standing))["state"] == "unknown"
        return
    with pytest.raises(ApplicationError):
        await act(standing, "send_webhook")
    http_sink.at_request = AtRequest.ANSWER
    assert (await act(standing, "send_webhook")).outcome == "done"
    assert len({each.headers["idempotency-key"] for each in http_sink.requests}) == 1


@pytest.mark.parametrize(("on_unknown", "outcome"), [("resend", "done"), ("leave", "failed")])
async def test_an_attempt_that_died_after_its_claim_is_made_again_or_left(
    inst: Installation, http_sink: HttpSink, on_unknown: str, outcome: str
) -> None:
    standing = await standing_at(inst, http_sink, on_unknown=on_unknown)
    dying = replace(inst, webhooks=_Dying())
    with pytest.raises(ApplicationError):
        await act(replace(standing, inst=dying), "send_webhook")
    assert (await effect(standing))["state"] == "handed_over"
    assert (await act(standing, "send_webhook")).outcome == outcome
    assert len(http_sink.requests) == (1 if on_unknown == "resend" else 0)


class _Dying:
    """A worker that is killed in the middle of a call."""

    async def send(self, request: WebhookRequest) -> WebhookAnswer:
        raise RuntimeError("killed")


async def test_an_answer_that_comes_while_the_enrollment_is_paused_is_kept_for_its_step(
    inst: Installation, http_sink: HttpSink
) -> None:
    http_sink.answer(200, {"id": "x1"})
    standing = await standing_at(inst, http_sink, outputs=[{"name": "id", "at": "/id"}])
    pausing = replace(inst, webhooks=_Pausing(inst.webhooks, inst.db, standing.enrollment.id))

    assert (await act(replace(standing, inst=pausing), "send_webhook")).kind == "held"

    async with inst.db.transaction() as tx:
        await set_status(tx, standing.enrollment.id, "active")
    assert (await act(standing, "send_webhook")).outcome == "done"
    assert (await standing.visit())["result"] == {"status": 200, "id": "x1"}
    assert len(http_sink.requests) == 1


class _Pausing:
    """Somebody pauses the enrollment while the call is under way."""

    def __init__(self, inner: Any, db: Database, enrollment_id: str) -> None:
        self._inner, self._db, self._id = inner, db, enrollment_id

    async def send(self, request: WebhookRequest) -> WebhookAnswer:
        async with self._db.transaction() as tx:
            await set_status(tx, self._id, "paused")
        answer: WebhookAnswer = await self._inner.send(request)
        return answer


async def test_an_associated_record_that_is_not_there_skips_the_step(inst: Installation, http_sink: HttpSink) -> None:
    standing = await standing_at(inst, http_sink, body="{{ company.name }}")
    answer = await act(standing, "send_webhook")
    assert (answer.outcome, answer.reason) == ("skipped", "no_record")
    assert http_sink.requests == []


class Slow:
    """The other side takes its time, and answers with a status."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.begun, self.answers = asyncio.Event(), asyncio.Event()

    async def send(self, request: WebhookRequest) -> WebhookAnswer:
        self.begun.set()
        await self.answers.wait()
        return WebhookAnswer(status=self.status, body=b"{}")


@pytest.mark.parametrize(("status", "state"), [(200, "accepted"), (422, "refused"), (503, "retry")])
async def test_an_answer_that_comes_after_all_leaves_nobody_to_decide(
    installation: Installation, status: int, state: str
) -> None:
    slow = Slow(status)
    inst = replace(installation, webhooks=slow)
    ana = await make_record(inst, "contact", {"first_name": "Ana"})
    setting = await stand_at_action(inst, ana, "send_webhook", {"url": "https://example.com", "on_unknown": "ask"})
    first = asyncio.create_task(act(setting, "send_webhook"))
    await slow.begun.wait()
    second = await act(setting, "send_webhook")
    assert (second.kind, second.reason) == ("wait", "unknown")
    slow.answers.set()
    with contextlib.suppress(ApplicationError):
        await first
    assert (await effect(setting))["state"] == state
