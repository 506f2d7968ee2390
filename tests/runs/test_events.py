"""Events from their sender to the run they let in, and what the run says about them."""

from __future__ import annotations

import asyncio
from typing import Any

from domain.hooks import sign
from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, gap, task
from tests.runs.walking import entered


async def test_an_event_starts_a_run_that_knows_what_it_carried(ft: Running) -> None:
    steps = [task("call", "Call about {{ event.form }} ({{ event.name }}{{ event.unheard_of }})"), gap(days=9)]
    trigger: dict[str, Any] = {"id": "t1", "on": "event", "event": "form.submitted"}
    await ft.publish(by_hand("forms", steps, entry={"triggers": [trigger]}))
    body = {
        "event": "form.submitted",
        "record": {"object": "contact", "by": {"email": "ana@example.com"}, "create": True},
        "properties": {"form": "webinar"},
        "event_id": "f-1",
    }
    sent = [await ft.call("POST", "/events", body, expect=202) for _ in range(3)]
    assert [each["status"] for each in sent] == ["accepted", "duplicate", "duplicate"]
    (enrollment,) = await entered(ft, "forms")
    await ft.stands_at(enrollment["id"], "gap")
    assert [t["title"] for t in (await ft.call("GET", "/tasks?workflow=forms"))["items"]] == [
        "Call about webinar (form.submitted)"
    ]
    entry = (await ft.timeline(enrollment["id"]))["entry"]
    assert entry["why"] == "event form.submitted happened"
    assert entry["who"] == f"by event {sent[0]['id']}"
    await ft.settled()
    assert await ft.decisions("forms") == ["enrolled"]


async def test_a_call_of_a_hook_starts_one_run_that_knows_its_body(ft: Running) -> None:
    steps = [task("call", "Call {{ contact.email }} about {{ event.order.plan }}"), gap(days=9)]
    trigger: dict[str, Any] = {"id": "t1", "on": "webhook", "find": {"email": "/email"}, "create": True}
    await ft.publish(by_hand("hooked", steps, entry={"triggers": [trigger]}))
    (hook,) = (await ft.call("GET", "/workflows/hooked/hooks"))["items"]
    body = b'{"email": "ana@example.com", "order": {"plan": "pro"}}'
    headers = {"Followthrough-Signature": sign(hook["secret"], ft.inst.clock.now(), body)}
    answers = await asyncio.gather(*(ft.http.post(hook["path"], content=body, headers=headers) for _ in range(5)))
    assert sorted(a.json()["status"] for a in answers) == ["accepted", *["duplicate"] * 4]
    (enrollment,) = await entered(ft, "hooked")
    await ft.stands_at(enrollment["id"], "gap")
    titles = [t["title"] for t in (await ft.call("GET", "/tasks?workflow=hooked"))["items"]]
    assert titles == ["Call ana@example.com about pro"]
    await ft.settled()
    assert await ft.decisions("hooked") == ["enrolled"]


async def test_a_run_that_was_entered_by_hand_has_an_empty_event(ft: Running) -> None:
    trigger: dict[str, Any] = {"id": "t1", "on": "event", "event": "form.submitted"}
    steps = [task("call", "Call about [{{ event.form }}]")]
    await ft.publish(by_hand("forms", steps, entry={"triggers": [trigger]}))
    contact = await ft.create("contact", email="ana@example.com")
    taken = await ft.enroll("forms", "contact", contact)
    await ft.ended(taken["enrollment_id"])
    assert [t["title"] for t in (await ft.call("GET", "/tasks?workflow=forms"))["items"]] == ["Call about []"]
