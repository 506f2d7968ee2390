"""The main job: an opportunity becomes Engaging, its contact is carried through, and live updates are obeyed."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any, Literal

import pytest

from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, email, follow_up, gap, of_opportunity, task

ANA = {"email": "ana@example.com", "first_name": "Ana"}
IS_WON = [{"what": "Stage of an opportunity is Won", "value": "Won", "holds": True}]


async def contact_with_deal(ft: Running, n: int = 1, **deal: object) -> tuple[str, str]:
    """A contact and an associated opportunity in its first stage."""
    contact = await ft.create("contact", email=f"ana{n}@example.com", first_name="Ana")
    opportunity = await ft.create("opportunity", name="Deal", stage="Prospecting", product="GTX Pro", **deal)  # type: ignore[arg-type]
    await ft.associate("contact", contact, "opportunity", opportunity)
    await ft.settled()
    return contact, opportunity


async def entered(ft: Running, slug: str, count: int = 1) -> list[dict[str, object]]:
    async def all_in() -> bool:
        return len(await ft.enrollments(slug)) >= count

    await ft.until(all_in, f"{count} enrolled in {slug}")
    return await ft.enrollments(slug)


@pytest.mark.parametrize(("value", "step"), [(6000, "call"), (1000, "again")])
async def test_a_contact_is_carried_through_the_published_workflow(ft_both: Running, value: int, step: str) -> None:
    ft = ft_both
    await ft.publish(follow_up("follow-up", wait={"seconds": 1}))
    contact, opportunity = await contact_with_deal(ft, close_value=value)
    await ft.patch("opportunity", opportunity, stage="Engaging")
    (enrollment,) = await entered(ft, "follow-up")
    over = await ft.ended(str(enrollment["id"]))
    assert over["end_reason"] == "completed"
    visits = (await ft.timeline(over["id"]))["visits"]
    assert [(v["step"], v["outcome"]) for v in visits] == [
        ("hello", "done"), ("gap", "done"), ("big", "done"), (step, "done"), ("mark", "done"),
    ]  # fmt: skip
    assert ft.outbox()[0]["subject"] == "About GTX Pro"
    tasks = (await ft.call("GET", "/tasks?workflow=follow-up"))["items"]
    assert [t["title"] for t in tasks] == (["Call about GTX Pro"] if step == "call" else [])
    record = await ft.call("GET", f"/records/contact/{contact}")
    assert record["properties"]["last_touched_at"].startswith("20")


async def test_one_patch_in_a_delay_is_one_signal_and_the_next_email_shows_it(ft: Running) -> None:
    await ft.publish(follow_up("follow-up", wait={"seconds": 3}, exit={"goals": []}))
    _, opportunity = await contact_with_deal(ft, close_value=1000)
    await ft.patch("opportunity", opportunity, stage="Engaging")
    (enrollment,) = await entered(ft, "follow-up")
    await ft.stands_at(str(enrollment["id"]), "gap")
    await ft.patch("opportunity", opportunity, product="MG Special")
    over = await ft.ended(str(enrollment["id"]))
    assert [mail["subject"] for mail in ft.outbox()] == ["About GTX Pro", "Any questions about MG Special?"]
    events = Counter(await ft.events(over))
    assert (events["WORKFLOW_EXECUTION_SIGNALED"], events["WORKFLOW_EXECUTION_STARTED"]) == (1, 1)
    assert events["TIMER_STARTED"] == 1
    assert len(await ft.enrollments("follow-up")) == 1


async def test_a_goal_reached_in_a_delay_ends_the_run_at_once(ft_both: Running) -> None:
    ft = ft_both
    await ft.publish(follow_up("follow-up", wait={"days": 2}))
    _, opportunity = await contact_with_deal(ft)
    await ft.patch("opportunity", opportunity, stage="Engaging")
    (enrollment,) = await entered(ft, "follow-up")
    await ft.stands_at(str(enrollment["id"]), "gap")
    await ft.patch("opportunity", opportunity, stage="Won")
    over = await ft.ended(str(enrollment["id"]))
    assert (over["end_reason"], over["end_detail"], over["end_seen"]) == ("goal", "won", IS_WON)
    last = (await ft.timeline(over["id"]))["visits"][-1]
    assert (last["step"], last["outcome"]) == ("gap", "left")
    assert len(ft.outbox()) == 1


async def test_a_goal_reached_and_taken_back_before_anybody_looked_counts(ft: Running) -> None:
    await ft.publish(follow_up("follow-up", wait={"days": 2}))
    _, opportunity = await contact_with_deal(ft)
    await ft.patch("opportunity", opportunity, stage="Engaging")
    (enrollment,) = await entered(ft, "follow-up")
    await ft.stands_at(str(enrollment["id"]), "gap")
    await ft.stop_worker()
    await ft.patch("opportunity", opportunity, stage="Won")
    await ft.patch("opportunity", opportunity, stage="Prospecting")
    await ft.start_worker()
    over = await ft.ended(str(enrollment["id"]))
    assert over["end_reason"] == "goal"


async def test_with_every_relay_stopped_the_gate_refuses_the_step_that_comes_due(ft_both: Running) -> None:
    ft = ft_both
    await ft.publish(follow_up("follow-up", wait={"seconds": 4}))
    _, opportunity = await contact_with_deal(ft)
    await ft.patch("opportunity", opportunity, stage="Engaging")
    (enrollment,) = await entered(ft, "follow-up")
    await ft.stands_at(str(enrollment["id"]), "gap")
    await ft.stop_worker()
    await ft.patch("opportunity", opportunity, stage="Won")
    await ft.start_worker("runs")
    over = await ft.ended(str(enrollment["id"]))
    assert (over["end_reason"], over["end_detail"], over["end_seen"]) == ("goal", "won", IS_WON)
    told = await ft.timeline(over["id"])
    assert (told["end"], told["end_seen"]) == ("reached a goal (Won)", IS_WON)
    assert len(ft.outbox()) == 1


@pytest.mark.parametrize("way", ["relay", "runs"])
@pytest.mark.parametrize("end", ["suppressed", "exit_condition"])
async def test_what_a_condition_saw_is_kept_whether_relay_or_gate_ended_it(
    ft_idle: Running, way: Literal["relay", "runs"], end: str
) -> None:
    ft = ft_idle
    oslo = {"property": "city", "op": "is", "value": "Oslo"}
    parts = {"entry": {"suppress": oslo}} if end == "suppressed" else {"exit": {"when": oslo}}
    await ft.publish(by_hand("journey", [task("call", "Call")], **parts))
    contact = await ft.create("contact", **ANA)
    taken = await ft.enroll("journey", "contact", contact)
    assert (await ft.call("GET", f"/enrollments/{taken['enrollment_id']}"))["end_seen"] == []
    await ft.patch("contact", contact, city="Oslo")
    await ft.start_worker(way)

    async def is_over() -> bool:
        return bool((await ft.call("GET", f"/enrollments/{taken['enrollment_id']}"))["status"] == "ended")

    await ft.until(is_over, "the enrollment ends")
    over = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
    seen = [{"what": "City is Oslo", "value": "Oslo", "holds": True}]
    assert (over["end_reason"], over["end_seen"]) == (end, seen)
    assert (await ft.call("GET", "/tasks?workflow=journey"))["items"] == []


async def test_the_reference_journey_costs_at_most_16_events_and_one_non_local_activity(ft: Running) -> None:
    await ft.publish(by_hand("journey", [gap(seconds=1), email("hello", "Hello")]))
    contact = await ft.create("contact", **ANA)
    taken = await ft.enroll("journey", "contact", contact)
    over = await ft.ended(taken["enrollment_id"])
    events = await ft.events(over)
    assert len(events) <= 16, events
    assert events.count("ACTIVITY_TASK_SCHEDULED") == 1
    assert [visit["step"] for visit in (await ft.timeline(over["id"]))["visits"]] == ["gap", "hello"]


async def test_a_delay_that_comes_first_runs_from_the_entry_whenever_a_worker_comes_up(ft_idle: Running) -> None:
    ft = ft_idle
    steps = [
        {"id": "day", "kind": "delay", "until": {"property": "birthday", "time": "09:00"}},
        email("hello", "Hello"),
    ]
    await ft.publish(by_hand("journey", steps))
    contact = await ft.create("contact", **ANA, birthday="2099-05-01")
    taken = await ft.enroll("journey", "contact", contact)
    entered = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
    assert (entered["step"], entered["wakes_at"][:10]) == ("day", "2099-05-01")
    # What changes before its run ever took a step is obeyed by the run all the same.
    await ft.patch("contact", contact, birthday="2020-05-01")
    await ft.start_worker()
    over = await ft.ended(taken["enrollment_id"])
    assert over["end_reason"] == "completed"
    assert len(ft.outbox()) == 1


async def test_a_run_explains_itself_in_temporal(ft: Running) -> None:
    await ft.publish(by_hand("journey", [gap(days=2)]))
    contact = await ft.create("contact", **ANA)
    taken = await ft.enroll("journey", "contact", contact)

    async def sleeps() -> bool:
        # The entry planned the delay; the run sets its timer when a worker takes it up.
        return "TIMER_STARTED" in await ft.events(await ft.call("GET", f"/enrollments/{taken['enrollment_id']}"))

    await ft.until(sleeps, "the run sleeps")
    found = await ft.run(taken).describe()
    assert await found.static_summary() == f"journey v1 · contact {contact}"
    timers = [e for e in (await ft.run(taken).fetch_history()).events if e.HasField("timer_started_event_attributes")]
    assert b"Wait 2 days \xc2\xb7 gap" in timers[0].user_metadata.summary.data
    attributes = {pair.key.name: pair.value for pair in found.typed_search_attributes}
    assert attributes["FtWorkflow"] == "journey"
    assert attributes["FtRecord"] == contact
    assert attributes["FtVersion"] == 1
    history = (await ft.run(taken).fetch_history()).to_json()
    assert "ana@example.com" not in history
    assert "Ana" not in history


async def test_a_run_tells_in_temporal_where_it_stands_where_it_came_from_and_which_goal_it_reached(
    ft: Running,
) -> None:
    named = {"name": "About the | product"}
    steps: list[dict[str, Any]] = [email("hello", "Hello") | named, task("call", "Call"), gap(days=2)]
    await ft.publish(follow_up("follow-up", wait={"days": 2}, steps=steps))
    contact, opportunity = await contact_with_deal(ft)
    await ft.patch("opportunity", opportunity, stage="Engaging")
    (enrollment,) = await entered(ft, "follow-up")
    await ft.stands_at(str(enrollment["id"]), "gap")
    who = f"contact {contact} · opportunity {opportunity}"
    assert await (await ft.run(enrollment).describe()).static_summary() == f"New opportunity follow-up v1 · {who}"
    shown = await ft.details(enrollment)
    assert f"| Record | {who} |" in shown
    assert "| Stands at | Wait 2 days · gap (`gap`) |" in shown
    assert "| Came through | About the \\| product → call |" in shown
    await ft.patch("opportunity", opportunity, stage="Won")
    await ft.ended(str(enrollment["id"]))
    assert "→ call → gap |" in await ft.details(enrollment)
    (line,) = [line for line in (await ft.details(enrollment)).splitlines() if "Stands at" in line]
    assert re.fullmatch(r"\| Stands at \| over: reached goal Won at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \|", line)


async def test_details_say_that_more_was_passed_only_when_it_was(ft: Running) -> None:
    await ft.publish(by_hand("journey", [task(f"t{n}", "Call") for n in range(6)]))
    over = await ft.ended((await ft.enroll("journey", "contact", await ft.create("contact", **ANA)))["enrollment_id"])
    assert "| Came through | … → t1 → t2 → t3 → t4 → t5 |" in await ft.details(over)
    await ft.publish(by_hand("short", [task(f"t{n}", "Call") for n in range(5)]))
    contact = await ft.create("contact", email="bea@example.com")
    over = await ft.ended((await ft.enroll("short", "contact", contact))["enrollment_id"])
    assert "| Came through | t0 → t1 → t2 → t3 → t4 |" in await ft.details(over)


async def test_re_entry_gets_its_own_run_though_the_earlier_one_could_not_close(ft_idle: Running) -> None:
    ft = ft_idle
    await ft.publish(
        by_hand("journey", [gap(seconds=1)], entry={"triggers": [], "re_entry": {"allowed": True, "triggers": []}})
    )
    contact = await ft.create("contact", **ANA)
    first = await ft.enroll("journey", "contact", contact)
    await ft.call("POST", f"/enrollments/{first['enrollment_id']}/unenroll", {})
    second = await ft.enroll("journey", "contact", contact)
    assert second["decision"] == "enrolled"
    assert second["temporal"]["workflow_id"] != first["temporal"]["workflow_id"]
    await ft.start_worker()
    assert (await ft.ended(first["enrollment_id"]))["end_reason"] == "unenrolled"
    assert (await ft.ended(second["enrollment_id"]))["end_reason"] == "completed"


async def test_two_opportunities_of_one_contact_run_twice_or_one_at_a_time(ft_both: Running) -> None:
    ft = ft_both
    both = follow_up("both", wait={"days": 1})
    one = follow_up("one", wait={"days": 1}, allow_multiple_opportunities=False)
    await ft.publish(both)
    await ft.publish(one)
    contact, first = await contact_with_deal(ft)
    second = await ft.create("opportunity", name="Second", stage="Prospecting", product="GTX Basic")
    await ft.associate("contact", contact, "opportunity", second)
    await ft.patch("opportunity", first, stage="Engaging")
    await ft.settled()
    await ft.patch("opportunity", second, stage="Engaging")
    await ft.settled()
    assert {e["bound"]["id"] for e in await ft.enrollments("both")} == {first, second}
    assert [e["bound"]["id"] for e in await ft.enrollments("one")] == [first]
    assert await ft.decisions("both") == ["enrolled", "enrolled"]
    assert await ft.decisions("one") == ["enrolled", "already_active"]


async def test_a_stage_that_comes_and_goes_enters_once_and_is_absorbed_after(ft_both: Running) -> None:
    ft = ft_both
    await ft.publish(follow_up("follow-up", wait={"days": 1}))
    _, opportunity = await contact_with_deal(ft)
    for _ in range(5):
        await ft.patch("opportunity", opportunity, stage="Engaging")
        await ft.patch("opportunity", opportunity, stage="Prospecting")
    await ft.settled()
    assert Counter(await ft.decisions("follow-up")) == {"enrolled": 1, "absorbed_update": 4}


async def test_five_concurrent_enrollments_through_the_api_are_one(ft_both: Running) -> None:
    ft = ft_both
    await ft.publish(by_hand("journey", [gap(days=1)]))
    contact = await ft.create("contact", **ANA)
    answers = await asyncio.gather(*(ft.enroll("journey", "contact", contact) for _ in range(5)))
    assert Counter(a["decision"] for a in answers) == {"enrolled": 1, "absorbed_update": 4}
    assert len({a["enrollment_id"] for a in answers}) == 1


async def test_linking_a_contact_to_an_opportunity_that_matches_already_lets_it_in(ft: Running) -> None:
    await ft.publish(follow_up("follow-up", wait={"days": 1}))
    contact = await ft.create("contact", **ANA)
    opportunity = await ft.create("opportunity", name="Deal", stage="Engaging", product="GTX Pro")
    await ft.settled()
    assert await ft.decisions("follow-up") == []
    await ft.associate("contact", contact, "opportunity", opportunity)
    await ft.settled()
    assert await ft.decisions("follow-up") == ["enrolled"]


async def test_a_contact_enters_when_an_associated_opportunity_makes_its_condition_hold(ft: Running) -> None:
    where = of_opportunity("close_value", "gte", 5000)
    await ft.publish(by_hand("vip", [gap(days=1)], entry={"triggers": [{"id": "t1", "on": "filter", "where": where}]}))
    _, opportunity = await contact_with_deal(ft, close_value=10)
    await ft.patch("opportunity", opportunity, close_value=6000)
    await ft.patch("opportunity", opportunity, close_value=7000)
    await ft.settled()
    assert await ft.decisions("vip") == ["enrolled"]
