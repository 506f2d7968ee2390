"""Text messages through a service that speaks like Twilio: what became of them, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from httpx2 import Response
from temporalio.testing import WorkflowEnvironment

from domain.names import effect_key
from gateways.sms import open_sms
from gateways.twilio_signing import signature
from tests.fixtures.http_sink import HttpSink, http_sink
from tests.fixtures.running import Running, running
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.walking import way

__all__ = ["http_sink"]

TOKEN = "t0ken"
ANA, US = "+12025550143", "+15550100100"


def sms(id: str, text: str = "Hello", **config: Any) -> dict[str, Any]:
    return {"id": id, "kind": "action", "action": "send_sms", "config": {"text": text, **config}}


WAITS = {"id": "answer", "kind": "wait", "for_event": {"event": "sms.received"}, "timeout": {"days": 9}}


@dataclass
class Service:
    """The other side: what was sent to it, and what it tells."""

    ft: Running
    sink: HttpSink

    async def post(self, path: str, fields: dict[str, str], *, token: str = TOKEN) -> Response:
        public = self.ft.inst.public_url
        signed = signature(token, f"{public}{path}", [*fields.items()])
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signed}
        return await self.ft.http.post(path, content=urlencode(fields), headers=headers)

    async def tell(self, n: int, status: str, **more: str) -> Response:
        """What became of the n-th message."""
        told_at = urlsplit(self.sink.requests[n].form["StatusCallback"])
        return await self.post(f"{told_at.path}?{told_at.query}", {"MessageStatus": status, **more})

    async def receive(self, text: str, sid: str, *, sender: str = ANA, to: str = US, **how: Any) -> Response:
        fields = {"MessageSid": sid, "From": sender, "To": to, "Body": text}
        return await self.post("/api/v1/inbound/sms", fields, **how)


@pytest.fixture
async def service(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path, http_sink: HttpSink
) -> AsyncIterator[Service]:
    """An installation that sends through the service, and the service."""
    http_sink.answer(201, {"sid": "SM1", "status": "queued"})
    url = f"twilio://AC42:{TOKEN}@127.0.0.1:{http_sink.port}?scheme=http"
    sms = open_sms(url, tmp_path, public_url="http://127.0.0.1:8080")
    async with running(dev_server, database_url, tmp_path, sms=sms) as ft:
        yield Service(ft, http_sink)


async def sent(service: Service, steps: list[Any], *, at: str | None = None, **parts: Any) -> tuple[str, str]:
    """Ana after her first message; her id and that of her enrollment."""
    ft = service.ft
    await ft.publish(by_hand("texts", [sms("hello"), *steps], **parts))
    contact = await ft.create("contact", email="ana@example.com", phone="(202) 555-0143")
    taken = (await ft.enroll("texts", "contact", contact))["enrollment_id"]
    await ft.stands_at(taken, at or steps[0]["id"])
    return contact, taken


async def test_a_message_is_delivered_once_however_often_it_is_told(service: Service) -> None:
    ft = service.ft
    await sent(service, [gap(days=9)])
    for status in ("queued", "sent", "delivered", "delivered", "sent"):
        assert (await service.tell(0, status)).status_code == 204
    (message,) = (await ft.call("GET", "/messages"))["items"]
    assert (message["status"], message["segments"]) == ("delivered", 1)
    events = (await ft.call("GET", "/events?event=sms.delivered"))["items"]
    assert [(each["step"], each["properties"]) for each in events] == [("hello", {"message": message["id"]})]
    step = (await ft.call("GET", "/workflows/texts/report"))["steps"][0]
    assert (step["sent"], step["delivered"], step["bounced"]) == (1, 1, 0)


async def test_what_is_told_of_a_message_whose_answer_was_lost_settles_it(service: Service) -> None:
    ft = service.ft
    service.sink.answer(500)
    await ft.publish(by_hand("texts", [sms("hello", on_unknown="ask"), task("call", "Call")]))
    contact = await ft.create("contact", email="ana@example.com", phone="(202) 555-0143")
    inside = (await ft.enroll("texts", "contact", contact))["enrollment_id"]

    async def waits() -> bool:
        return len((await ft.call("GET", "/effects?waiting=true"))["items"]) == 1

    await ft.until(waits, "the run waits for a decision")
    assert (await service.tell(0, "delivered")).status_code == 204
    assert await way(ft, await ft.ended(inside)) == [("hello", "done", None), ("call", "done", None)]
    (message,) = (await ft.call("GET", "/messages"))["items"]
    assert (message["status"], len(service.sink.requests)) == ("delivered", 1)


async def test_a_message_that_came_back_says_why_and_keeps_the_address(service: Service) -> None:
    ft = service.ft
    contact, _ = await sent(service, [gap(days=9)])
    assert (await service.tell(0, "undelivered", ErrorCode="30005")).status_code == 204
    (message,) = (await ft.call("GET", "/messages"))["items"]
    assert (message["status"], message["detail"]) == ("bounced", "undelivered, code 30005")
    (event,) = (await ft.call("GET", "/events?event=sms.failed"))["items"]
    assert event["properties"] == {"message": message["id"], "reason": "undelivered, code 30005"}
    assert (await ft.call("GET", "/events?event=sms.delivered"))["items"] == []
    assert "sms_opted_out" not in (await ft.call("GET", f"/records/contact/{contact}"))["properties"]


async def test_an_answer_leads_on_and_ends_whom_it_answers(service: Service) -> None:
    ft = service.ft
    contact, taken = await sent(service, [WAITS, task("call", "Call"), gap(days=9)])
    answers = await asyncio.gather(*(service.receive("Yes, please", "SM9") for _ in range(3)))
    assert {each.status_code for each in answers} == {200}
    assert answers[0].text.endswith("<Response/>")
    await ft.stands_at(taken, "gap")
    (text,) = (await ft.call("GET", f"/inbound/texts?record={contact}"))["items"]
    assert (text["kind"], text["text"]) == ("reply", "Yes, please")
    assert len((await ft.call("GET", "/events?event=sms.received"))["items"]) == 1
    assert len((await ft.call("GET", "/events?event=message.replied"))["items"]) == 1


async def test_a_reply_ends_the_run_that_stops_on_one(service: Service) -> None:
    ft = service.ft
    _, taken = await sent(service, [gap(days=9)], exit={"stop_on_reply": True})
    await service.receive("Not interested", "SM9")
    over = await ft.ended(taken)
    assert over["end_reason"] == "replied"


async def test_who_says_stop_gets_no_message_until_they_say_start(service: Service) -> None:
    ft = service.ft
    contact, taken = await sent(service, [WAITS, sms("again", transactional=True)], exit={"stop_on_reply": True})
    await service.receive("STOP", "SM9")
    over = await ft.ended(taken)
    assert await way(ft, over) == [
        ("hello", "done", None), ("answer", "done", None), ("again", "skipped", "sms_opted_out"),
    ]  # fmt: skip
    assert (await ft.call("GET", f"/records/contact/{contact}"))["properties"]["sms_opted_out"] is True
    # Under whatever spelling, and for whomever: the number wants none.
    other = await ft.create("contact", email="bo@example.com", phone="1-202-555-0143")
    await ft.publish(by_hand("more", [sms("more", transactional=True)]))
    second = await ft.ended((await ft.enroll("more", "contact", other))["enrollment_id"])
    assert await way(ft, second) == [("more", "skipped", "sms_opted_out")]

    (kept,) = (await ft.call("GET", "/suppressions"))["items"]
    assert (kept["address"], kept["reason"]) == ("+12025550143", "opted_out")

    # They asked somebody by telephone to be written to again.
    await ft.call("DELETE", "/suppressions/+12025550143")
    assert (await ft.call("GET", f"/records/contact/{contact}"))["properties"]["sms_opted_out"] is False
    await service.receive("Stop.", "SM10")
    assert (await ft.call("GET", f"/records/contact/{contact}"))["properties"]["sms_opted_out"] is True
    await service.receive("Start", "SM11")
    assert (await ft.call("GET", f"/records/contact/{contact}"))["properties"]["sms_opted_out"] is False
    third = await ft.create("contact", email="cy@example.com", phone="202.555.0143")
    fourth = await ft.ended((await ft.enroll("more", "contact", third))["enrollment_id"])
    assert await way(ft, fourth) == [("more", "done", None)]


async def test_nobody_else_can_tell_anything(service: Service) -> None:
    ft = service.ft
    await sent(service, [gap(days=9)])
    assert (await service.receive("STOP", "SM9", token="other")).status_code == 401
    unsigned = await ft.http.post("/api/v1/inbound/sms", content="MessageSid=SM9")
    assert unsigned.status_code == 401
    assert (await ft.call("GET", "/inbound/texts"))["items"] == []
    assert (await service.receive("Hello", "", sender="")).status_code == 422
    path = "/api/v1/providers/twilio/events?key=nothing"
    assert (await service.post(path, {"MessageStatus": "delivered"})).status_code == 404


async def test_a_number_nobody_wrote_to_is_kept(service: Service) -> None:
    assert (await service.receive("Hello?", "SM9", sender="+4790000000")).status_code == 200
    (text,) = (await service.ft.call("GET", "/inbound/texts?kind=unmatched"))["items"]
    assert (text["sender"], text["record_id"]) == ("+4790000000", None)


async def test_a_text_answers_what_was_sent_from_the_number_it_goes_to(service: Service) -> None:
    ft = service.ft
    other = "+15550100177"
    await sent(service, [sms("second", from_number=other), gap(days=9)], at="gap")
    newest, oldest = (await ft.call("GET", "/messages"))["items"]
    assert (newest["step"], oldest["step"]) == ("second", "hello")
    for n, (number, answered) in enumerate([(oldest["sender"], oldest), (other, newest), ("+15550100178", newest)]):
        assert (await service.receive("Yes", f"SM{n}", to=number)).status_code == 200
        text = (await ft.call("GET", "/inbound/texts"))["items"][0]
        assert (text["recipient"], text["answers"]) == (number, answered["id"])


async def test_a_number_that_no_text_reached_was_not_written_to(service: Service) -> None:
    ft = service.ft
    service.sink.answer(400, {"code": 21211})
    await ft.publish(by_hand("texts", [sms("hello")]))
    contact = await ft.create("contact", email="ana@example.com", phone="(202) 555-0143")
    over = await ft.ended((await ft.enroll("texts", "contact", contact))["enrollment_id"])
    assert await way(ft, over) == [("hello", "failed", "rejected")]
    await service.receive("Hello?", "SM9")
    (text,) = (await ft.call("GET", "/inbound/texts"))["items"]
    assert (text["kind"], text["answers"], text["record_id"]) == ("unmatched", None, None)


async def test_what_is_told_of_texts_does_not_touch_an_email(service: Service) -> None:
    ft = service.ft
    await ft.publish(by_hand("mails", [email("hello", "Hello"), gap(days=9)]))
    contact = await ft.create("contact", email="ana@example.com")
    taken = (await ft.enroll("mails", "contact", contact))["enrollment_id"]
    await ft.stands_at(taken, "gap")
    key = effect_key(taken, "hello", 1)
    for status in ("delivered", "failed"):
        path = f"/api/v1/providers/twilio/events?{urlencode({'key': key})}"
        assert (await service.post(path, {"MessageStatus": status})).status_code == 404
    (message,) = (await ft.call("GET", "/messages"))["items"]
    assert (message["channel"], message["status"]) == ("email", "sent")


async def test_a_text_that_is_too_long_is_refused_or_fails(service: Service) -> None:
    ft = service.ft
    body = by_hand("long", [sms("long", "a" * 161, max_segments=1)])
    made = await ft.call("POST", "/workflows", body)
    assert [(each["path"], each["code"]) for each in made["problems"]] == [("/steps/0/config/text", "wrong_value")]
    await ft.publish(by_hand("names", [sms("name", "Hello {{ contact.first_name }}", max_segments=1)]))
    contact = await ft.create("contact", email="bo@example.com", phone="(202) 555-0144", first_name="B" * 160)
    over = await ft.ended((await ft.enroll("names", "contact", contact))["enrollment_id"])
    assert await way(ft, over) == [("name", "failed", "wrong_value")]
    assert service.sink.requests == []


async def test_who_has_the_number_no_more_is_not_meant(service: Service) -> None:
    ft = service.ft
    ana, _ = await sent(service, [gap(days=9)])
    await ft.patch("contact", ana, phone="(202) 555-0199", sms_opted_out=False)
    await service.receive("STOP", "SM9")
    assert (await ft.call("GET", f"/records/contact/{ana}"))["properties"]["sms_opted_out"] is False
    # What she said by telephone is not taken back by somebody else either.
    await ft.patch("contact", ana, sms_opted_out=True)
    await service.receive("START", "SM10")
    assert (await ft.call("GET", f"/records/contact/{ana}"))["properties"]["sms_opted_out"] is True
