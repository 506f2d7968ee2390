"""Moving those inside to a new version (rule R12), from publishing over the job and the relay to the run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.walking import visit, way


async def moved(ft: Running, definition: dict[str, Any]) -> Any:
    """Publish another version with ``move``, and wait for its job; the job."""
    path = f"/workflows/{definition['slug']}"
    answer = await ft.http.put(f"/api/v1{path}", json=definition, headers={"If-Match": "*"})
    assert answer.is_success, answer.text
    made = await ft.call("POST", f"{path}/publish", {"in_flight": "move"})
    job: dict[str, Any] = {}

    async def is_done() -> bool:
        job.update(await ft.call("GET", f"/jobs/{made['move_job_id']}"))
        return bool(job["status"] == "done")

    await ft.until(is_done, f"the move to version {made['version']} is done")
    return {**job, "version": made["version"]}


async def inside(ft: Running, definition: dict[str, Any], name: str, at: str) -> str:
    """Publish, enroll a contact, wait until it sleeps at a step; the enrollment's id."""
    await ft.publish(definition)
    contact = await ft.create("contact", email=f"{name}@example.com")
    taken = await ft.enroll(definition["slug"], "contact", contact)
    await ft.sleeps_at(taken["enrollment_id"], at)
    return str(taken["enrollment_id"])


async def at_version(ft: Running, enrollment_id: str, version: int, step: str) -> Any:
    """Wait until a run sleeps at a step of a version, planned by it; the enrollment."""
    found: dict[str, Any] = {}

    async def is_there() -> bool:
        found.update(await ft.call("GET", f"/enrollments/{enrollment_id}"))
        here = (found["version"], found["step"]) == (version, step) and found["wakes_at"]
        return bool(here) and f"v{version}" in await ft.details(found)

    await ft.until(is_there, f"enrollment {enrollment_id} sleeps at {step} of version {version}")
    return found


async def test_a_longer_delay_counts_from_when_it_was_entered(ft_both: Running) -> None:
    ft = ft_both
    one = await inside(ft, by_hand("longer", [gap(days=2), email("hello", "Hello")]), "longer", "gap")
    before = await ft.call("GET", f"/enrollments/{one}")
    job = await moved(ft, by_hand("longer", [gap(days=5), email("hello", "Hello")]))
    assert (job["kind"], job["counts"], job["done"], job["total"]) == ("move", {"moved": 1}, 1, 1)
    found = await at_version(ft, one, 2, "gap")

    async def is_longer() -> bool:
        found.update(await ft.call("GET", f"/enrollments/{one}"))
        return bool(found["wakes_at"] > before["wakes_at"])

    await ft.until(is_longer, "the delay is planned anew")
    began = (await visit(ft, found, "gap"))["entered_at"]
    assert moment(found["wakes_at"]) - moment(began) == timedelta(days=5)
    assert await way(ft, found) == [("gap", None, None)]
    assert "to version 2" in await ft.details(found)


async def test_a_delay_whose_new_length_has_passed_goes_on(ft: Running) -> None:
    one = await inside(ft, by_hand("shorter", [gap(days=2), email("hello", "Hello")]), "shorter", "gap")
    await moved(ft, by_hand("shorter", [gap(seconds=1), email("hello", "Hello")], settings={"spread_minutes": 0}))
    found = await ft.ended(one)
    assert (found["version"], found["end_reason"]) == (2, "completed")
    assert await way(ft, found) == [("gap", "done", None), ("hello", "done", None)]
    assert len(ft.outbox()) == 1


async def test_who_stands_in_a_step_that_is_gone_goes_on_behind_it(ft: Running) -> None:
    steps = [email("hello", "Hello"), gap(days=2), task("call", "Call"), gap("later", days=3)]
    one = await inside(ft, by_hand("gone", steps), "gone", "gap")
    await moved(ft, by_hand("gone", [email("hello", "Hello"), gap("later", days=3)]))
    found = await at_version(ft, one, 2, "later")
    assert await way(ft, found) == [("hello", "done", None), ("gap", "left", "new_version"), ("later", None, None)]
    assert (await visit(ft, found, "gap"))["words"] == "taken elsewhere by a new version"
    assert len(ft.outbox()) == 1


async def test_what_was_done_is_passed_over_until_a_goto_leads_there(ft: Running) -> None:
    hello, call, wait = email("hello", "Hello"), task("call", "Call"), gap(days=2)
    one = await inside(ft, by_hand("again", [hello, wait, call]), "again", "gap")
    again = {"id": "back", "kind": "goto", "to": "hello", "max_visits": 1}
    short = gap(seconds=1)
    await moved(ft, by_hand("again", [short, call, hello, again], settings={"spread_minutes": 0}))
    found = await ft.ended(one)
    assert await way(ft, found) == [
        ("hello", "done", None), ("gap", "done", None), ("call", "done", None), ("hello", "skipped", "already_done"),
        ("back", "done", None), ("hello", "done", None), ("back", "done", None),
    ]  # fmt: skip
    assert len(ft.outbox()) == 2


async def test_nothing_left_to_do_is_the_end(ft: Running) -> None:
    one = await inside(ft, by_hand("over", [email("hello", "Hello"), gap(days=2)]), "over", "gap")
    job = await moved(ft, by_hand("over", [email("hello", "Hello")]))
    assert job["counts"] == {"completed": 1}
    found = await ft.ended(one)
    assert (found["version"], found["end_reason"]) == (2, "completed")


async def test_goals_of_the_new_version_count_at_once(ft: Running) -> None:
    one = await inside(ft, by_hand("goals", [gap(days=2)]), "goals", "gap")
    contact = (await ft.call("GET", f"/enrollments/{one}"))["record"]["id"]
    await ft.patch("contact", contact, city="Oslo")
    goal = {"id": "oslo", "name": "Oslo", "where": {"property": "city", "op": "is", "value": "Oslo"}}
    job = await moved(ft, by_hand("goals", [gap(days=2)], exit={"goals": [goal]}))
    assert job["counts"] == {"left": 1}
    found = await ft.ended(one)
    assert (found["end_reason"], found["end_detail"]) == ("goal", "oslo")


async def test_who_is_paused_is_moved_and_stays_held(ft: Running) -> None:
    one = await inside(ft, by_hand("held", [gap(seconds=2), email("hello", "Hello")]), "held", "gap")
    await ft.call("POST", f"/enrollments/{one}/pause")

    async def is_held() -> bool:
        return (await ft.call("GET", f"/enrollments/{one}"))["held_at"] is not None

    await ft.until(is_held, "the run is held")
    longer = [gap(seconds=2), task("call", "Call"), email("hello", "Hello")]
    await moved(ft, by_hand("held", longer, settings={"spread_minutes": 0}))
    assert ft.outbox() == []
    await ft.call("POST", f"/enrollments/{one}/resume")
    found = await ft.ended(one)
    assert [step for step, _, _ in await way(ft, found)] == ["gap", "call", "hello"]
    assert len(ft.outbox()) == 1


async def test_who_has_not_begun_begins_with_the_new_version(ft: Running) -> None:
    await ft.publish(by_hand("fresh", [task("call", "Call"), gap(days=2)]))
    await ft.publish(by_hand("asleep", [gap(days=2)]))
    await ft.stop_worker()
    contact = await ft.create("contact", email="fresh@example.com")
    taken = [(await ft.enroll(slug, "contact", contact))["enrollment_id"] for slug in ("fresh", "asleep")]
    # The job runs once a worker is there, together with the runs.
    longer = by_hand("fresh", [task("first", "First"), task("call", "Call"), gap(days=2)])
    for definition in (longer, by_hand("asleep", [gap("other", days=3)])):
        path = f"/workflows/{definition['slug']}"
        answer = await ft.http.put(f"/api/v1{path}", json=definition, headers={"If-Match": "*"})
        assert answer.is_success, answer.text
        await ft.call("POST", f"{path}/publish", {"in_flight": "move"})
    await ft.start_worker()
    await at_version(ft, taken[0], 2, "gap")
    found = await ft.call("GET", f"/enrollments/{taken[0]}")
    assert {step for step, _, _ in await way(ft, found)} >= {"call", "gap"}
    assert [step for step, outcome, _ in await way(ft, found) if outcome == "done"].count("call") == 1
    found = await ft.ended(taken[1])
    assert found["end_reason"] == "completed"


async def test_an_older_content_comes_back_as_a_newer_version(ft: Running) -> None:
    first = by_hand("rollback", [email("hello", "Hello"), gap(days=2), task("call", "Call")])
    one = await inside(ft, first, "rollback", "gap")
    await moved(ft, by_hand("rollback", [email("hello", "Hello"), gap("other", days=4)]))
    # The old delay is gone and nothing behind it is left.
    assert (await ft.ended(one))["end_reason"] == "completed"
    two = await inside(ft, first, "rollback-two", "gap")
    second = by_hand("rollback", [email("hello", "Hello"), gap(days=9), task("call", "Call")])
    assert (await moved(ft, second))["version"] == 4
    await at_version(ft, two, 4, "gap")
    assert (await moved(ft, first))["version"] == 5
    found = await at_version(ft, two, 5, "gap")
    assert await way(ft, found) == [("hello", "done", None), ("gap", None, None)]


def moment(written: str) -> datetime:
    """An instant as the API writes it."""
    return datetime.fromisoformat(written)
