"""Messages are held back as of the minute they would leave, at whichever attempt; against a real mail server."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from domain.base import Json
from gateways.mail_smtp import SmtpMail, SmtpServer
from services.installation import Installation
from tests.activities.calls import act
from tests.builders import Standing, make_record, stand_at_action
from tests.fixtures.clock import START, FixedClock
from tests.fixtures.smtp_sink import SmtpSink, running_sink

PLAIN: dict[str, Json] = {"subject": "Hello", "html": "<p>Hello</p>", "transactional": True}
OFFICE: dict[str, Json] = {
    "timezone": "UTC", "spread_minutes": 0,
    "window": {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"},
}  # fmt: skip


@pytest.fixture
async def smtp_sink() -> AsyncIterator[SmtpSink]:
    async with running_sink() as sink:
        yield sink


async def in_office_hours(inst: Installation, sink: SmtpSink) -> Standing:
    """Somebody who stands at an email on Monday at nine, in its hours."""
    mailing = dataclasses.replace(inst, mail=SmtpMail(SmtpServer(host="127.0.0.1", port=sink.port)))
    contact = await make_record(mailing, "contact", {"email": "ana@example.com"})
    return await stand_at_action(mailing, contact, "send_email", PLAIN, settings=OFFICE)


async def test_a_message_that_an_outage_delayed_is_held_by_the_minute_it_would_leave(
    installation: Installation, smtp_sink: SmtpSink, clock: FixedClock
) -> None:
    standing = await in_office_hours(installation, smtp_sink)
    clock.advance(timedelta(hours=11))
    answer = await act(standing, "send_email")
    assert (answer.kind, answer.wake_at) == ("wait", START + timedelta(days=1))
    assert smtp_sink.received == []


async def test_a_message_that_is_tried_again_asks_for_its_hours_again(
    installation: Installation, smtp_sink: SmtpSink, clock: FixedClock
) -> None:
    standing = await in_office_hours(installation, smtp_sink)
    smtp_sink.refusals["ana@example.com"] = "451 try later"
    with pytest.raises(ApplicationError):
        await act(standing, "send_email")
    smtp_sink.refusals.clear()
    smtp_sink.received.clear()
    clock.advance(timedelta(hours=8))
    answer = await act(standing, "send_email")
    assert (answer.kind, answer.wake_at) == ("wait", START + timedelta(days=1))
    assert smtp_sink.received == []
