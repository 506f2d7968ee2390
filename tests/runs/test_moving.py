"""Goals that jump and operators who move: the run goes on elsewhere, and nothing of what it was doing commits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.relaying.relay import Relay
from store.tables import goals_reached
from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.walking import steps, visit, way

BOOKED = {"id": "booked", "name": "Booked", "where": {"property": "city", "op": "is", "value": "Oslo"}}
VIP = {"id": "vip", "name": "VIP", "where": {"property": "country", "op": "is", "value": "NO"}}


def jumping(slug: str, first: list[dict[str, Any]]) -> dict[str, Any]:
    """First steps, a delay nobody waits for, and a landing that only a goal leads to."""
    tail = [{"id": "stop", "kind": "end", "reason": "no answer"}, task("thanks", "Say thanks"), gap("later", days=3)]
    exit = {"goals": [{**BOOKED, "go_to": "thanks"}, VIP]}
    return by_hand(slug, [*first, gap(days=2), *tail], exit=exit)


async def reached(ft: Running, enrollment_id: str) -> set[str]:
    """The goals an enrollment reached."""
    async with ft.inst.db.read() as read:
        rows = await read.all(select(goals_reached.c.goal).where(goals_reached.c.enrollment_id == enrollment_id))
    return {row["goal"] for row in rows}


async def test_a_goal_jumps_once_and_the_next_one_ends(ft_both: Running) -> None:
    ft = ft_both
    await ft.publish(jumping("jump", []))
    contact = await ft.create("contact", email="jump@example.com")
    taken = await ft.enroll("jump", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.patch("contact", contact, city="Oslo")
    await ft.stands_at(taken["enrollment_id"], "later")
    found = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
    assert await steps(ft, found) == ["gap", "thanks", "later"]
    assert (await visit(ft, found, "gap"))["outcome"] == "left"
    # Reached again it does not jump again.
    await ft.patch("contact", contact, city="Bergen")
    await ft.patch("contact", contact, city="Oslo")
    await ft.settled()
    found = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
    assert (found["status"], found["step"]) == ("active", "later")
    await ft.patch("contact", contact, country="NO")
    found = await ft.ended(taken["enrollment_id"])
    assert (found["end_reason"], found["end_detail"]) == ("goal", "vip")
    assert await reached(ft, taken["enrollment_id"]) == {"booked", "vip"}
    assert await steps(ft, found) == ["gap", "thanks", "later"]


async def test_the_gate_jumps_while_every_relay_is_down(ft: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await ft.publish(jumping("gate-jump", [gap("short", seconds=2), email("hello", "Hello")]))
    contact = await ft.create("contact", email="gate@example.com")
    taken = await ft.enroll("gate-jump", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "short")
    await ft.settled()

    async def judges_nothing(self: Relay) -> int:
        return 0

    monkeypatch.setattr(Relay, "_judge_batch", judges_nothing)
    await ft.patch("contact", contact, city="Oslo")
    await ft.stands_at(taken["enrollment_id"], "later")
    found = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
    assert await steps(ft, found) == ["short", "thanks", "later"]
    assert ft.outbox() == []
    assert "reached goal Booked" not in await ft.details(found)


async def test_temporal_ui_tells_what_moved_a_run(ft: Running) -> None:
    goals = [{**BOOKED, "go_to": "later"}]
    await ft.publish(by_hand("told", [gap(days=2), gap("later", days=3)], exit={"goals": goals}))
    contact = await ft.create("contact", email="told@example.com")
    taken = await ft.enroll("told", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.patch("contact", contact, city="Oslo")
    await ft.stands_at(taken["enrollment_id"], "later")
    await ft.until(lambda: says(ft, taken, "reached goal Booked"), "the run shows what moved it")


async def says(ft: Running, taken: Any, words: str) -> bool:
    """Whether Temporal UI shows these words."""
    return words in await ft.details(taken)


async def test_a_wait_is_skipped_by_hand(ft: Running) -> None:
    await ft.publish(by_hand("skip", [gap(days=2), task("call", "Call"), gap("last", days=1)]))
    contact = await ft.create("contact", email="skip@example.com")
    taken = await ft.enroll("skip", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.call("POST", f"/enrollments/{taken['enrollment_id']}/skip-wait")
    await ft.sleeps_at(taken["enrollment_id"], "last")
    found = await ft.call("POST", f"/enrollments/{taken['enrollment_id']}/skip-wait")
    found = await ft.ended(taken["enrollment_id"])
    assert found["end_reason"] == "completed"
    assert await way(ft, found) == [("gap", "done", "by_hand"), ("call", "done", None), ("last", "done", "by_hand")]
    assert (await visit(ft, found, "gap"))["words"] == "skipped by hand"
    refused = await ft.call("POST", f"/enrollments/{taken['enrollment_id']}/skip-wait", expect=409)
    assert refused["type"].endswith("ended")


async def test_who_does_not_wait_has_nothing_to_skip(ft_idle: Running) -> None:
    ft = ft_idle
    await ft.publish(by_hand("nothing", [task("call", "Call")]))
    taken = await ft.enroll("nothing", "contact", await ft.create("contact", email="nothing@example.com"))
    refused = await ft.call("POST", f"/enrollments/{taken['enrollment_id']}/skip-wait", expect=409)
    assert refused["type"].endswith("nothing_to_skip")
    await ft.call("POST", "/enrollments/nobody/skip-wait", expect=404)


async def test_an_operator_moves_a_run(ft: Running) -> None:
    await ft.publish(
        by_hand("moved", [email("hello", "Hello"), gap(days=2), task("call", "Call"), gap("last", days=1)])
    )
    contact = await ft.create("contact", email="moved@example.com")
    taken = await ft.enroll("moved", "contact", contact)
    path = f"/enrollments/{taken['enrollment_id']}/move-to"
    await ft.stands_at(taken["enrollment_id"], "gap")
    refused = await ft.call("POST", path, {"step": "cal"}, expect=422)
    assert refused["errors"][0]["code"] == "unknown_step"
    assert "call" in refused["errors"][0]["message"]
    await ft.call("POST", path, {"step": "hello"})

    async def sent_twice() -> bool:
        return len(ft.outbox()) == 2

    await ft.until(sent_twice, "the message is sent once more")
    await ft.sleeps_at(taken["enrollment_id"], "gap")
    await ft.call("POST", path, {"step": "last"})
    await ft.sleeps_at(taken["enrollment_id"], "last")
    found = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
    assert await way(ft, found) == [
        ("hello", "done", None), ("gap", "left", "by_hand"), ("hello", "done", None), ("gap", "left", "by_hand"),
        ("last", None, None),
    ]  # fmt: skip
    await ft.until(lambda: says(ft, taken, "by hand"), "the run shows what moved it")


async def test_a_goal_moves_who_has_not_begun(ft_idle: Running) -> None:
    ft = ft_idle
    await ft.publish(jumping("early", [task("call", "Call")]))
    contact = await ft.create("contact", email="early@example.com")
    taken = await ft.enroll("early", "contact", contact)
    await ft.patch("contact", contact, city="Oslo")
    relay = Relay(ft.inst, "test")
    while await relay.drain_once():
        pass
    await ft.start_worker()
    await ft.stands_at(taken["enrollment_id"], "later")
    found = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")
    assert await steps(ft, found) == ["thanks", "later"]
    assert timedelta(days=2) < await sleeps(ft, found)


async def sleeps(ft: Running, enrollment: Any) -> timedelta:
    """How long it still sleeps."""
    from datetime import datetime

    return datetime.fromisoformat(enrollment["wakes_at"]) - ft.inst.clock.now()
