"""Emails of a workflow that follow each other, and the address at which answers find their message."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from gateways.mail import open_mail
from store.conversations import find_answered_message
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import SmtpSink, smtp_sink
from tests.runs.definitions import by_hand

__all__ = ["smtp_sink"]


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    """An installation that sends through a real mail server and takes answers at an address of its own."""
    async with running(dev_server, app_url, tmp_path, work=False) as found:
        mail = open_mail(smtp_sink.url, tmp_path)
        found.inst = replace(found.inst, mail=mail, reply_address="reply@in.example.com")
        await found.start_worker()
        yield found
        await mail.close()


def mail_of(step: str, **config: Any) -> dict[str, Any]:
    config = {"subject": step, "html": "<p>Hi</p>", "transactional": True, **config}
    return {"id": step, "kind": "action", "action": "send_email", "config": config}


async def test_emails_follow_each_other_and_answers_find_them(ft: Running, smtp_sink: SmtpSink) -> None:
    steps = [
        mail_of("first"), mail_of("second", thread="first"), mail_of("third", thread="second"),
        mail_of("alone", reply_to="ana@example.com"), mail_of("never_sent", to={"addresses": ["us@example.com"]}),
        mail_of("last", thread="never_sent"),
    ]  # fmt: skip
    smtp_sink.refusals["us@example.com"] = "550 5.7.1 not you"
    await ft.publish(by_hand("welcome", steps))
    contact = await ft.create("contact", email="ana@example.com")
    await ft.ended((await ft.enroll("welcome", "contact", contact))["enrollment_id"])
    arrived = [message_from_bytes(each.content, policy=default) for each in smtp_sink.received]
    first, second, third, alone, last = arrived
    ids = [message["Message-ID"] for message in arrived]
    assert (first["In-Reply-To"], first["References"]) == (None, None)
    assert (second["In-Reply-To"], second["References"]) == (ids[0], ids[0])
    assert (third["In-Reply-To"], third["References"].split()) == (ids[1], ids[:2])
    assert last["References"] is None
    assert alone["Reply-To"] == "ana@example.com"

    rows = {row["subject"]: row for row in (await ft.call("GET", "/messages"))["items"]}
    async with ft.inst.db.read() as read:
        for message, id in zip(arrived, ids, strict=True):
            named = await find_answered_message(read, message_ids=["not-ours@example.com", id.strip("<>")])
            assert named is not None
            assert named["id"] == rows[message["Subject"]]["id"]
        address = re.fullmatch(r"reply\+([a-z2-7]{20})@in\.example\.com", second["Reply-To"])
        assert address is not None
        found = await find_answered_message(read, tokens=[address[1].upper()])
        assert found is not None
        assert found["id"] == rows["second"]["id"]
        assert await find_answered_message(read, tokens=["a" * 20], message_ids=["x@y"]) is None
