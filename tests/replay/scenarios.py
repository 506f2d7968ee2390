"""What is recorded: every step kind and every way a run is interrupted, each through the real producer path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from unittest.mock import patch

from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from domain.base import Json
from domain.delays import WEEKDAYS
from domain.importing import ImportOptions
from domain.names import job_run_id, recurrence_run_id, thread_mail_run_id
from gateways.mail import open_mail
from services.jobs.imports import stage
from services.jobs.jobs import begin, steer
from tests.fixtures.running import Running
from tests.fixtures.smtp_sink import AtData, running_sink
from tests.runs.definitions import anchored, by_hand, email, follow_up, gap, task

Scenario: TypeAlias = Callable[[Running], Awaitable[Any]]
"""Carries an enrollment to the moment worth recording; answers the enrollment."""


async def _enrolled(ft: Running, slug: str, steps: list[dict[str, Any]], **parts: Any) -> Any:
    await ft.publish(by_hand(slug, steps, **parts))
    contact = await ft.create("contact", email=f"{slug}@example.com", first_name="Ana", country="NO")
    return (await ft.enroll(slug, "contact", contact)), contact


async def every_step_kind(ft: Running) -> Any:
    """Actions inside and outside, both delays, branch, value branch, split, goto, a step switched off, end."""
    steps = [
        email("hello", "Hello"),
        task("call", "Call"),
        {"id": "off", "kind": "action", "action": "create_task", "config": {"title": "Never"}, "enabled": False},
        gap(seconds=1),
        {
            "id": "which", "kind": "branch",
            "branches": [{"id": "no", "where": {"property": "country", "op": "is", "value": "SE"}, "steps": []}],
            "otherwise": [{"id": "set", "kind": "action", "action": "set_property",
                           "config": {"property": "city", "value": "Oslo"}}],
        },
        {"id": "land", "kind": "value_branch", "property": "country",
         "cases": [{"id": "c1", "values": ["NO"], "steps": [gap("short", seconds=1)]}], "otherwise": []},
        {"id": "ab", "kind": "split", "arms": [
            {"id": "a", "name": "A", "weight": 50, "steps": [task("a1", "A")]},
            {"id": "b", "name": "B", "weight": 50, "steps": [task("b1", "B")]},
        ]},
        {"id": "once_more", "kind": "goto", "to": "call", "max_visits": 1},
        {"id": "stop", "kind": "end", "reason": "done"},
    ]  # fmt: skip
    taken, _ = await _enrolled(ft, "every-step-kind", steps)
    return await ft.ended(taken["enrollment_id"])


async def delay_until_a_property(ft: Running) -> Any:
    """A delay until a date that is missing, and one in the past that ends the enrollment."""
    steps = [
        {"id": "unset", "kind": "delay", "until": {"property": "birthday", "time": "09:00"}, "if_missing": "continue"},
        {"id": "past", "kind": "delay", "until": {"date": "2020-01-01", "time": "09:00"}, "if_past": "exit"},
    ]
    taken, _ = await _enrolled(ft, "delay-until", steps)
    return await ft.ended(taken["enrollment_id"])


async def delay_planned_anew(ft: Running) -> Any:
    """A delay until a date property that changes while the run sleeps."""
    steps = [{"id": "day", "kind": "delay", "until": {"property": "birthday", "time": "09:00"}, "if_past": "continue"}]
    await ft.publish(by_hand("planned-anew", steps))
    contact = await ft.create("contact", email="anew@example.com", birthday="2099-01-01")
    taken = await ft.enroll("planned-anew", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "day")
    await ft.patch("contact", contact, birthday="2098-01-01")
    await ft.settled()

    async def planned() -> bool:
        found = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
        return bool(found["wakes_at"].startswith("2098"))

    await ft.until(planned, "the delay is planned anew")
    await ft.patch("contact", contact, birthday="2020-01-01")
    return await ft.ended(taken["enrollment_id"])


async def signal_during_a_delay(ft: Running) -> Any:
    """A live update that the run only notes."""
    steps = [gap(seconds=3), email("hello", "Hello {{ contact.first_name }}")]
    taken, contact = await _enrolled(ft, "signalled", steps)
    await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.patch("contact", contact, first_name="Bea")
    return await ft.ended(taken["enrollment_id"])


async def goal_during_a_delay(ft: Running) -> Any:
    """A goal reached while the run sleeps."""
    await ft.publish(follow_up("goal-in-delay", wait={"days": 2}))
    contact = await ft.create("contact", email="goal@example.com")
    deal = await ft.create("opportunity", name="Deal", stage="Engaging", product="GTX Pro")
    await ft.associate("contact", contact, "opportunity", deal)
    taken = await ft.enroll("goal-in-delay", "contact", contact, opportunity_id=deal)
    await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.patch("opportunity", deal, stage="Won")
    return await ft.ended(taken["enrollment_id"])


async def asleep_from_the_entry(ft: Running) -> Any:
    """A first delay the entry planned, and a last message whose settling ends the enrollment."""
    taken, _ = await _enrolled(ft, "asleep", [gap(seconds=1), email("hello", "Hello")])
    return await ft.ended(taken["enrollment_id"])


async def cancelled_in_temporal(ft: Running) -> Any:
    """A run that somebody cancels while it sleeps."""
    taken, _ = await _enrolled(ft, "cancelled", [email("hello", "Hello"), gap(days=2)])
    await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.run(taken).cancel()
    with suppress(WorkflowFailureError):
        await ft.run(taken).result()
    return await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")


async def skipped_and_failed(ft: Running) -> Any:
    """A message without an address is skipped; an action that fails ends the run because it says so."""
    steps = [
        email("hello", "Hello"),
        {"id": "call", "kind": "action", "action": "notify_user", "on_error": "exit",
         "config": {"title": "Look", "users": ["{user}"]}},
    ]  # fmt: skip
    user = await ft.call("POST", "/users", {"name": "Kim", "email": "kim@example.com"})
    steps[1]["config"]["users"] = [user["id"]]  # type: ignore[index]
    await ft.publish(by_hand("skipped-and-failed", steps))
    await ft.forget_user(user["id"])
    contact = await ft.create("contact", first_name="Ana", external_id="skipped")
    taken = await ft.enroll("skipped-and-failed", "contact", contact)
    return await ft.ended(taken["enrollment_id"])


async def goal_that_jumps(ft: Running) -> Any:
    """A goal that leads to another step, told by a signal; the wait there is skipped by hand."""
    goal = {"id": "booked", "where": {"property": "city", "op": "is", "value": "Oslo"}, "go_to": "later"}
    steps = [gap(days=2), gap("later", days=3), task("call", "Call")]
    taken, contact = await _enrolled(ft, "goal-that-jumps", steps, exit={"goals": [goal]})
    await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.patch("contact", contact, city="Oslo")
    await ft.sleeps_at(taken["enrollment_id"], "later")
    await ft.call("POST", f"/enrollments/{taken['enrollment_id']}/skip-wait")
    return await ft.ended(taken["enrollment_id"])


async def moved_at_the_gate(ft: Running) -> Any:
    """A run that learns from an answer that it stands elsewhere, before it has done anything."""
    goal = {"id": "booked", "where": {"property": "city", "op": "is", "value": "Oslo"}, "go_to": "last"}
    steps = [task("call", "Call"), task("more", "More"), email("last", "Last")]
    await ft.publish(by_hand("moved-at-the-gate", steps, exit={"goals": [goal]}))
    contact = await ft.create("contact", email="gate@example.com")
    await ft.stop_worker()
    taken = await ft.enroll("moved-at-the-gate", "contact", contact)
    await ft.patch("contact", contact, city="Oslo")
    await ft.start_worker()
    return await ft.ended(taken["enrollment_id"])


async def moved_to_a_version(ft: Running) -> Any:
    """A sleeping run that is told of a new version, goes on anew with its plan, and passes over what it did."""
    steps = [email("hello", "Hello"), gap(days=2), task("call", "Call")]
    taken, _ = await _enrolled(ft, "moved-to-a-version", steps)
    await ft.sleeps_at(taken["enrollment_id"], "gap")
    longer = by_hand("moved-to-a-version", [gap(days=4), email("hello", "Hello"), task("more", "More")])
    answer = await ft.http.put("/api/v1/workflows/moved-to-a-version", json=longer, headers={"If-Match": "*"})
    assert answer.is_success, answer.text
    before = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
    await ft.call("POST", "/workflows/moved-to-a-version/publish", {"in_flight": "move"})

    async def planned() -> bool:
        found = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
        return bool(found["version"] == 2 and found["wakes_at"] > before["wakes_at"])

    await ft.until(planned, "the delay is planned by the new version")
    await ft.call("POST", f"/enrollments/{taken['enrollment_id']}/skip-wait")
    return await ft.ended(taken["enrollment_id"])


async def paused_and_resumed(ft: Running) -> Any:
    """A run held by the gate at an inside action, resumed, and held again before a message."""
    steps = [gap(seconds=1), task("call", "Call"), gap("more", seconds=2), email("hello", "Hello")]
    taken, _ = await _enrolled(ft, "paused", steps)
    path = f"/enrollments/{taken['enrollment_id']}"
    for step in ("gap", "more"):
        await ft.stands_at(taken["enrollment_id"], step)
        await ft.call("POST", f"{path}/pause")

        async def held() -> bool:
            return (await ft.call("GET", path))["held_at"] is not None

        await ft.until(held, "the run is held")
        await ft.call("POST", f"{path}/resume")
    return await ft.ended(taken["enrollment_id"])


async def waits(ft: Running) -> Any:
    """A wait that an event ends, one that a condition ends, one whose time runs out."""
    event = {"event": "custom.joined"}
    oslo = {"property": "city", "op": "is", "value": "Oslo"}
    steps = [
        {"id": "joined", "kind": "wait", "for_event": event, "timeout": {"days": 2}, "matched": [task("call", "Call")]},
        {"id": "moved", "kind": "wait", "until_true": oslo, "forever": True},
        {"id": "again", "kind": "wait", "for_event": event, "timeout": {"seconds": 1}, "timed_out": [task("no", "No")]},
    ]
    taken, contact = await _enrolled(ft, "waits", steps)
    await ft.stands_at(taken["enrollment_id"], "joined")
    await ft.call("POST", "/events", {"event": "custom.joined", "record": {"object": "contact", "id": contact}})
    await ft.stands_at(taken["enrollment_id"], "moved")
    await ft.patch("contact", contact, city="Oslo")
    return await ft.ended(taken["enrollment_id"])


async def held_back(ft: Running) -> Any:
    """A message that waits for its hours, is timed anew by a changed window, and leaves when nothing holds it."""

    def on(days: int) -> Json:
        weekday = WEEKDAYS[(ft.inst.clock.now() + timedelta(days=days)).weekday()]
        return {"days": [weekday], "from": "09:00", "to": "17:00"}

    steps = [email("hello", "Hello"), task("call", "Call")]
    taken, _ = await _enrolled(ft, "held-back", steps, settings={"timezone": "UTC", "window": on(3)})
    await ft.sleeps_at(taken["enrollment_id"], "hello")
    before = (await ft.call("GET", f"/enrollments/{taken['enrollment_id']}"))["wakes_at"]
    await ft.call("PATCH", "/workflows/held-back/settings", {"window": on(4)})

    async def later() -> bool:
        return bool((await ft.call("GET", f"/enrollments/{taken['enrollment_id']}"))["wakes_at"] > before)

    await ft.until(later, "the message is held a day longer")
    await ft.call("PATCH", "/workflows/held-back/settings", {"window": None})
    return await ft.ended(taken["enrollment_id"])


async def continued_as_new(ft: Running) -> Any:
    """A loop long enough to roll over."""
    body = [
        {
            "id": f"b{n}",
            "kind": "split",
            "arms": [{"id": "a", "weight": 1, "steps": []}, {"id": "b", "weight": 1, "steps": []}],
        }
        for n in range(20)
    ]
    steps = [*body, {"id": "again", "kind": "goto", "to": "b0", "max_visits": 149}]
    taken, _ = await _enrolled(ft, "continued", steps)
    return await ft.ended(taken["enrollment_id"])


async def bulk_enrollment(ft: Running) -> Any:
    """Pages of a bulk enrollment: at a rate, paused, resumed, done. Answers its run."""
    await ft.publish(by_hand("bulk", [gap(days=2)]))
    for n in range(5):
        await ft.create("contact", email=f"bulk{n}@example.com", city="Bulk")
    where = {"property": "city", "op": "is", "value": "Bulk"}
    with patch("domain.jobs.PAGE", 2):
        job = await ft.call(
            "POST", "/workflows/bulk/enrollments/bulk", {"where": where, "rate_per_minute": 120}, expect=202
        )
        run = ft.temporal.get_workflow_handle(job_run_id("enrollment", job["id"]))

        async def has_begun() -> bool:
            return bool((await ft.call("GET", f"/jobs/{job['id']}"))["done"])

        async def asked_again() -> bool:
            events = (await run.fetch_history()).events
            return sum(event.HasField("activity_task_completed_event_attributes") for event in events) > 1

        await ft.until(has_begun, "the first page is done")
        await ft.call("POST", f"/jobs/{job['id']}/pause")
        await ft.until(asked_again, "the run sees that it is paused")
        await ft.call("POST", f"/jobs/{job['id']}/resume")
        await run.result()
    return {"temporal": {"workflow_id": run.id}}


async def an_import(ft: Running) -> Any:
    """Pages of an import: paused after the first, resumed, done. Answers its run."""

    async def upload() -> AsyncIterator[bytes]:
        yield b"id\n" + b"".join(b"%d\n" % n for n in range(5))

    columns: dict[str, Json] = {"id": {"property": "external_id"}}
    job = await stage(
        ft.inst, upload(), ImportOptions(object="contact", key="external_id", mapping={"columns": columns})
    )
    await steer(ft.inst, job.id, "pause")
    await begin(ft.inst, job)
    run = ft.temporal.get_workflow_handle(job_run_id("import", job.id))

    async def is_paused() -> bool:
        events = (await run.fetch_history()).events
        return any(event.HasField("timer_started_event_attributes") for event in events)

    await ft.until(is_paused, "the run sees that it is paused")
    with patch("services.jobs.import_pages.PAGE_ROWS", 2):
        await ft.call("POST", f"/jobs/{job.id}/resume")
        await run.result()
    return {"temporal": {"workflow_id": run.id}}


async def past_and_a_round_later(ft: Running) -> Any:
    """A yearly delay that is past on arrival with what it governs, and the sleep of the next round."""
    anchor = {"property": "birthday", "yearly": True, "time": "00:00"}
    steps = [anchored("t0"), task("call", "Call"), {"id": "stop", "kind": "end"}]
    await ft.publish(by_hand("rounds", steps, type="date_property", anchor=anchor))
    contact = await ft.create("contact", email="rounds@example.com", birthday=f"{datetime.now(UTC):%Y-%m-%d}")
    taken = await ft.enroll("rounds", "contact", contact)
    await ft.sleeps_at(taken["enrollment_id"], "t0")
    await ft.call("POST", f"/enrollments/{taken['enrollment_id']}/unenroll")
    return await ft.ended(taken["enrollment_id"])


async def a_date_that_comes_late(ft: Running) -> Any:
    """A delay without a date sleeps without end, until there is one."""
    anchor = {"property": "last_touched_at"}
    await ft.publish(by_hand("no-date", [anchored("t0"), task("call", "Call")], type="date_property", anchor=anchor))
    contact = await ft.create("contact", email="no-date@example.com")
    taken = await ft.enroll("no-date", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "t0")
    soon = datetime.now(UTC) + timedelta(seconds=2)
    await ft.patch("contact", contact, last_touched_at=soon.isoformat())
    return await ft.ended(taken["enrollment_id"])


async def asked_and_decided(ft: Running) -> Any:
    """A message whose answer was lost twice: somebody says it shall be sent once more, and then that it arrived."""
    mail = ft.inst.mail
    async with running_sink() as sink:
        sink.at_data = AtData.HANG_UP_AFTER
        await ft.stop_worker()
        ft.inst = replace(ft.inst, mail=open_mail(sink.url, ft.folder))
        await ft.start_worker()
        taken, _ = await _enrolled(ft, "asked", [email("hello", "Hello"), task("call", "Call")])
        for n, settlement in enumerate(("resend", "accepted"), start=1):

            async def is_asked(attempt: int = n) -> bool:
                waiting = (await ft.call("GET", "/effects?workflow=asked&waiting=true"))["items"]
                return any(each["attempt"] == attempt for each in waiting)

            await ft.until(is_asked, "somebody is asked")
            key = f"{taken['enrollment_id']}:hello:1"
            await ft.call("POST", f"/effects/{key}/settle", {"as": settlement})
        over = await ft.ended(taken["enrollment_id"])
        await ft.stop_worker()
    ft.inst = replace(ft.inst, mail=mail)
    await ft.start_worker()
    return over


async def recurrence(ft: Running) -> Any:
    """A schedule that changes while its run sleeps, comes, is opened, and is turned off. Answers its run."""
    entry = {"triggers": [{"id": "t1", "on": "filter", "where": {"property": "country", "op": "is", "value": "NO"}}]}

    async def happens(at: datetime) -> None:
        schedule = {"every": "day", "at": f"{at:%H:%M}", "timezone": "UTC"}
        await ft.publish(by_hand("recurrence", [gap(days=2)], type="scheduled", schedule=schedule, entry=entry))

    await ft.create("contact", email="recurrence@example.com", country="NO")
    await happens(ft.inst.clock.now() + timedelta(hours=12))
    workflow = await ft.call("GET", "/workflows/recurrence")
    run = ft.temporal.get_workflow_handle(recurrence_run_id(workflow["id"]))

    async def sleeps() -> bool:
        with suppress(RPCError):
            events = (await run.fetch_history()).events
            return any(event.HasField("timer_started_event_attributes") for event in events)
        return False

    async def is_opened() -> bool:
        return bool((await ft.call("GET", "/workflows/recurrence/occurrences"))["items"])

    await ft.until(sleeps, "the run sleeps")
    # A minute that begins in ten seconds at the earliest, so that the run is told of it before.
    await happens(ft.inst.clock.now() + timedelta(seconds=70))
    await ft.until(is_opened, "it happens", within_s=120)
    await ft.until(sleeps, "the run sleeps until tomorrow")
    await ft.call("POST", "/workflows/recurrence/turn-off")
    await run.result()
    return {"temporal": {"workflow_id": run.id}}


async def thread_mail(ft: Running) -> Any:
    """A mail that a colleague writes from a ticket, sent. Answers its run."""
    await ft.call("POST", "/channels", {"slug": "replay", "kind": "email", "address": "replay@example.com"})
    user = await ft.call("POST", "/users", {"name": "Kim", "email": "replay-kim@example.com"})
    contact = await ft.create("contact", email="replay-thread@example.com")
    body = {"channel": "replay", "contact": contact, "subject": "Hello", "text": "Hello", "user": user["id"]}
    made = await ft.call("POST", "/threads", body)

    async def is_sent() -> bool:
        found = (await ft.call("GET", f"/threads/{made['thread_id']}/messages"))["items"]
        return bool(found[0]["status"] == "sent")

    await ft.until(is_sent, "the mail is sent")
    run = ft.temporal.get_workflow_handle(thread_mail_run_id(made["id"]))
    await run.result()
    return {"temporal": {"workflow_id": run.id}}


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        every_step_kind,
        delay_until_a_property,
        delay_planned_anew,
        signal_during_a_delay,
        goal_during_a_delay,
        asleep_from_the_entry,
        cancelled_in_temporal,
        skipped_and_failed,
        goal_that_jumps,
        moved_at_the_gate,
        moved_to_a_version,
        paused_and_resumed,
        held_back,
        asked_and_decided,
        waits,
        past_and_a_round_later,
        a_date_that_comes_late,
        continued_as_new,
        bulk_enrollment,
        an_import,
        recurrence,
        thread_mail,
    )
}
