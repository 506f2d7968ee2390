"""Deciding about an effect: at most one message per decision, one decision of two at once, and the truth told late."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import update
from temporalio.exceptions import ApplicationError

from domain.base import Json
from domain.errors import Conflict, NotFound
from domain.lost_answers import Settlement
from domain.records import Cause
from gateways.mail_smtp import SmtpMail, SmtpServer
from services.installation import Installation
from services.running import effects
from services.running.decisions import settle_by_hand
from store import tables
from tests.activities.calls import act
from tests.builders import Standing, make_record, stand_at_action
from tests.fixtures.smtp_sink import AtData, SmtpSink, running_sink

ANA = "ana@example.com"
ASKING: dict[str, Json] = {"subject": "Hello", "html": "<p>Hello</p>", "transactional": True}
CLOSED: list[dict[str, Json]] = [
    {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "03:00", "to": "03:01"}
]


@pytest.fixture
async def smtp_sink() -> AsyncIterator[SmtpSink]:
    async with running_sink() as sink:
        yield sink


@pytest.fixture
async def asked(installation: Installation, smtp_sink: SmtpSink) -> Standing:
    """Somebody whose message was handed over, and nobody knows whether it arrived; the server works again."""
    inst = dataclasses.replace(installation, mail=SmtpMail(SmtpServer(host="127.0.0.1", port=smtp_sink.port)))
    standing = await stand_at_action(inst, await make_record(inst, "contact", {"email": ANA}), "send_email", ASKING)
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    assert (await act(standing, "send_email")).kind == "wait"
    smtp_sink.at_data = AtData.TAKE
    return standing


async def decide(standing: Standing, settlement: Settlement, note: str | None = None) -> str:
    (effect,) = await standing.rows(tables.effects)
    async with standing.inst.db.transaction() as tx:
        cause = Cause(kind="api", id="key")
        return await settle_by_hand(tx, effect["key"], settlement, note, cause=cause, now=standing.now)


async def stored(standing: Standing) -> tuple[str, str, str | None, str | None]:
    (effect,) = await standing.rows(tables.effects)
    (message,) = await standing.rows(tables.messages)
    visit = await standing.visit()
    return effect["state"], message["status"], visit["outcome"], visit["reason"]


async def wakes(standing: Standing) -> list[Any]:
    found = [row["payload"] for row in await standing.rows(tables.deliveries) if row["kind"] == "record_changed"]
    return [payload for payload in found if payload.get("retime")]


async def test_a_repeated_question_still_waits_and_sends_nothing(asked: Standing, smtp_sink: SmtpSink) -> None:
    answer = await act(asked, "send_email")
    assert (answer.kind, answer.wake_at, answer.reason) == ("wait", None, "unknown")
    assert len(smtp_sink.received) == 1
    assert await stored(asked) == ("unknown", "unknown", None, None)


async def test_of_two_who_decide_at_once_one_is_turned_away(asked: Standing, smtp_sink: SmtpSink) -> None:
    made = await asyncio.gather(decide(asked, "resend"), decide(asked, "failed", "no"), return_exceptions=True)
    (refusal,) = [each for each in made if isinstance(each, BaseException)]
    assert isinstance(refusal, Conflict)
    assert refusal.code == "settled"
    assert "somebody decided" in str(refusal) or "nothing to decide" in str(refusal)
    assert len(await asked.rows(tables.effect_decisions)) == 1
    assert len(await wakes(asked)) == 1
    await act(asked, "send_email")
    assert len(smtp_sink.received) <= 2


async def test_sending_once_more_is_one_message_judged_anew(asked: Standing, smtp_sink: SmtpSink) -> None:
    await decide(asked, "resend")
    assert await stored(asked) == ("retry", "queued", None, None)
    await asyncio.gather(*(act(asked, "send_email") for _ in range(2)), return_exceptions=True)
    assert len(smtp_sink.received) == 2
    assert await stored(asked) == ("accepted", "sent", "done", None)


async def test_who_bounced_meanwhile_is_not_written_to_once_more(asked: Standing, smtp_sink: SmtpSink) -> None:
    await decide(asked, "resend")
    async with asked.inst.db.transaction() as tx:
        changed = {"email": ANA, "email_status": "bounced"}
        await tx.run(update(tables.records).values(properties=changed))
    answer = await act(asked, "send_email")
    assert (answer.outcome, answer.reason, len(smtp_sink.received)) == ("skipped", "bounced", 1)


async def test_what_arrived_goes_on_at_any_hour_and_whoever_it_went_to(asked: Standing, smtp_sink: SmtpSink) -> None:
    await decide(asked, "accepted")
    async with asked.inst.db.transaction() as tx:
        await tx.run(update(tables.account).values(window=CLOSED))
        await tx.run(update(tables.records).values(properties={"email": ANA, "email_status": "bounced"}))
    answer = await act(asked, "send_email")
    assert (answer.outcome, len(smtp_sink.received)) == ("done", 1)
    (message,) = await asked.rows(tables.messages)
    assert message["sent_at"] == message["claimed_at"], "it left when it was handed over, not when somebody decided"


async def test_a_closed_window_does_not_hide_that_nobody_knows(asked: Standing) -> None:
    async with asked.inst.db.transaction() as tx:
        await tx.run(update(tables.account).values(window=CLOSED))
    answer = await act(asked, "send_email")
    assert (answer.kind, answer.wake_at) == ("wait", None)


async def test_a_yes_that_comes_late_wakes_the_run_and_leaves_nothing_to_decide(
    installation: Installation, smtp_sink: SmtpSink
) -> None:
    mail = SmtpMail(SmtpServer(host="127.0.0.1", port=smtp_sink.port))
    inst = dataclasses.replace(installation, mail=mail)
    standing = await stand_at_action(inst, await make_record(inst, "contact", {"email": ANA}), "send_email", ASKING)
    smtp_sink.at_data = AtData.STALL
    first = asyncio.create_task(act(standing, "send_email"))
    await smtp_sink.stalled.wait()
    assert (await act(standing, "send_email")).kind == "wait"
    smtp_sink.released.set()
    await first
    assert await stored(standing) == ("accepted", "sent", "done", None)
    assert len(await wakes(standing)) == 1
    with pytest.raises(Conflict, match="nothing to decide: it was accepted"):
        await decide(standing, "resend")


async def test_an_effect_that_is_not_there_is_not_found(asked: Standing) -> None:
    async with asked.inst.db.transaction() as tx:
        with pytest.raises(NotFound):
            await settle_by_hand(tx, "nobody", "accepted", None, cause=Cause(kind="api"), now=asked.now)


async def test_a_decision_that_falls_between_a_round_and_its_sum_is_not_lost(
    installation: Installation, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = SmtpMail(SmtpServer(host="127.0.0.1", port=smtp_sink.port))
    inst = dataclasses.replace(installation, mail=mail)
    config: dict[str, Json] = {**ASKING, "to": {"addresses": ["one@example.com", "two@example.com"]}}
    standing = await stand_at_action(inst, await make_record(inst, "contact", {"email": ANA}), "send_email", config)
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    assert (await act(standing, "send_email")).kind == "wait"
    smtp_sink.at_data = AtData.TAKE
    one, two = await standing.rows(tables.effects)

    async def settle(effect: Any, settlement: Settlement) -> None:
        async with inst.db.transaction() as tx:
            cause = Cause(kind="api", id="key")
            await settle_by_hand(tx, effect["key"], settlement, None, cause=cause, now=standing.now)

    await settle(one, "accepted")
    looked = effects.closed_effects

    async def decided_behind_the_look(*about: Any) -> frozenset[str]:
        found = await looked(*about)
        await settle(two, "resend")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(effects, "closed_effects", decided_behind_the_look)
        with pytest.raises(ApplicationError, match="sent once more"):
            await act(standing, "send_email")
    answer = await act(standing, "send_email")
    assert (answer.outcome, len(smtp_sink.received)) == ("done", 3)
    result = (await standing.visit())["result"]
    assert (result["sent"], result["failed"]) == (2, 0)
