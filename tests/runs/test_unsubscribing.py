"""A contact unsubscribes by the button of its mail program or on the page: what is told, and what is sent no more."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient
from temporalio.testing import WorkflowEnvironment

from gateways.mail import open_mail
from tests.fixtures.apps import app_on
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import SmtpSink, smtp_sink
from tests.runs.definitions import by_hand, email, gap
from tests.runs.walking import way

__all__ = ["smtp_sink"]

ANA = "ana@example.com"
PUBLIC = "https://crm.example.com/" + "a-long-way-below-the-root/" * 5
SUBJECT = "Überraschung für dich: " + "größere Neuigkeiten für alle, die schon lange warten, " * 4


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    """An installation that sends through a real mail server, with links of two hundred characters."""
    async with running(dev_server, app_url, tmp_path, work=False) as found:
        found.inst = replace(found.inst, mail=open_mail(smtp_sink.url, tmp_path), public_url=PUBLIC.rstrip("/"))
        await found.start_worker()
        yield found


@pytest.fixture
async def reader(ft: Running) -> AsyncIterator[AsyncClient]:
    """Whoever opens links of messages: no key, no cookies."""
    with app_on(ft.inst) as app:
        async with AsyncClient(transport=ASGITransport(app=app), base_url="https://crm.example.com") as client:
            yield client


def news(step: str, subject: str = "News", html: str = "<p>News</p>") -> dict[str, Any]:
    config = {"subject": subject, "html": html, "subscription": "newsletter"}
    return {"id": step, "kind": "action", "action": "send_email", "config": config}


def until(step: str, event: str, of: str) -> dict[str, Any]:
    return {"id": step, "kind": "wait", "for_event": {"event": event, "step": of}, "timeout": {"days": 9}}


async def subscriber(ft: Running) -> str:
    await ft.call("POST", "/subscription-types", {"slug": "newsletter", "name": "Newsletter"})
    await ft.call("POST", "/subscription-types", {"slug": "offers", "name": "Offers", "description": "Now & then"})
    contact = await ft.create("contact", email=ANA, first_name="Ana", marketing_status="marketing")
    states = {"newsletter": "subscribed", "offers": "subscribed"}
    await ft.call("PUT", f"/records/contact/{contact}/subscriptions", {"subscriptions": states})
    return contact


def unsubscribe_path(content: bytes) -> str:
    """The address of the header as raw bytes, below the public address."""
    found = re.search(rb"\r\nList-Unsubscribe: <([!-~]+)>\r\n", content)
    assert found is not None, content[:2000]
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content
    address = found[1].decode()
    assert address.startswith(PUBLIC)
    return "/" + address.removeprefix(PUBLIC)


async def test_who_unsubscribes_between_two_emails_gets_the_transactional_third(
    ft: Running, reader: AsyncClient, smtp_sink: SmtpSink
) -> None:
    contact = await subscriber(ft)
    steps = [
        news("first", SUBJECT), until("left", "email.unsubscribed", "first"), news("second"), email("third", "Receipt"),
    ]  # fmt: skip
    await ft.publish(by_hand("welcome", steps))
    goal = {"id": "gone", "name": "Gone", "where": {"subscription": "newsletter", "op": "is", "value": "unsubscribed"}}
    await ft.publish(by_hand("watching", [gap(days=9)], exit={"goals": [goal]}))
    watching = (await ft.enroll("watching", "contact", contact))["enrollment_id"]
    taken = (await ft.enroll("welcome", "contact", contact))["enrollment_id"]
    await ft.stands_at(taken, "left")

    (first,) = smtp_sink.received
    path = unsubscribe_path(first.content)
    assert len(PUBLIC + path) >= 200
    assert str(make_header(decode_header(message_from_bytes(first.content)["Subject"]))) == SUBJECT.strip()
    # Whoever looks at the address, as scanners do, unsubscribes nobody.
    looked = await reader.get(path)
    assert looked.status_code == 200
    assert "Newsletter" in looked.text
    assert (await ft.call("GET", f"/records/contact/{contact}/subscriptions"))["items"][0]["state"] == "subscribed"

    answer = await reader.post(path, data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.headers.get("location")) == (200, None)
    again = await reader.post(path, data={"List-Unsubscribe": "One-Click"})
    assert again.status_code == 200

    over = await ft.ended(taken)
    assert await way(ft, over) == [
        ("first", "done", None), ("left", "done", None), ("second", "skipped", "unsubscribed"), ("third", "done", None),
    ]  # fmt: skip
    assert (await ft.ended(watching))["end_reason"] == "goal"
    subjects = [message_from_bytes(each.content, policy=default)["Subject"] for each in smtp_sink.received]
    assert [str(each) for each in subjects[1:]] == ["Receipt"]
    assert b"List-Unsubscribe" not in smtp_sink.received[1].content
    events = (await ft.call("GET", "/events?event=email.unsubscribed"))["items"]
    assert [(each["enrollment_id"], each["step"]) for each in events] == [(taken, "first")]
    told = (await ft.call("GET", f"/records/contact/{contact}/subscriptions/history"))["items"][0]
    assert (told["subscription"], told["state"], told["source"]) == (
        "newsletter", "unsubscribed", "one-click unsubscribe",
    )  # fmt: skip
    states = (await ft.call("GET", f"/records/contact/{contact}/subscriptions"))["items"]
    assert [each["state"] for each in states] == ["unsubscribed", "subscribed"]
    items = (await ft.call("GET", f"/records/contact/{contact}/timeline"))["items"]
    words = "event email.unsubscribed, the email of step first in welcome"
    assert words in [item["words"] for item in items]


async def test_the_address_stands_where_its_author_put_it_else_at_the_end(ft: Running, smtp_sink: SmtpSink) -> None:
    contact = await subscriber(ft)
    own = '<p>News. <a href="{{ message.unsubscribe_url }}">Enough?</a></p>'
    plain = "<html><body><p>News</p></body></html>"
    await ft.publish(by_hand("welcome", [news("own", html=own), news("added", html=plain)]))
    await ft.ended((await ft.enroll("welcome", "contact", contact))["enrollment_id"])
    bodies = []
    for each in smtp_sink.received:
        message = message_from_bytes(each.content, policy=default)
        address = PUBLIC.rstrip("/") + unsubscribe_path(each.content)
        parts = [part.get_content() for part in message.iter_parts()]
        assert [part.count(address) for part in parts] == [1, 1]
        bodies.append(parts[1])
    assert "Unsubscribe</a>" not in bodies[0]
    assert re.search(r"Unsubscribe</a></p><img [^<]*></body></html>\s*$", bodies[1])
