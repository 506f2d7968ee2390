"""Hooks as other systems call them: signed, counted once, mapped to a record, and answered with what came of it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import select

from domain.hooks import TOLERANCE, sign
from store.tables import enrollments, events
from tests.api.conftest import Caller, problem_of
from tests.fixtures.clock import FixedClock
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, gap

ANA = {"customer": {"email": "ana@example.com", "city": "Oslo"}, "plan": "pro"}


def hooked(**more: Any) -> dict[str, Any]:
    trigger = {
        "id": "t1", "on": "webhook", "find": {"email": "/customer/email"}, "create": True,
        "set": {"city": "/customer/city", "job_title": "/customer/job"}, **more,
    }  # fmt: skip
    return by_hand("hooked", [gap(days=1)], entry={"triggers": [trigger]})


class Sender:
    """Another system that knows a hook."""

    def __init__(self, api: Caller, path: str, secret: str) -> None:
        self.api, self.path, self.secret = api, path, secret

    async def post(
        self, body: Any, delivery: str | None = None, *, age: timedelta = timedelta(0), signature: str | None = None
    ) -> Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        at = self.api.inst.clock.now() - age
        headers = {"Followthrough-Signature": sign(self.secret, at, raw, delivery) if signature is None else signature}
        headers |= {"Followthrough-Delivery": delivery} if delivery is not None else {}
        return await self.api.http.post(self.path, content=raw, headers=headers)

    async def ok(self, body: Any, delivery: str | None = None, **more: Any) -> Any:
        answer = await self.post(body, delivery, **more)
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def refused(self, body: Any, status: int, **more: Any) -> Any:
        answer = await self.post(body, **more)
        assert answer.status_code == status, answer.text
        return problem_of(answer)


async def sender(api: Caller, **more: Any) -> Sender:
    """A published workflow with a hook, and who calls it."""
    await api.publish(hooked(**more))
    (address,) = (await api.ok("GET", "/workflows/hooked"))["hooks"]
    (hook,) = (await api.ok("GET", "/workflows/hooked/hooks"))["items"]
    assert address == {"trigger": "t1", "path": hook["path"]}
    caller = await api.with_scopes()
    del caller.http.headers["Authorization"]  # What calls a hook has no key of ours.
    return Sender(caller, hook["path"], hook["secret"])


async def entered(api: Caller) -> list[Any]:
    async with api.inst.db.read() as read:
        return await read.all(select(enrollments).order_by(enrollments.c.id))


async def test_a_call_makes_the_record_and_starts_its_run(api: Caller, runs: RecordingRuns) -> None:
    hook = await sender(api)
    made = await hook.ok(ANA)
    assert (made["status"], made["decision"]) == ("accepted", "enrolled")
    (enrollment,) = await entered(api)
    assert (enrollment["id"], enrollment["entry_event_id"]) == (made["enrollment_id"], made["event_id"])
    assert [run.slug for run in runs.started] == ["hooked"]
    contact = await api.ok("GET", f"/records/contact/{enrollment['record_id']}")
    assert contact["properties"]["city"] == "Oslo"
    event = await api.ok("GET", f"/events/{made['event_id']}")
    assert (event["event"], event["properties"]) == ("webhook.received", ANA)
    shown = await api.ok("GET", f"/enrollments/{made['enrollment_id']}/timeline")
    assert (shown["entry"]["why"], shown["entry"]["cause"]) == ("its hook was called", "event")


@pytest.mark.parametrize("delivery", ["d-1", None])
async def test_the_same_delivery_five_times_at_once_and_later_is_one_enrollment(
    api: Caller, clock: FixedClock, delivery: str | None
) -> None:
    hook = await sender(api)
    answers = await asyncio.gather(*(hook.ok(ANA, delivery) for _ in range(5)))
    assert sorted(a["status"] for a in answers) == ["accepted", *["duplicate"] * 4]
    assert {a["decision"] for a in answers} == {"enrolled", "duplicate_event"}
    assert len({a["event_id"] for a in answers}) == 1
    clock.advance(TOLERANCE - timedelta(seconds=1))
    assert (await hook.ok(ANA, delivery))["status"] == "duplicate"
    clock.advance(TOLERANCE * 3)
    last = await hook.ok(ANA, delivery)
    # By its id it is the same for ever; by its body it is another one once nobody can be repeating it.
    assert last["decision"] == ("duplicate_event" if delivery else "absorbed_update")
    assert len(await entered(api)) == 1
    assert len((await api.ok("GET", "/records/contact"))["items"]) == 1


async def test_the_same_body_at_once_in_two_stretches_is_one_delivery(api: Caller) -> None:
    hook = await sender(api)
    into = timedelta(seconds=api.inst.clock.now().timestamp() % TOLERANCE.total_seconds())
    ages = [into + timedelta(seconds=second) for second in (1, -1)] * 3
    said = await asyncio.gather(*(hook.ok(ANA, age=age) for age in ages))
    assert sorted(each["status"] for each in said) == ["accepted"] + ["duplicate"] * 5
    assert len(await entered(api)) == 1


async def test_the_id_of_a_delivery_does_not_flow_into_the_body(lite: Caller) -> None:
    """A signature without an id is over the bytes that another call would have as its id and its body."""
    hook = await sender(lite)
    body = b'{"a.{\\": 1, \\"customer\\": 2}'
    signature = sign(hook.secret, lite.inst.clock.now(), body)
    id, _, rest = body.decode().partition(".")
    answer = await hook.post(rest.encode(), id, signature=signature)
    assert (answer.status_code, problem_of(answer)["errors"][0]["path"]) == (422, "header:Followthrough-Delivery")


async def test_a_call_that_is_not_signed_does_nothing(lite: Caller) -> None:
    hook = await sender(lite)
    await hook.refused(ANA, 401, signature="")
    await hook.refused(b"no json", 401, signature="t=1,v1=00")
    await hook.refused(ANA, 401, age=TOLERANCE + timedelta(seconds=2))
    hook.path = hook.path[:-1]
    await hook.refused(ANA, 404)
    assert (await lite.ok("GET", "/records/contact"))["items"] == []


async def test_what_a_call_says_is_refused_with_its_place(lite: Caller) -> None:
    hook = await sender(lite)
    assert (await hook.refused(b"[1]", 422))["errors"][0]["code"] == "wrong_type"
    await hook.refused(b"{", 422)
    assert (await hook.refused({"customer": {}}, 422))["errors"][0]["path"] == "/customer/email"
    wrong = {"customer": {"email": "ana@example.com", "city": 7}}
    assert (await hook.refused(wrong, 422))["errors"][0]["path"] == "/customer/city"
    stranger = await hook.refused({"customer": {"email": "nobody"}}, 422)
    assert [error["path"] for error in stranger["errors"]] == ["/customer/email"]
    heavy = {"customer": {"email": "ana@example.com"}, "text": "x" * 70_000}
    assert (await hook.refused(heavy, 422))["errors"][0]["path"] == ""
    large = await hook.refused(b'{"customer": {"email": "ana@example.com"}, "n": 1e400}', 422)
    assert (large["errors"][0]["code"], "too large" in large["detail"]) == ("not_json", True)
    async with lite.inst.db.read() as read:
        assert await read.all(select(events)) == []


async def test_a_hook_that_makes_nobody_refuses_strangers_and_takes_who_is_known(lite: Caller) -> None:
    hook = await sender(lite, create=False, where={"property": "country", "op": "is", "value": "NO"})
    await hook.refused(ANA, 404)
    contact = await lite.create("contact", email="ana@example.com", country="DE")
    assert (await hook.ok(ANA))["decision"] is None
    await lite.ok("PATCH", f"/records/contact/{contact['id']}", {"properties": {"country": "NO"}})
    made = await hook.ok({**ANA, "plan": "max"})
    assert made["decision"] == "enrolled"
    shown = await lite.ok("GET", f"/enrollments/{made['enrollment_id']}/timeline")
    assert shown["entry"]["seen"][0]["value"] == "NO"


async def test_a_hook_lets_in_only_calls_that_say_what_is_wanted(lite: Caller) -> None:
    hook = await sender(lite, where={"event_property": "plan", "op": "is", "value": "max"})
    assert (await hook.ok(ANA))["decision"] is None
    made = await hook.ok({**ANA, "plan": "max"})
    assert made["decision"] == "enrolled"
    shown = await lite.ok("GET", f"/enrollments/{made['enrollment_id']}/timeline")
    assert shown["entry"]["seen"][0]["value"] == "max"


async def test_a_hook_stays_where_it_is_until_it_is_renewed_and_ends_with_its_trigger(lite: Caller) -> None:
    hook = await sender(lite)
    await lite.ok("PUT", "/workflows/hooked", hooked(set={}), If_Match="*")
    await lite.ok("POST", "/workflows/hooked/publish", {})
    assert (await hook.ok(ANA, "d-1"))["decision"] == "enrolled"
    await lite.ok("POST", "/workflows/hooked/turn-off")
    assert (await hook.refused(ANA, 409))["type"].endswith("workflow_off")
    await lite.ok("POST", "/workflows/hooked/turn-on")
    (renewed,) = (await lite.ok("POST", "/workflows/hooked/hooks/t1/renew"))["items"]
    await hook.refused(ANA, 404)
    hook.path, hook.secret = renewed["path"], renewed["secret"]
    assert (await hook.ok(ANA, "d-1"))["status"] == "duplicate"
    assert (await hook.ok(ANA, "d-2"))["decision"] == "absorbed_update"
    await lite.problem("POST", "/workflows/hooked/hooks/t9/renew", status=404)
    await (await lite.with_scopes("workflows:read")).problem("GET", "/workflows/hooked/hooks", status=403)
    await lite.ok("PUT", "/workflows/hooked", by_hand("hooked", [gap(days=1)]), If_Match="*")
    await lite.ok("POST", "/workflows/hooked/publish", {})
    assert (await lite.ok("GET", "/workflows/hooked"))["hooks"] == []
    await hook.refused(ANA, 404)
