"""Effects once: what ledger, message and visit say after every kind of answer, against a real mail server."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from domain.base import Json
from domain.consent import Terms
from domain.errors import Unavailable
from domain.messages import FailureCall, StepAnswer
from domain.ports import HandOver, Mail, MailGateway, Receipt
from gateways.mail_smtp import SmtpMail, SmtpServer
from services.installation import Installation
from services.leaving.leaving import end_enrollment
from services.relaying.housekeeping import settle_lost
from services.running.effects import attempt
from services.running.letters import Letter
from services.running.settling import key_of
from store import tables
from store.database import Database, Read
from store.effects import Effect, claim_effect
from store.locks import lock_enrollments, lock_records
from tests.activities.calls import act, give_up
from tests.builders import Standing, make_record, stand_at_action
from tests.fixtures.clock import FixedClock
from tests.fixtures.installations import assemble
from tests.fixtures.runs import RecordingRuns
from tests.fixtures.smtp_sink import AtData, SmtpSink, running_sink

PLAIN: dict[str, Json] = {
    "subject": "Hello", "html": "<p>Hello</p>", "transactional": True, "on_unknown": "leave",
}  # fmt: skip
ANA = "ana@example.com"


@pytest.fixture
async def smtp_sink() -> AsyncIterator[SmtpSink]:
    async with running_sink() as sink:
        yield sink


@pytest.fixture
def mailing(installation: Installation, smtp_sink: SmtpSink) -> Installation:
    """The installation with a real mail server."""
    mail = SmtpMail(SmtpServer(host="127.0.0.1", port=smtp_sink.port))
    return dataclasses.replace(installation, mail=mail)


async def _standing(inst: Installation, **properties: Json) -> Standing:
    contact = await make_record(inst, "contact", {"email": ANA, **properties})
    return await stand_at_action(inst, contact, "send_email", PLAIN)


async def _details(standing: Standing) -> list[str]:
    """What effect, message and visit tell in words."""
    tables_ = (tables.effects, tables.messages, tables.visits)
    return [str(row["detail"]) for table in tables_ for row in await standing.rows(table)]


async def _leave(standing: Standing) -> None:
    """Take the record out."""
    async with standing.inst.db.transaction() as tx:
        await lock_records(tx, [standing.enrollment.record_id], write=False)
        (enrollment,) = (await lock_enrollments(tx, [standing.enrollment.id])).values()
        await end_enrollment(tx, enrollment, "unenrolled", now=standing.now)


async def _states(standing: Standing) -> tuple[str, str, str | None, str | None]:
    """State of the effect, status of the message, outcome and reason of the visit."""
    (effect,) = await standing.rows(tables.effects)
    (message,) = await standing.rows(tables.messages)
    visit = await standing.visit()
    return effect["state"], message["status"], visit["outcome"], visit["reason"]


async def test_an_accepted_message_is_sent(mailing: Installation, smtp_sink: SmtpSink) -> None:
    standing = await _standing(mailing)

    answer = await act(standing, "send_email")
    assert await act(standing, "send_email") == answer

    assert len(smtp_sink.received) == 1
    assert await _states(standing) == ("accepted", "sent", "done", None)


@pytest.mark.parametrize("at", ["recipient", "content"])
async def test_a_refusal_for_good_fails_the_step(mailing: Installation, smtp_sink: SmtpSink, at: str) -> None:
    if at == "recipient":
        smtp_sink.refusals[ANA] = "550 no such mailbox"
    else:
        smtp_sink.answer = "554 we do not want it"
    standing = await _standing(mailing)

    answer = await act(standing, "send_email")

    assert (answer.outcome, answer.reason) == ("failed", "rejected")
    assert await _states(standing) == ("refused", "failed", "failed", "rejected")


@pytest.mark.parametrize("at", ["recipient", "content"])
async def test_a_refusal_for_now_is_tried_again_under_the_same_key(
    mailing: Installation, smtp_sink: SmtpSink, at: str
) -> None:
    if at == "recipient":
        smtp_sink.refusals[ANA] = "451 try later"
    else:
        smtp_sink.answer = "451 try later"
    standing = await _standing(mailing)

    with pytest.raises(ApplicationError) as told:
        await act(standing, "send_email")
    assert told.value.type == "Unavailable"
    assert not told.value.non_retryable
    assert ANA not in str(told.value)
    assert await _states(standing) == ("retry", "queued", None, None)

    smtp_sink.refusals.clear()
    smtp_sink.answer = "250 OK"
    smtp_sink.received.clear()
    later = standing.now + timedelta(hours=1)
    answer = await act(standing, "send_email", started_at=later)

    (message,) = await standing.rows(tables.messages)
    assert answer.outcome == "done"
    assert len(smtp_sink.received) == 1
    assert message["sent_at"] == later
    assert await _states(standing) == ("accepted", "sent", "done", None)


async def test_a_lost_answer_is_unknown_and_never_sent_again(mailing: Installation, smtp_sink: SmtpSink) -> None:
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    standing = await _standing(mailing)

    answer = await act(standing, "send_email")
    smtp_sink.at_data = AtData.TAKE
    assert await act(standing, "send_email") == answer

    assert (answer.outcome, answer.reason) == ("failed", "unknown")
    assert len(smtp_sink.received) == 1
    assert await _states(standing) == ("unknown", "unknown", "failed", "unknown")


async def test_an_attempt_that_died_after_its_claim_is_unknown(mailing: Installation, smtp_sink: SmtpSink) -> None:
    smtp_sink.at_data = AtData.STALL
    standing = await _standing(mailing)
    dying = asyncio.create_task(act(standing, "send_email"))
    await smtp_sink.stalled.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying

    smtp_sink.at_data = AtData.TAKE
    answer = await act(standing, "send_email")

    assert (answer.outcome, answer.reason) == ("failed", "unknown")
    assert len(smtp_sink.received) == 1


@pytest.mark.parametrize("leaves", [True, False])
async def test_what_nobody_answers_for_after_the_end_is_unknown_once_its_time_is_over(
    mailing: Installation, smtp_sink: SmtpSink, clock: FixedClock, leaves: bool
) -> None:
    smtp_sink.at_data = AtData.STALL
    standing = await _standing(mailing)
    dying = asyncio.create_task(act(standing, "send_email"))
    await smtp_sink.stalled.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    if leaves:
        await _leave(standing)

    assert await settle_lost(mailing) == 0
    clock.advance(timedelta(minutes=11))
    assert await settle_lost(mailing) == (1 if leaves else 0), "who is inside will be asked again by its run"
    assert (await _states(standing))[:2] == (("unknown", "unknown") if leaves else ("handed_over", "queued"))


async def test_two_attempts_at_once_are_one_hand_over(mailing: Installation, smtp_sink: SmtpSink) -> None:
    standing = await _standing(mailing)

    await asyncio.gather(*(act(standing, "send_email") for _ in range(2)), return_exceptions=True)

    (effect,) = await standing.rows(tables.effects)
    assert len(smtp_sink.received) == 1
    assert effect["state"] == "accepted", "who was told yes knows better than who guessed"


class _Dying:
    """A mail gateway whose process dies right after the hand-over; what was handed over stays handed over."""

    repeatable = True

    def __init__(self, inner: MailGateway) -> None:
        self.inner = inner

    @asynccontextmanager
    async def prepare(self, mail: Mail) -> AsyncIterator[HandOver]:
        async with self.inner.prepare(mail) as hand_over:

            async def die() -> Receipt:
                await hand_over()
                raise RuntimeError("killed")

            yield die


class _Slow:
    """A mail gateway whose answer comes when the test says so, and that does not know our keys."""

    repeatable = False

    def __init__(self) -> None:
        self.asked, self.answered = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def prepare(self, mail: Mail) -> AsyncIterator[HandOver]:
        async def hand_over() -> Receipt:
            self.asked.set()
            await self.answered.wait()
            return Receipt(reference="late")

        yield hand_over


async def test_a_yes_that_comes_late_corrects_the_ledger_and_leaves_the_visit(installation: Installation) -> None:
    slow = _Slow()
    standing = await _standing(dataclasses.replace(installation, mail=slow))
    first = asyncio.create_task(act(standing, "send_email"))
    await slow.asked.wait()

    told = await act(standing, "send_email")
    assert await _states(standing) == ("unknown", "unknown", "failed", "unknown")
    slow.answered.set()

    assert await first == told
    assert await _states(standing) == ("accepted", "sent", "failed", "unknown")


async def test_a_channel_that_knows_our_key_is_simply_asked_again(installation: Installation) -> None:
    standing = await _standing(dataclasses.replace(installation, mail=_Dying(installation.mail)))
    with pytest.raises(ApplicationError):
        await act(standing, "send_email")
    (effect,) = await standing.rows(tables.effects)
    assert effect["state"] == "handed_over"

    standing.inst = installation
    answer = await act(standing, "send_email")

    assert answer.outcome == "done"
    assert await _states(standing) == ("accepted", "sent", "done", None)


async def test_an_unexpected_error_says_nothing_about_the_record(installation: Installation) -> None:
    standing = await _standing(dataclasses.replace(installation, mail=_Dying(installation.mail)))

    with pytest.raises(ApplicationError) as told:
        await act(standing, "send_email")

    assert (told.value.type, str(told.value), told.value.__cause__) == (
        "RuntimeError",
        "RuntimeError: RuntimeError",
        None,
    )


async def test_a_message_that_waits_is_given_up_when_the_record_leaves(
    mailing: Installation, smtp_sink: SmtpSink
) -> None:
    smtp_sink.answer = "451 try later"
    standing = await _standing(mailing)
    with pytest.raises(ApplicationError):
        await act(standing, "send_email")

    await _leave(standing)
    smtp_sink.answer = "250 OK"
    smtp_sink.received.clear()
    answer = await act(standing, "send_email")

    assert answer.kind == "left"
    assert smtp_sink.received == []
    assert (await _states(standing))[:3] == ("failed", "failed", "left")
    assert all("451 try later" in said for said in await _details(standing))


async def test_a_contact_who_bounced_meanwhile_is_not_written_to(mailing: Installation, smtp_sink: SmtpSink) -> None:
    smtp_sink.answer = "451 try later"
    standing = await _standing(mailing)
    with pytest.raises(ApplicationError):
        await act(standing, "send_email")

    async with mailing.db.transaction() as tx:
        changed = {"email": ANA, "email_status": "bounced"}
        await tx.run(tables.records.update().values(properties=changed))
    smtp_sink.received.clear()
    answer = await act(standing, "send_email")

    assert (answer.outcome, answer.reason) == ("skipped", "bounced")
    assert smtp_sink.received == []
    assert await _states(standing) == ("failed", "failed", "skipped", "bounced")


@pytest.mark.parametrize(
    ("at_data", "expected"),
    [
        (AtData.TAKE, ("failed", "failed", "failed", "gave_up")),
        (AtData.STALL, ("unknown", "unknown", "failed", "unknown")),
    ],
)
async def test_what_the_server_gave_up_on_is_settled(
    mailing: Installation, smtp_sink: SmtpSink, at_data: AtData, expected: tuple[str, str, str, str]
) -> None:
    smtp_sink.answer, smtp_sink.at_data = "451 try later", at_data
    standing = await _standing(mailing)
    attempt = asyncio.create_task(act(standing, "send_email"))
    if at_data is AtData.STALL:
        await smtp_sink.stalled.wait()
        attempt.cancel()
    with pytest.raises((ApplicationError, asyncio.CancelledError)):
        await attempt

    answer = await give_up(standing, FailureCall(call=standing.call(), failure="gave_up", detail="three days"))

    assert answer.outcome == "failed"
    assert await _states(standing) == expected
    if at_data is AtData.TAKE:
        assert all("three days" in said and "451 try later" in said for said in await _details(standing))


async def test_giving_up_after_success_changes_nothing(mailing: Installation) -> None:
    standing = await _standing(mailing)
    answer = await act(standing, "send_email")

    assert await give_up(standing, FailureCall(call=standing.call(), failure="gave_up")) == answer


@pytest.mark.parametrize(("domains", "outcome"), [((), "skipped"), (("example.com",), "done")])
async def test_a_sample_record_is_mailed_only_at_allowed_domains(
    mailing: Installation, smtp_sink: SmtpSink, domains: tuple[str, ...], outcome: str
) -> None:
    standing = await _standing(dataclasses.replace(mailing, sample_mail_domains=domains), source="sample")

    answer = await act(standing, "send_email")

    assert (answer.outcome, len(smtp_sink.received)) == (outcome, 1 if outcome == "done" else 0)
    assert answer.reason == ("no_consent" if outcome == "skipped" else None)


async def test_a_sample_record_may_be_written_to_in_the_outbox(installation: Installation) -> None:
    standing = await _standing(installation, source="sample")

    assert (await act(standing, "send_email")).outcome == "done"


async def test_no_transaction_is_open_while_the_other_side_is_asked(mailing: Installation, smtp_sink: SmtpSink) -> None:
    smtp_sink.at_data = AtData.STALL
    standing = await _standing(mailing)
    waiting: asyncio.Task[StepAnswer] = asyncio.create_task(act(standing, "send_email"))
    await smtp_sink.stalled.wait()

    # On SQLite this would wait for its turn, on PostgreSQL for the lock.
    async with asyncio.timeout(20), mailing.db.transaction() as tx:
        await lock_records(tx, [standing.enrollment.record_id], write=True)
        found = await tx.one(tables.effects.select().where(tables.effects.c.key == key_of(standing.call())))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert found is not None
    assert found["state"] == "handed_over"


async def test_an_attempt_that_loses_the_claim_says_nothing_about_the_effect(
    postgres_url: str, clock: FixedClock, runs: RecordingRuns, tmp_path: Path
) -> None:
    db = Database.open(postgres_url)
    standing = await _standing(assemble(db, clock, runs, tmp_path))
    call = standing.call()
    first = Effect(
        key=key_of(call), enrollment_id=call.enrollment_id, workflow_id=call.workflow_id, step=call.step, n=call.n,
        channel="email", state="retry", attempt=0,
    )  # fmt: skip
    looks = 0

    async def claim_as_another_process() -> None:
        other = Database.open(postgres_url)
        async with other.transaction() as tx:
            await claim_effect(tx, first, now=call.now)
        await other.close()

    def address(_: object) -> str:
        # The second look is the claim's, which has found no row yet. The loop stands still meanwhile, so nothing else
        # of this attempt can happen in between.
        nonlocal looks
        looks += 1
        if looks == 2:
            thread = threading.Thread(target=asyncio.run, args=(claim_as_another_process(),))
            thread.start()
            thread.join()
        return ANA

    async def write(_: Read, __: object, to: str) -> Mail:
        key, sender = key_of(call), "us@example.com"
        return Mail(key=key, message_id="m", sender=sender, to=to, subject="", html="", text="", at=call.now)

    letter = Letter(
        channel="email", repeatable=True, objects=(), address_objects=(), address=address, write=write,
        contact=lambda _: None, terms=Terms(channel="email", marketing=False), prepare=standing.inst.mail.prepare,
    )  # fmt: skip
    with pytest.raises(Unavailable, match="another attempt"):
        await attempt(standing.inst, call, letter)
    assert looks == 2, "the lost claim was taken for an answer of the channel, and claimed once more"
    (effect,) = await standing.rows(tables.effects)
    assert (effect["state"], effect["attempt"], effect["detail"]) == ("handed_over", 1, None)
    await db.close()
