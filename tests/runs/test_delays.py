"""Delays until a date: what happens when it is past or missing, and that a changed date moves a sleeping run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, email, gap, of_opportunity, task
from tests.runs.walking import entered, signals, visit, walked, way

AFTER = ("after", "done", None)


def until(what: dict[str, Any], **policy: str) -> list[dict[str, Any]]:
    return [{"id": "day", "kind": "delay", "until": {"time": "09:00", **what}, **policy}, task("after", "After")]


@pytest.mark.parametrize("what", [{"date": "2020-01-31"}, {"property": "birthday"}])
@pytest.mark.parametrize(
    ("policy", "after", "detail"), [({}, [AFTER], None), ({"if_past": "exit"}, [], "past")], ids=["continue", "exit"]
)
async def test_a_date_in_the_past_goes_on_or_ends_as_the_step_says(
    ft: Running, what: dict[str, Any], policy: dict[str, str], after: list[Any], detail: str | None
) -> None:
    await ft.publish(by_hand("dates", until(what, **policy)))
    over = await walked(ft, "dates", "contact", await ft.create("contact", external_id="a", birthday="1990-05-01"))
    assert (over["end_reason"], over["end_detail"]) == ("completed", detail)
    assert await way(ft, over) == [("day", "done", "past"), *after]


@pytest.mark.parametrize(
    ("policy", "after", "detail"),
    [({}, [AFTER], None), ({"if_missing": "exit"}, [], "missing")],
    ids=["continue", "exit"],
)
async def test_a_missing_date_goes_on_or_ends_as_the_step_says(
    ft: Running, policy: dict[str, str], after: list[Any], detail: str | None
) -> None:
    await ft.publish(by_hand("dates", until({"property": "birthday"}, **policy)))
    over = await walked(ft, "dates", "contact", await ft.create("contact", external_id="a"))
    assert (over["end_reason"], over["end_detail"]) == ("completed", detail)
    assert await way(ft, over) == [("day", "done", "missing"), *after]


async def test_a_changed_date_moves_a_sleeping_run_and_starts_no_other(ft: Running) -> None:
    steps = until({"property": "birthday", "offset": {"days": -7}})
    await ft.publish(by_hand("dates", steps, settings={"timezone": "Europe/Oslo"}))
    contact = await ft.create("contact", external_id="a", birthday="2099-01-31")
    taken = await ft.enroll("dates", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "day")
    assert await wakes_at(ft, taken) == "2099-01-24T08:00:00Z"

    await ft.patch("contact", contact, birthday="2098-07-31")

    async def planned_anew() -> bool:
        return await wakes_at(ft, taken) == "2098-07-24T07:00:00Z"

    await ft.until(planned_anew, "the run sleeps until the new date")
    before = await visit(ft, {"id": taken["enrollment_id"]}, "day")
    await ft.patch("contact", contact, birthday="2020-01-31")
    over = await ft.ended(taken["enrollment_id"])
    assert await way(ft, over) == [("day", "done", "past"), AFTER]
    assert (await visit(ft, over, "day"))["entered_at"] == before["entered_at"]
    assert len(await ft.enrollments("dates")) == 1
    assert (await ft.events(over)).count("WORKFLOW_EXECUTION_STARTED") == 1
    assert await signals(ft, over) == 2


async def test_a_date_taken_away_while_the_run_sleeps_counts_as_missing(ft: Running) -> None:
    await ft.publish(by_hand("dates", until({"property": "birthday"}, if_missing="exit")))
    contact = await ft.create("contact", external_id="a", birthday="2099-01-31")
    taken = await ft.enroll("dates", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "day")
    await ft.patch("contact", contact, birthday=None)
    over = await ft.ended(taken["enrollment_id"])
    assert (over["end_reason"], over["end_detail"]) == ("completed", "missing")


async def test_a_changed_date_of_the_bound_opportunity_moves_its_own_run_only(ft: Running) -> None:
    steps = until({"property": "close_date", "of": {"object": "opportunity"}})
    await ft.publish(by_hand("dates", steps))
    contact = await ft.create("contact", external_id="a")
    runs = []
    for name in ("First", "Second"):
        deal = await ft.create("opportunity", name=name, close_date="2099-01-31")
        await ft.associate("contact", contact, "opportunity", deal)
        runs.append((deal, await ft.enroll("dates", "contact", contact, opportunity_id=deal)))
    for _, taken in runs:
        await ft.stands_at(taken["enrollment_id"], "day")
    (first, moved), (_, other) = runs
    await ft.patch("opportunity", first, close_date="2020-01-31")
    assert (await ft.ended(moved["enrollment_id"]))["end_reason"] == "completed"
    await ft.settled()
    assert (await wakes_at(ft, other)).startswith("2099-01-31")
    assert (await ft.call("GET", f"/enrollments/{other['enrollment_id']}"))["status"] == "active"


async def test_a_change_that_no_step_depends_on_moves_nothing(ft: Running) -> None:
    goal = {"id": "g1", "name": "Won", "where": of_opportunity("stage", "is", "Won")}
    await ft.publish(by_hand("dates", until({"property": "birthday"}), exit={"goals": [goal]}))
    contact = await ft.create("contact", external_id="a", birthday="2099-01-31")
    taken = await ft.enroll("dates", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "day")
    await ft.patch("contact", contact, job_title="Poet")
    await ft.settled()
    assert await signals(ft, taken) == 0


async def wakes_at(ft: Running, taken: Any) -> str:
    """Until when an enrollment sleeps."""
    return str((await ft.call("GET", f"/enrollments/{taken['enrollment_id']}"))["wakes_at"])


async def test_a_date_moved_while_no_relay_was_up_is_obeyed_when_the_old_one_comes(ft: Running) -> None:
    await ft.publish(by_hand("until", [{"id": "day", "kind": "delay", "until": {"property": "last_touched_at"}}]))
    soon = datetime.now(UTC) + timedelta(seconds=4)
    contact = await ft.create("contact", external_id="a", last_touched_at=soon.isoformat())
    taken = await ft.enroll("until", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "day")
    await ft.stop_worker()
    later = soon + timedelta(days=2)
    await ft.patch("contact", contact, last_touched_at=later.isoformat())
    await ft.start_worker("runs")

    async def waits_for_the_new_date() -> bool:
        found = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
        assert found["status"] == "active"
        return bool(found["wakes_at"].startswith(f"{later:%Y-%m-%dT%H:%M}"))

    await ft.until(waits_for_the_new_date, "the run asks again before it goes on")


MORNING = {"date": "2020-01-31"}


async def test_a_past_date_leads_to_a_step_or_skips_the_messages_up_to_the_next_delay(ft: Running) -> None:
    steps = [
        *until(MORNING, if_past="late"),
        {"id": "late", "kind": "delay", "until": {"time": "09:00", **MORNING}, "if_past": "skip_sends"},
        email("never", "Never"),
        task("still", "Still"),
        gap(seconds=1),
        email("again", "Again"),
    ]
    await ft.publish(by_hand("dates", steps))
    over = await walked(ft, "dates", "contact", await ft.create("contact", email="a@example.com"))
    assert await way(ft, over) == [
        ("day", "done", "past"),
        ("late", "done", "past"),
        ("never", "skipped", "skip_sends"),
        ("still", "done", None),
        ("gap", "done", None),
        ("again", "done", None),
    ]
    assert [mail["subject"] for mail in ft.outbox()] == ["Again"]


async def test_a_missing_date_is_waited_for_and_then_slept_until(ft: Running) -> None:
    await ft.publish(by_hand("dates", until({"property": "birthday"}, if_missing="wait")))
    contact = await ft.create("contact", external_id="a")
    taken = await ft.enroll("dates", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "day")
    assert await wakes_at(ft, taken) == "None"
    await ft.patch("contact", contact, birthday="2099-01-31")

    async def planned() -> bool:
        return await wakes_at(ft, taken) == "2099-01-31T09:00:00Z"

    await ft.until(planned, "the run sleeps until the date")
    await ft.patch("contact", contact, birthday=None)

    async def waits_again() -> bool:
        return await wakes_at(ft, taken) == "None"

    await ft.until(waits_again, "the run waits for a date again")


async def test_a_date_of_the_event_that_caused_entry_is_slept_until(ft: Running) -> None:
    start = {"entry_event": "starts_at", "offset": {"days": -1}, "time": "09:00"}
    steps = [{"id": "day", "kind": "delay", "until": start, "if_missing": "exit"}, task("after", "After")]
    entry = {"triggers": [{"id": "t1", "on": "event", "event": "custom.booked"}]}
    await ft.publish(by_hand("events", steps, entry=entry, settings={"timezone": "Europe/Oslo"}))
    for name, starts_at in (("a", "2099-02-01T18:00:00+01:00"), ("b", None)):
        contact = await ft.create("contact", external_id=name)
        record = {"object": "contact", "id": contact}
        event = {
            "event": "custom.booked",
            "record": record,
            "properties": {"starts_at": starts_at} if starts_at else {},
        }
        await ft.call("POST", "/events", event)
    first, second = await entered(ft, "events", 2)
    await ft.sleeps_at(first["id"], "day")
    assert (await ft.call("GET", f"/enrollments/{first['id']}"))["wakes_at"] == "2099-01-31T08:00:00Z"
    assert (await ft.ended(second["id"]))["end_detail"] == "missing"


async def test_business_days_leave_out_weekends_and_the_holidays_of_the_calendar(ft: Running) -> None:
    steps = [{"id": "day", "kind": "delay", "for": {"days": 300}, "business_days": True}, task("after", "After")]
    await ft.publish(by_hand("plain", steps))
    tomorrow = (ft.inst.clock.now() + timedelta(days=n) for n in range(1, 8))
    working = next(day.date() for day in tomorrow if day.weekday() < 5)
    await ft.publish(by_hand("free", steps, settings={"holidays": {"dates": [working.isoformat()]}}))
    ends = {}
    for slug in ("plain", "free"):
        taken = await ft.enroll(slug, "contact", await ft.create("contact", external_id=slug))
        await ft.sleeps_at(taken["enrollment_id"], "day")
        ends[slug] = datetime.fromisoformat(await wakes_at(ft, taken)).date()
    assert all(end.weekday() < 5 for end in ends.values())
    assert timedelta(days=1) <= ends["free"] - ends["plain"] <= timedelta(days=3)


async def test_a_failed_action_goes_on_where_it_says(ft: Running) -> None:
    # What there is to divide by is known only when it is written.
    broken = {**email("hello", "{{ 1 | divided_by: contact.score }}"), "on_error": "after"}
    steps = [broken, task("between", "Between"), task("after", "After")]
    await ft.publish(by_hand("errors", steps))
    over = await walked(ft, "errors", "contact", await ft.create("contact", email="a@example.com", score=0))
    assert [(step, outcome) for step, outcome, _ in await way(ft, over)] == [("hello", "failed"), ("after", "done")]
