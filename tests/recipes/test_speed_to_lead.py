"""Speed to lead: answered at once, called within minutes, and help called for when nobody does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import (
    about,
    answers,
    colleagues,
    event,
    installed,
    notices,
    outbox,
    over,
    passes,
    person,
    sent,
    tasks,
    to_weekday,
    way,
    with_hours,
)

SLUG = "speed-to-lead"
CALLED, NEW, LATE = "We call you in a few minutes", "New lead: Ana", "Nobody has called Ana yet"
TEXTED = "Thank you for writing to us! Ann calls you within the next minutes."
SUNDAY = 6
BEGUN = [(step, "done", None) for step in ("owner", "text", "mail", "call", "told", "told_by_text")]
TIMED_OUT = ("done", "timed_out")


async def lead(ft: Running, clock: SkippingTime, **more: Any) -> tuple[str, str, dict[str, str]]:
    """Ana fills in the form on a Sunday night, for a team of two with telephones; contact, enrollment, colleagues."""
    await with_hours(ft)
    ids = await colleagues(ft, "Ann", "Bea")
    await ft.call("PATCH", f"/users/{ids['Ann']}", {"phone": "+4722123401"})
    await installed(ft, SLUG, team="team")
    await to_weekday(clock, SUNDAY, "22:00")
    ana = await person(ft, "Ana", subscribed=None, **{"phone": "+4722123456", **more})
    await event(ft, ana, "form.submitted", form="contact")
    await event(ft, ana, "form.submitted", form="callback")
    await ft.settled()
    taken = await about(ft, SLUG, ana)
    await ft.sleeps_at(taken, "called")
    return ana, taken, ids


async def test_a_lead_is_answered_at_once_and_called_within_minutes(ft: Running, skipping_time: SkippingTime) -> None:
    begun = skipping_time.now()
    ana, taken, ids = await lead(ft, skipping_time)
    assert await way(ft, {"id": taken}) == [*BEGUN, ("called", None, None)]
    assert {told for told, _ in await sent(ft, ana)} == {TEXTED, CALLED}
    assert "New lead, call now: Ana +4722123456" in outbox(ft, "sms")
    (task,) = await tasks(ft, SLUG)
    assert (task["title"], task["body"], task["priority"], task["assignee"]) == (
        "Call Ana now", "+4722123456", "urgent", ids["Ann"],
    )  # fmt: skip
    assert timedelta(minutes=4) < datetime.fromisoformat(task["due_at"]) - skipping_time.now() <= timedelta(minutes=5)
    assert skipping_time.now() > begun
    await ft.call("PATCH", f"/tasks/{task['id']}", {"status": "done"})
    done = await over(ft, taken)
    assert (done["end_reason"], await way(ft, done)) == ("completed", [*BEGUN, ("called", "done", None)])
    assert await notices(ft, [ids["Ann"], ids["Bea"], ids["Mo"]]) == [[NEW], [], []]


async def test_who_writes_instead_has_answered_too(ft: Running, skipping_time: SkippingTime) -> None:
    ana, taken, _ = await lead(ft, skipping_time)
    await answers(ft, ana, CALLED, sender="Ann <ann@house.example.com>")
    assert (await way(ft, await over(ft, taken)))[-1] == ("called", "done", None)


@pytest.mark.parametrize("is_called", [True, False])
async def test_who_nobody_calls_is_everybody_s_and_after_an_hour_the_manager_s(
    ft: Running, skipping_time: SkippingTime, is_called: bool
) -> None:
    _, taken, ids = await lead(ft, skipping_time)
    before = skipping_time.now()
    assert await passes(ft, skipping_time, taken, "called") - before <= timedelta(minutes=5)
    await ft.sleeps_at(taken, "called_at_all")
    assert await notices(ft, [ids["Ann"], ids["Bea"], ids["Mo"]]) == [[NEW, LATE], [LATE], [LATE]]
    late = [*BEGUN, ("called", *TIMED_OUT), ("late", "done", None)]
    if is_called:
        (task,) = await tasks(ft, SLUG)
        await ft.call("PATCH", f"/tasks/{task['id']}", {"status": "done"})
        assert await way(ft, await over(ft, taken)) == [*late, ("called_at_all", "done", None)]
        return
    await passes(ft, skipping_time, taken, "called_at_all")
    assert await way(ft, await over(ft, taken)) == [*late, ("called_at_all", *TIMED_OUT), ("lost", "done", None)]
    told = {mail["to"] for mail in ft.outbox() if mail["subject"] == "A lead waits for more than an hour: Ana"}
    assert told == {"ann@house.example.com", "mo@house.example.com"}


async def test_who_left_no_number_gets_the_email_and_may_come_again(ft: Running, skipping_time: SkippingTime) -> None:
    ana, taken, _ = await lead(ft, skipping_time, phone=None)
    (task,) = await tasks(ft, SLUG)
    assert task["body"] == "They left no number: write to them."
    assert (await way(ft, {"id": taken}))[1] == ("text", "skipped", "no_address")
    assert [told for told, _ in await sent(ft, ana)] == [CALLED]
    await ft.call("PATCH", f"/tasks/{task['id']}", {"status": "done"})
    await over(ft, taken)
    await event(ft, ana, "form.submitted", form="callback")
    await ft.settled()
    assert await about(ft, SLUG, ana) != taken
