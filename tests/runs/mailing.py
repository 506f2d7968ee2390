"""What the tests of mail need: an installation that sends through a real mail server and takes in what is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from temporalio.testing import WorkflowEnvironment

from gateways.mail import open_mail
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import Received, SmtpSink
from tests.runs.definitions import by_hand


@asynccontextmanager
async def mailing(env: WorkflowEnvironment, url: str, folder: Path, sink: SmtpSink) -> AsyncIterator[Running]:
    """An installation that sends through the sink and takes answers at an address of its own."""
    async with running(env, url, folder, work=False) as found:
        mail = open_mail(sink.url, folder)
        found.inst = replace(found.inst, mail=mail, reply_address="reply@in.example.com")
        await found.start_worker()
        yield found
        await mail.close()


async def take(ft: Running, mail: bytes, **envelope: str) -> Any:
    """Hand a mail over; the answer."""
    headers = {"Content-Type": "message/rfc822"}
    answer = await ft.http.post("/api/v1/inbound/email", content=mail, headers=headers, params=envelope)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def welcomed(ft: Running, sink: SmtpSink, steps: list[dict[str, Any]], **parts: Any) -> tuple[str, Received]:
    """A contact who got the email of the first step and stands at the second; enrollment and what arrived."""
    await ft.publish(by_hand("welcome", steps, **parts))
    contact = await ft.create("contact", email="Ana@example.com", first_name="Ana")
    taken = (await ft.enroll("welcome", "contact", contact))["enrollment_id"]
    await ft.stands_at(taken, steps[1]["id"])
    return taken, sink.received[-1]


async def events_of(ft: Running, name: str) -> list[Any]:
    return list((await ft.call("GET", f"/events?event={name}"))["items"])
