"""A message that is claimed while somebody keeps messages from its address: it leaves first, or not at all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.records import Cause
from gateways.mail import open_mail
from services.installation import Installation
from services.intake.texts import IncomingText, take_text
from services.records.merging import merge_records
from services.records.suppressing import suppress_address
from services.running import effects
from tests.activities.calls import act
from tests.builders import make_record, stand_at_action
from tests.fixtures.databases import until_it_waits
from tests.fixtures.smtp_sink import SmtpSink, smtp_sink
from tests.services.running.test_consent import ADDRESS, RECEIPT, site, subscriber, told, writing

__all__ = ["site", "smtp_sink"]

NUMBER = "+12015550123"


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Awaitable[object]]) -> list[asyncio.Task[object]]:
    """Have ``work`` begin between the claim's look at consent and its commit, and come to its end or to a lock."""
    begun: list[asyncio.Task[object]] = []
    real = effects.hold_back

    async def interrupted(tx: Any, inst: Installation, passed: Any, effect: Any) -> Any:
        if not begun:
            begun.append(asyncio.ensure_future(work()))
            await until_it_waits(inst.db, begun[0])
            assert not begun[0].done(), "it was committed, and the message that leaves now did not see it"
        return await real(tx, inst, passed, effect)

    monkeypatch.setattr(effects, "hold_back", interrupted)
    return begun


async def test_no_message_is_claimed_after_a_complaint_was_committed(
    site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = await subscriber(site)
    deal = await make_record(site, "opportunity", {"name": "Deal"}, contact)

    async def complain() -> None:
        async with site.db.transaction() as tx:
            await suppress_address(tx, await writing(tx, site), ADDRESS, "complained")

    begun = meanwhile(monkeypatch, complain)
    assert await told(site, deal, RECEIPT) == ("done", None)
    # It was not there yet when the message was claimed; now it is.
    await begun[0]
    assert await told(site, deal, RECEIPT) == ("skipped", "complained")


async def test_no_text_is_claimed_after_somebody_said_stop(site: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = await subscriber(site, phone=NUMBER)
    first = await stand_at_action(site, ana, "send_sms", {"text": "Hi"}, slug="first")
    assert (await act(first, "send_sms")).outcome == "done"
    # Nobody wrote to Bo, who has the same number, before.
    bo = await make_record(site, "contact", {"phone": NUMBER})
    came = IncomingText(reference="SM1", sender=NUMBER, recipient="+15550100100", text="STOP")
    begun = meanwhile(monkeypatch, lambda: take_text(site, came, Cause(kind="event")))
    config = {"text": "Hi", "transactional": True}
    second = await stand_at_action(site, bo, "send_sms", config, slug="second")
    assert (await act(second, "send_sms")).outcome == "done"
    await begun[0]
    third = await stand_at_action(site, bo, "send_sms", config, slug="third")
    assert (await act(third, "send_sms")).reason == "sms_opted_out"


async def test_a_sender_beyond_ascii_can_send(site: Installation, smtp_sink: SmtpSink, tmp_path: Path) -> None:
    inst = replace(site, mail=open_mail(smtp_sink.url, tmp_path))
    contact = await subscriber(inst)
    assert await told(inst, contact, {**RECEIPT, "from_address": "kim@bücher.example"}) == ("done", None)
    await inst.mail.close()
    (mail,) = smtp_sink.received
    assert re.search(rb"\r\nMessage-ID:\s+<[!-~]+@xn--bcher-kva\.example>\r\n", mail.content)


async def test_who_became_one_with_somebody_between_two_attempts_gets_it_once(
    site: Installation, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    inst = replace(site, mail=open_mail(smtp_sink.url, tmp_path))
    ana = await make_record(inst, "contact", {"email": ADDRESS})
    bob = await make_record(inst, "contact", {"email": "bob@example.com"})
    double = await make_record(inst, "contact", {"first_name": "Ana"})
    company = await make_record(inst, "company", {"name": "Fjord"}, ana, bob)
    smtp_sink.refusals["bob@example.com"] = "451 later"
    to = {"associated": {"match": "all"}}
    standing = await stand_at_action(inst, company, "send_email", {**RECEIPT, "to": to})
    with pytest.raises(ApplicationError):
        await act(standing, "send_email")
    async with inst.db.transaction() as tx:
        await merge_records(tx, await writing(tx, inst), "contact", ana.id, double.id)
    smtp_sink.refusals.clear()
    assert (await act(standing, "send_email")).outcome == "done"
    await inst.mail.close()
    assert sorted(mail.recipients[0] for mail in smtp_sink.received) == [ADDRESS, "bob@example.com"]
