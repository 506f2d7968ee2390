"""A mail server in trouble for hours, over skipped time: people are late, nobody is dropped and nobody has it twice."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateways import mail_smtp, smtp_connections
from gateways.mail import open_mail
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import AtData, SmtpSink, running_sink, smtp_sink
from tests.fixtures.temporal import SkippingTime
from tests.runs.definitions import by_hand, email, task
from tests.runs.walking import way

__all__ = ["smtp_sink"]

PEOPLE = [f"c{n}@example.com" for n in range(5)]
LONGEST_PAUSE = timedelta(minutes=31)
"""An email is tried at least every half hour."""


@pytest.fixture
async def ft(skipping_time: SkippingTime, app_url: str, tmp_path: Path, smtp_sink: SmtpSink) -> AsyncIterator[Running]:
    """An installation whose time the test lets pass, and that sends through a real mail server; nobody works yet."""
    async with running(skipping_time.env, app_url, tmp_path, clock=skipping_time, work=False) as found:
        found.inst = replace(found.inst, mail=open_mail(smtp_sink.url, tmp_path))
        yield found


async def enrolled(ft: Running, *people: str, **config: Any) -> list[str]:
    """Contacts whose email is due; their enrollments."""
    hello = email("hello", "Hello")
    hello["config"] |= config
    await ft.publish(by_hand("welcome", [hello, task("call", "Call")]))
    contacts = [await ft.create("contact", email=each, first_name="Ana") for each in people]
    return [str((await ft.enroll("welcome", "contact", each))["enrollment_id"]) for each in contacts]


async def tried(ft: Running, count: int) -> None:
    """Wait until the ledger says of so many that they have to be tried again."""

    async def are_waiting() -> bool:
        return len((await ft.call("GET", "/effects?state=retry"))["items"]) == count

    await ft.until(are_waiting, f"{count} wait to be tried again")


async def came(ft: Running, time: SkippingTime, taken: list[str]) -> None:
    """Let the longest pause between two attempts pass, until everybody is through."""
    for _ in range(4):
        await time.skip(LONGEST_PAUSE)
        shown = [await ft.call("GET", f"/enrollments/{each}") for each in taken]
        if all(each["status"] == "ended" for each in shown):
            break
    for each in taken:
        over = await ft.ended(each)
        assert await way(ft, over) == [("hello", "done", None), ("call", "done", None)]
    listed = (await ft.call("GET", "/messages?workflow=welcome"))["items"]
    assert [each["status"] for each in listed] == ["sent"] * len(taken)


def refuse_recipients(sink: SmtpSink) -> None:
    sink.refusals = dict.fromkeys(PEOPLE, "451 4.7.1 greylisted")


def refuse_content(sink: SmtpSink) -> None:
    sink.answer = "452 4.3.1 out of space"


def hang_up(sink: SmtpSink) -> None:
    sink.at_data = AtData.HANG_UP_BEFORE


@pytest.mark.parametrize("trouble", [refuse_recipients, refuse_content, hang_up])
async def test_trouble_of_six_hours_delays_people_and_each_has_one_message(
    ft: Running, skipping_time: SkippingTime, smtp_sink: SmtpSink, trouble: Callable[[SmtpSink], None]
) -> None:
    trouble(smtp_sink)
    await ft.start_worker()
    taken = await enrolled(ft, *PEOPLE)
    await tried(ft, len(PEOPLE))
    for _ in range(6):
        await skipping_time.skip(timedelta(hours=1))
    assert {(await ft.call("GET", f"/enrollments/{each}"))["status"] for each in taken} == {"active"}
    # What it took and then refused it did not deliver.
    smtp_sink.received.clear()
    smtp_sink.refusals, smtp_sink.answer, smtp_sink.at_data = {}, "250 2.0.0 queued", AtData.TAKE
    await came(ft, skipping_time, taken)
    assert sorted(mail.recipients[0] for mail in smtp_sink.received) == PEOPLE


async def test_a_mail_server_that_is_not_there_for_six_hours_delays_people_and_each_has_one_message(
    ft: Running, skipping_time: SkippingTime, tmp_path: Path
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    ft.inst = replace(ft.inst, mail=open_mail(f"smtp://127.0.0.1:{port}", tmp_path))
    await ft.start_worker()
    taken = await enrolled(ft, *PEOPLE)
    await tried(ft, len(PEOPLE))
    for _ in range(6):
        await skipping_time.skip(timedelta(hours=1))
    async with running_sink(port=port) as back:
        await came(ft, skipping_time, taken)
        assert sorted(mail.recipients[0] for mail in back.received) == PEOPLE


async def test_a_server_slow_before_the_content_is_tried_again_until_it_is_quick(
    ft: Running, skipping_time: SkippingTime, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_connections, "COMMAND_TIMEOUT_S", 0.5)
    smtp_sink.thinks_at_rcpt_s = 60.0
    await ft.start_worker()
    taken = await enrolled(ft, *PEOPLE)
    await tried(ft, len(PEOPLE))
    await skipping_time.skip(timedelta(hours=6))
    smtp_sink.thinks_at_rcpt_s = 0.0
    # A busy machine is slow as well, and that is not what is tried here.
    monkeypatch.undo()
    await came(ft, skipping_time, taken)
    assert sorted(mail.recipients[0] for mail in smtp_sink.received) == PEOPLE


@pytest.mark.parametrize("at_data", [AtData.HANG_UP_DURING, AtData.HANG_UP_AFTER, AtData.STALL, AtData.NONSENSE])
async def test_where_no_answer_came_after_the_content_it_is_unknown_and_never_repeated(
    ft: Running, skipping_time: SkippingTime, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch, at_data: AtData
) -> None:
    monkeypatch.setattr(mail_smtp, "ANSWER_TIMEOUT_S", 0.5)
    smtp_sink.at_data = at_data
    await ft.start_worker()
    taken = await enrolled(ft, *PEOPLE, on_unknown="leave")
    for each in taken:
        over = await ft.ended(each)
        assert await way(ft, over) == [("hello", "failed", "unknown"), ("call", "done", None)]
    smtp_sink.at_data = AtData.TAKE
    begun = smtp_sink.commands.count("DATA")
    for _ in range(4):
        await skipping_time.skip(timedelta(days=1))
    listed = (await ft.call("GET", "/messages?workflow=welcome"))["items"]
    assert [each["status"] for each in listed] == ["unknown"] * len(PEOPLE)
    assert smtp_sink.commands.count("DATA") == begun == len(PEOPLE)
    arrived = [mail.recipients[0] for mail in smtp_sink.received]
    assert sorted(arrived) == ([] if at_data is AtData.HANG_UP_DURING else PEOPLE)


async def test_each_refusal_concerns_the_one_it_is_about(
    ft: Running, skipping_time: SkippingTime, smtp_sink: SmtpSink
) -> None:
    gone, full, fine = PEOPLE[:3]
    smtp_sink.refusals = {gone: "550 5.1.1 no such user", full: "452 4.2.2 mailbox full"}
    await ft.start_worker()
    refused, late, at_once = await enrolled(ft, gone, full, fine)
    assert await way(ft, await ft.ended(at_once)) == [("hello", "done", None), ("call", "done", None)]
    assert await way(ft, await ft.ended(refused)) == [("hello", "failed", "rejected"), ("call", "done", None)]
    await tried(ft, 1)
    await skipping_time.skip(timedelta(hours=6))
    del smtp_sink.refusals[full]
    await skipping_time.skip(LONGEST_PAUSE)
    assert await way(ft, await ft.ended(late)) == [("hello", "done", None), ("call", "done", None)]
    assert [mail.recipients for mail in smtp_sink.received] == [[fine], [full]]
    listed = (await ft.call("GET", "/messages?workflow=welcome"))["items"]
    told = {each["recipient"]: (each["status"], each["detail"]) for each in listed}
    assert told[gone][0] == "failed"
    assert "550 5.1.1 no such user" in str(told[gone][1])


async def test_an_outage_of_more_than_three_days_is_given_up_with_the_last_answer(
    ft: Running, skipping_time: SkippingTime, smtp_sink: SmtpSink
) -> None:
    smtp_sink.refusals = {PEOPLE[0]: "451 4.3.0 try again later"}
    await ft.start_worker()
    [taken] = await enrolled(ft, PEOPLE[0])
    await tried(ft, 1)
    for _ in range(4):
        await skipping_time.skip(timedelta(hours=20))
    assert await way(ft, await ft.ended(taken)) == [("hello", "failed", "gave_up"), ("call", "done", None)]
    [message] = (await ft.call("GET", "/messages?workflow=welcome"))["items"]
    assert message["status"] == "failed"
    assert "451 4.3.0 try again later" in message["detail"]
    assert smtp_sink.received == []
