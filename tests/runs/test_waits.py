"""Waits for an event or a condition: matched whenever it was committed in time, else timed out (rule R5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from commands.report import report_text
from domain.base import utc_text
from services.relaying.relay import Relay
from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, gap, task
from tests.runs.walking import steps, visit


def waiting(step: str, event: str = "custom.webinar_joined", **parts: Any) -> dict[str, Any]:
    """A wait for an event, with a task on either way."""
    ways = {"matched": [task(f"{step}_yes", "Yes")], "timed_out": [task(f"{step}_no", "No")]}
    return {"id": step, "kind": "wait", "for_event": {"event": event}, "timeout": {"days": 2}, **ways, **parts}


async def happens(ft: Running, contact: str, event: str = "custom.webinar_joined", **properties: Any) -> None:
    """Tell that an event happened."""
    record = {"object": "contact", "id": contact}
    await ft.call("POST", "/events", {"event": event, "record": record, "properties": properties})


async def inside(ft: Running, slug: str, definition_steps: list[dict[str, Any]]) -> tuple[str, str]:
    """Somebody who stands at the first step: contact and enrollment."""
    await ft.publish(by_hand(slug, definition_steps))
    contact = await ft.create("contact", email=f"{slug}@example.com")
    taken = await ft.enroll(slug, "contact", contact)
    await ft.stands_at(taken["enrollment_id"], definition_steps[0]["id"])
    return contact, taken["enrollment_id"]


async def test_an_event_lets_a_wait_go_on_and_is_used_up(ft_both: Running) -> None:
    ft = ft_both
    contact, enrollment_id = await inside(ft, "event", [waiting("one"), waiting("two")])
    await happens(ft, contact, "custom.webinar_left")
    await happens(ft, contact)
    await ft.stands_at(enrollment_id, "two")
    found = await ft.call("GET", f"/enrollments/{enrollment_id}")
    assert await steps(ft, found) == ["one", "one_yes", "two"]
    assert (await visit(ft, found, "one"))["edge"] == "matched"
    await happens(ft, contact)
    assert await steps(ft, await ft.ended(enrollment_id)) == ["one", "one_yes", "two", "two_yes"]


async def test_only_an_event_that_carries_what_is_asked_for_counts(ft: Running) -> None:
    where = {"event_property": "room", "op": "is", "value": "blue"}
    step = waiting("one", for_event={"event": "custom.webinar_joined", "where": where})
    contact, enrollment_id = await inside(ft, "carries", [step])
    await happens(ft, contact, room="red")
    await ft.settled()
    assert (await ft.call("GET", f"/enrollments/{enrollment_id}"))["status"] == "active"
    await happens(ft, contact, room="blue")
    assert await steps(ft, await ft.ended(enrollment_id)) == ["one", "one_yes"]


async def test_an_event_that_came_too_early_is_not_lost_but_one_before_the_entry_is(ft: Running) -> None:
    await ft.publish(
        by_hand(
            "early", [gap(seconds=2), waiting("one", timeout={"seconds": 1}), waiting("two", timeout={"seconds": 1})]
        )
    )
    contact = await ft.create("contact", email="early@example.com")
    await happens(ft, contact)
    taken = await ft.enroll("early", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "gap")
    await happens(ft, contact)
    found = await ft.ended(taken["enrollment_id"])
    assert await steps(ft, found) == ["gap", "one", "one_yes", "two", "two_no"]


async def test_what_happened_before_the_entry_counts_where_the_wait_says_so(ft: Running) -> None:
    step = waiting("one", for_event={"event": "custom.webinar_joined", "scope": "ever"})
    await ft.publish(by_hand("ever", [step]))
    contact = await ft.create("contact", email="ever@example.com")
    await happens(ft, contact)
    taken = await ft.enroll("ever", "contact", contact)
    assert await steps(ft, await ft.ended(taken["enrollment_id"])) == ["one", "one_yes"]


async def test_an_event_wins_over_the_timeout_while_no_relay_tells_it(
    ft: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact, enrollment_id = await inside(ft, "silent", [waiting("one", timeout={"seconds": 3})])
    await ft.settled()

    async def judges_nothing(self: Relay) -> int:
        return 0

    monkeypatch.setattr(Relay, "_judge_batch", judges_nothing)
    await happens(ft, contact)
    assert await steps(ft, await ft.ended(enrollment_id)) == ["one", "one_yes"]


async def test_a_condition_lets_a_wait_go_on_or_its_time_runs_out(ft_both: Running) -> None:
    ft = ft_both
    city = {"property": "city", "op": "is", "value": "Oslo"}
    first = waiting("one", until_true=city)
    second = waiting("two", until_true={**city, "value": "Bergen"}, timeout={"seconds": 1})
    del first["for_event"], second["for_event"]
    contact, enrollment_id = await inside(ft, "condition", [first, second])
    await ft.patch("contact", contact, city="Bodø")
    await ft.settled()
    assert (await ft.call("GET", f"/enrollments/{enrollment_id}"))["step"] == "one"
    await ft.patch("contact", contact, city="Oslo")
    assert await steps(ft, await ft.ended(enrollment_id)) == ["one", "one_yes", "two", "two_no"]
    told = [(await visit(ft, {"id": enrollment_id}, step))["words"] for step in ("one", "two")]
    assert told == ["done", "timed out"]
    report = await ft.call("GET", "/workflows/condition/report")
    assert {step["step"]: (step["done"], step["timed_out"]) for step in report["steps"] if step["kind"] == "wait"} == {
        "one": (1, 0), "two": (1, 1)
    }  # fmt: skip
    (behind,) = (await ft.call("GET", "/workflows/condition/report/two/timed_out"))["items"]
    assert behind["reason"] == "timed_out", behind
    assert "two: 1 timed out" in report_text(report)


async def test_a_wait_for_ever_is_skipped_by_hand_as_timed_out(ft: Running) -> None:
    step = waiting("one", forever=True)
    del step["timeout"]
    _, enrollment_id = await inside(ft, "forever", [step])
    assert (await ft.call("GET", f"/enrollments/{enrollment_id}"))["wakes_at"] is None
    await ft.call("POST", f"/enrollments/{enrollment_id}/skip-wait")
    assert await steps(ft, await ft.ended(enrollment_id)) == ["one", "one_no"]


async def test_a_wait_goes_on_when_time_alone_makes_its_condition_true(ft_both: Running) -> None:
    ft = ft_both
    seen_long_ago = {"property": "last_touched_at", "op": "more_than_ago", "value": {"seconds": 3}}
    step = waiting("one", until_true=seen_long_ago)
    del step["for_event"]
    await ft.publish(by_hand("by-time", [step]))
    contact = await ft.create("contact", email="time@example.com", last_touched_at=utc_text(datetime.now(UTC)))
    taken = await ft.enroll("by-time", "contact", contact)
    assert await steps(ft, await ft.ended(taken["enrollment_id"])) == ["one", "one_yes"]


def formatting(id: str, template: str) -> dict[str, Any]:
    """A step whose output ``value`` is what the template becomes."""
    config = {"value": template, "operations": [{"do": "trim"}]}
    return {"id": id, "kind": "action", "action": "format_data", "config": config}


async def test_a_wait_asks_for_what_an_earlier_step_gave(ft: Running) -> None:
    mine = {"event_property": "room", "op": "is", "value": {"output": "value", "step": "room"}}
    by_room = waiting("one", for_event={"event": "custom.webinar_joined", "where": mine})
    is_blue = {"output": "value", "step": "room", "op": "is", "value": "blue"}
    is_lead = {"property": "lifecycle_stage", "op": "is", "value": "lead"}
    by_value = {"for_event": None, "until_true": {"all": [is_blue, is_lead]}}
    await ft.publish(
        by_hand("rooms", [formatting("room", " {{ contact.city }} "), by_room, waiting("two", **by_value)])
    )
    contact = await ft.create("contact", email="rooms@example.com", city="blue")
    taken = (await ft.enroll("rooms", "contact", contact))["enrollment_id"]
    await ft.stands_at(taken, "one")
    await happens(ft, contact, room="red")
    await ft.settled()
    await happens(ft, contact, room="blue")
    await ft.stands_at(taken, "two")
    await ft.patch("contact", contact, lifecycle_stage="lead")
    over = await ft.ended(taken)
    assert await steps(ft, over) == ["room", "one", "one_yes", "two", "two_yes"]
    told = (await visit(ft, over, "two"))["seen"]
    assert [each["value"] for each in told] == ["blue", "lead"]
