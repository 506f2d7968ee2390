"""Colleagues are told by email and SMS, once each, whatever the mail server and the contact's consent say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from services.telling.verifying import Verifying, verify_tables
from tests.fixtures.running import Running
from tests.fixtures.smtp_sink import AtData, SmtpSink, smtp_sink
from tests.runs.definitions import by_hand, email, task
from tests.runs.mailing import mailing
from tests.runs.walking import visit, way

__all__ = ["smtp_sink"]

NAMES = ("ann", "bo", "cy")


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    """An installation on SQLite that sends through a real mail server."""
    async with mailing(dev_server, app_url, tmp_path, smtp_sink) as found:
        yield found


@pytest.fixture
async def ft_both(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    """The same on SQLite and on PostgreSQL."""
    async with mailing(dev_server, database_url, tmp_path, smtp_sink) as found:
        yield found


def told(step: str = "tell", by: str = "email", **config: Any) -> dict[str, Any]:
    """A step that tells the team."""
    said = {"title": "Look at {{ contact.first_name }}", "body": "See https://crm.example.com", "teams": ["sales"]}
    return {"id": step, "kind": "action", "action": f"notify_by_{by}", "config": {**said, **config}}


async def team(ft: Running, **phones: str) -> dict[str, str]:
    """Three colleagues; their ids by name."""
    ids = {}
    for name in NAMES:
        body = {"name": name, "email": f"{name}@house.example.com", "phone": phones.get(name)}
        ids[name] = str((await ft.call("POST", "/users", body))["id"])
    await ft.call("POST", "/teams", {"slug": "sales", "members": [{"user": id} for id in ids.values()]})
    return ids


async def enter(ft: Running, steps: list[dict[str, Any]], **parts: Any) -> str:
    """A contact who wants no mail enters; the enrollment."""
    await ft.publish(by_hand("alert", steps, **parts))
    contact = await ft.create("contact", email="ana@example.com", first_name="Ana")
    body = {"unsubscribed_from_all": True}
    await ft.call("PUT", f"/records/contact/{contact}/subscriptions", body)
    return str((await ft.enroll("alert", "contact", contact))["enrollment_id"])


async def has_its_twins(ft: Running) -> None:
    """Nothing that was told is without its effect, its message and its visit."""
    verifying = Verifying(inst=ft.inst, history_days=730, tell=lambda what, count: None, again_s=0)
    assert [each async for each in verify_tables(verifying)] == []


async def test_every_member_gets_one_email_also_where_one_is_taken_later(ft_both: Running, smtp_sink: SmtpSink) -> None:
    ft = ft_both
    ids = await team(ft)
    smtp_sink.refusals = {"bo@house.example.com": "451 4.7.1 greylisted"}
    # Hours in which nothing may be sent to people outside.
    closed = {"settings": {"pause_dates": [{"month": m, "day": d} for m in range(1, 13) for d in range(1, 29)]}}
    taken = await enter(ft, [told(), task("call", "Call")], **closed)

    async def bo_waits() -> bool:
        return len((await ft.call("GET", "/effects?state=retry"))["items"]) == 1 and len(smtp_sink.received) == 2

    await ft.until(bo_waits, "bo has to be tried again")
    smtp_sink.refusals = {}

    over = await ft.ended(taken)
    assert await way(ft, over) == [("tell", "done", None), ("call", "done", None)]
    assert sorted(mail.recipients[0] for mail in smtp_sink.received) == [f"{name}@house.example.com" for name in NAMES]
    for mail in smtp_sink.received:
        assert b"List-Unsubscribe" not in mail.content
        assert b"<img" not in mail.content
        assert b"/t/c/" not in mail.content
        assert b"Subject: Look at Ana\r\n" in mail.content
        assert b"Auto-Submitted: auto-generated\r\n" in mail.content
    assert (await visit(ft, over, "tell"))["result"]["outcomes"] == dict.fromkeys(ids.values(), "sent")
    await has_its_twins(ft)


async def test_an_answer_that_is_lost_is_unknown_and_nobody_is_told_twice(ft: Running, smtp_sink: SmtpSink) -> None:
    ids = await team(ft)
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    over = await ft.ended(await enter(ft, [told()]))
    assert await way(ft, over) == [("tell", "failed", "unknown")]
    assert len(smtp_sink.received) == 3
    result = (await visit(ft, over, "tell"))["result"]
    assert result["outcomes"] == dict.fromkeys(ids.values(), "unknown")

    # Somebody asked them: one has it.
    (first, *_) = (await ft.call("GET", "/effects?state=unknown"))["items"]
    await ft.call("POST", f"/effects/{first['key']}/settle", {"as": "accepted"})
    amended = await visit(ft, over, "tell")
    assert (amended["outcome"], amended["result"]["outcomes"][first["key"].split(":")[3]]) == ("done", "sent")
    assert (amended["result"]["sent"], amended["result"]["failed"]) == (1, 2)
    await has_its_twins(ft)


async def test_whoever_is_asked_decides_and_the_run_goes_on(ft: Running, smtp_sink: SmtpSink) -> None:
    await team(ft)
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    taken = await enter(ft, [told(on_unknown="ask"), task("call", "Call")])

    async def all_wait() -> bool:
        return len((await ft.call("GET", "/effects?state=unknown&waiting=true"))["items"]) == 3

    await ft.until(all_wait, "somebody is asked about all three")
    smtp_sink.at_data = AtData.TAKE
    for n, effect in enumerate((await ft.call("GET", "/effects?state=unknown"))["items"]):
        await ft.call("POST", f"/effects/{effect['key']}/settle", {"as": "resend" if n == 0 else "accepted"})

    assert await way(ft, await ft.ended(taken)) == [("tell", "done", None), ("call", "done", None)]
    assert len(smtp_sink.received) == 4


async def test_what_passes_messages_by_does_not_pass_by_what_stays_in_the_house(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    await team(ft)
    past = {"id": "day", "kind": "delay", "until": {"date": "2020-01-01", "time": "09:00"}, "if_past": "skip_sends"}
    over = await ft.ended(await enter(ft, [past, email("hello", "Hello"), told()]))
    assert [(step, outcome) for step, outcome, _ in await way(ft, over)][1:] == [("hello", "skipped"), ("tell", "done")]
    assert len(smtp_sink.received) == 3


async def test_every_member_who_has_a_number_gets_one_text(ft: Running) -> None:
    ids = await team(ft, ann="(212) 555-0142", cy="nothing")
    over = await ft.ended(await enter(ft, [told(by="sms")]))
    assert [(text["to"], text["text"]) for text in ft.outbox("sms")] == [
        ("+12125550142", "Look at Ana\nSee https://crm.example.com")
    ]  # fmt: skip
    outcomes = (await visit(ft, over, "tell"))["result"]["outcomes"]
    await has_its_twins(ft)
    assert outcomes == {ids["ann"]: "sent", ids["bo"]: "no_address", ids["cy"]: "invalid_address"}


async def test_what_colleagues_get_does_not_count_as_mail_to_the_record(ft: Running) -> None:
    await team(ft)
    goal = {"id": "won", "name": "Won", "where": {"property": "lifecycle_stage", "op": "is", "value": "customer"}}
    ways = {"timeout": {"days": 1}, "matched": [], "timed_out": []}
    wait = {"id": "later", "kind": "wait", "for_event": {"event": "custom.never"}, **ways}
    taken = await enter(ft, [told(), wait], exit={"goals": [goal]})
    await ft.stands_at(taken, "later")
    record = (await ft.call("GET", f"/enrollments/{taken}"))["record"]["id"]
    await ft.patch("contact", record, lifecycle_stage="customer")
    await ft.ended(taken)
    totals = (await ft.call("GET", "/workflows/alert/report"))["totals"]
    assert (totals["conversion"], totals["email_conversion"]) == (1.0, 0.0)
