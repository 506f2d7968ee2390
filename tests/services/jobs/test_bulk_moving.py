"""Moving everybody inside to a new version, page by page, on both databases and without a Temporal server."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import RowMapping, select, update

from domain.jobs import EnrollmentCall, EnrollmentProgress
from domain.messages import Passage, StepAnswer, StepCall, Whereabouts, WhereCall
from domain.records import Cause
from domain.splitting import spread
from services.entering.enrolling import EnrollRequest, enroll
from services.installation import Installation
from services.jobs.bulk_enrollment import enroll_page
from services.jobs.bulk_moving import request_move
from services.jobs.jobs import steer
from services.leaving.moving import move_to, skip_wait
from services.running.landing import PAST_TIME, find_whereabouts
from services.running.steps import plan_delay
from services.workflow_views import find
from store.database import Database
from store.jobs import Job
from store.tables import deliveries, effects, enrollments, visits
from tests.fixtures.clock import FixedClock
from tests.fixtures.databases import until_it_waits
from tests.fixtures.installations import assemble
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import anchored, by_hand, email, gap, task
from tests.services.jobs.test_bulk_enrollment import worked
from tests.services.jobs.test_bulk_leaving import everybody_enters
from tests.services.relaying.test_intake import Desk


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.jobs.bulk_moving.PAGE", 3)


def journey(*steps: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return by_hand("journey", list(steps), **parts)


async def ordered(desk: Desk, definition: dict[str, Any]) -> Job:
    """Publish another version and order the move to it."""
    await desk.publish(definition)
    async with desk.inst.db.transaction() as tx:
        workflow = await find(tx, definition["slug"])
        return await request_move(tx, workflow, workflow["version"], now=desk.inst.clock.now())


async def rows(desk: Desk, table: Any) -> list[RowMapping]:
    async with desk.inst.db.read() as read:
        return await read.all(select(table).order_by(*table.primary_key.columns))


async def test_who_is_entering_the_older_version_when_the_last_page_comes_is_moved_too(
    postgres_url: str, clock: FixedClock, runs: RecordingRuns, tmp_path: Path
) -> None:
    db = Database.open(postgres_url)
    inst = assemble(db, clock, runs, tmp_path)
    desk = Desk(inst)
    workflow = await desk.publish(journey(gap(days=1)))
    inside = await everybody_enters(desk, 2)
    late = await desk.create("contact", email="late@example.com")
    async with db.transaction() as tx:
        # It reads the version that is current now, and commits behind the publishing.
        await enroll(tx, EnrollRequest(workflow_id=workflow, record_id=late, cause=Cause(kind="api")), now=clock.now())
        working = asyncio.ensure_future(_published_and_moved(desk))
        await until_it_waits(db, working)
    counts = (await working).counts
    assert counts == {"moved": len(inside) + 1}
    assert {each["version"] for each in await rows(desk, enrollments)} == {2}
    await db.close()


async def _published_and_moved(desk: Desk) -> EnrollmentProgress:
    job = await ordered(desk, journey(gap(days=2)))
    return await worked(desk.inst, job)


async def asked(
    desk: Desk, enrollment: RowMapping, step: str, *, turn: int, n: int = 1, passages: tuple[Passage, ...] = ()
) -> StepAnswer:
    """What a run of this enrollment is answered that asks about a delay now."""
    call = StepCall(
        enrollment_id=enrollment["id"],
        workflow_id=enrollment["workflow_id"],
        version=enrollment["version"],
        step=step,
        n=n,
        turn=turn,
        now=desk.inst.clock.now(),
        passages=passages,
        epoch=enrollment["epoch"],
    )
    async with desk.inst.db.transaction() as tx:
        return await plan_delay(tx, desk.inst, call)


async def whereabouts(desk: Desk, enrollment: RowMapping) -> Whereabouts:
    return await find_whereabouts(desk.inst, WhereCall(enrollment_id=enrollment["id"]))


async def test_everybody_of_every_older_version_is_moved_once(desk: Desk, small_pages: None) -> None:
    await desk.publish(journey(gap(days=1), task("call", "Call")))
    await everybody_enters(desk, 4)
    await desk.publish(journey(gap(days=2), task("call", "Call")))
    async with desk.inst.db.transaction() as tx:
        await tx.run(update(enrollments).values(status="paused").where(enrollments.c.n == 1, enrollments.c.epoch == 0))
    job = await ordered(desk, journey(gap(days=3), task("call", "Call")))
    progress = await worked(desk.inst, job)
    assert (progress.status, progress.cursor, progress.total, progress.counts) == ("done", 4, 4, {"moved": 4})
    found = await desk.enrollments()
    assert {(each["version"], each["epoch"], each["status"], each["step"]) for each in found} == {
        (3, 1, "paused", "gap")
    }
    told = [row["payload"] for row in await rows(desk, deliveries) if row["kind"] == "moved"]
    assert [told["version"] for told in told] == [3] * 4
    assert {visit["outcome"] for visit in await rows(desk, visits)} == {None}


async def test_a_page_that_breaks_moves_nobody_and_one_asked_again_nobody_twice(
    desk: Desk, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.publish(journey(gap(days=1)))
    await everybody_enters(desk, 5)
    job = await ordered(desk, journey(gap(days=3)))
    moves = 0

    async def breaks(*arguments: Any, **named: Any) -> None:
        nonlocal moves
        moves += 1
        raise ConnectionResetError("the database went away")

    with monkeypatch.context() as broken:
        broken.setattr("services.jobs.bulk_moving.come_to_an_end", breaks)
        with pytest.raises(ConnectionResetError):
            await enroll_page(desk.inst, EnrollmentCall(job_id=job.id, cursor=0))
    assert {each["version"] for each in await desk.enrollments()} == {1}
    first = await enroll_page(desk.inst, EnrollmentCall(job_id=job.id, cursor=0))
    assert first == await enroll_page(desk.inst, EnrollmentCall(job_id=job.id, cursor=0))
    assert first.counts == {"moved": 3}
    await steer(desk.inst, job.id, "pause")
    assert (await enroll_page(desk.inst, first.next_call(job.id))).counts == {"moved": 3}
    await steer(desk.inst, job.id, "resume")
    assert (await worked(desk.inst, job)).counts == {"moved": 5}
    assert {each["epoch"] for each in await desk.enrollments()} == {1}


async def test_whoever_enters_by_the_older_version_while_the_job_ends_is_moved_too(desk: Desk) -> None:
    await desk.publish(journey(gap(days=1)))
    job = await ordered(desk, journey(gap(days=3)))
    await everybody_enters(desk, 1)
    async with desk.inst.db.transaction() as tx:
        await tx.run(update(enrollments).values(version=1))
    assert (await worked(desk.inst, job)).counts == {"moved": 1}


async def test_a_run_is_told_its_visit_and_its_next_question(desk: Desk) -> None:
    await desk.publish(journey(gap(days=1), task("call", "Call")))
    await everybody_enters(desk, 1)
    await worked(desk.inst, await ordered(desk, journey(gap(days=3), task("call", "Call"))))
    (found,) = await desk.enrollments()
    told = await whereabouts(desk, found)
    assert told.plan is not None
    assert (told.plan.version, told.step, told.n, told.turn, told.epoch) == (2, "gap", 1, 1, 1)
    began = (await rows(desk, visits))[0]["entered_at"]
    assert (await asked(desk, found, "gap", turn=1)).wake_at == began + timedelta(days=3)


async def test_who_is_past_the_new_length_has_a_turn_in_the_spread_once(desk: Desk, clock: FixedClock) -> None:
    await desk.publish(journey(gap(days=9), task("call", "Call")))
    await everybody_enters(desk, 1)
    clock.advance(timedelta(days=2))
    spread_out = journey(gap(days=1), task("call", "Call"), settings={"spread_minutes": 30})
    await worked(desk.inst, await ordered(desk, spread_out))
    (found,) = await desk.enrollments()
    turn = clock.now() + spread(found["id"], 30)
    assert clock.now() < turn < clock.now() + timedelta(minutes=30)
    assert (await asked(desk, found, "gap", turn=1)).wake_at == turn
    clock.advance(timedelta(seconds=1))
    assert (await asked(desk, found, "gap", turn=2)).wake_at == turn, "asked anew it keeps its turn"
    assert {visit["detail"] for visit in await rows(desk, visits) if visit["turn"] == 0} == {PAST_TIME}
    clock.advance(timedelta(minutes=30))
    assert (await asked(desk, found, "gap", turn=3)).kind == "go"


async def stands_in_a_message(desk: Desk, state: str) -> RowMapping:
    """Somebody whose message is in this state of the ledger."""
    await desk.publish(journey(email("hello", "Hello"), gap(days=1)))
    await everybody_enters(desk, 1)
    (found,) = await desk.enrollments()
    now = desk.inst.clock.now()
    mine = {"enrollment_id": found["id"], "workflow_id": found["workflow_id"], "step": "hello", "n": 1}
    visit = {**mine, "turn": 0, "version": 1, "record_id": found["record_id"], "kind": "action", "entered_at": now}
    effect = {**mine, "key": f"{found['id']}:hello:1", "channel": "email", "state": state, "attempt": 1}
    async with desk.inst.db.transaction() as tx:
        await tx.run(visits.insert().values(**visit))
        await tx.run(effects.insert().values(**effect, created_at=now, updated_at=now))
        await tx.run(update(enrollments).values(status="active", step="hello"))
    return found


@pytest.mark.parametrize(("state", "patient"), [("handed_over", True), ("retry", False)])
async def test_a_message_under_way_keeps_its_visit_and_its_key(desk: Desk, state: str, patient: bool) -> None:
    found = await stands_in_a_message(desk, state)
    await worked(desk.inst, await ordered(desk, journey(email("hello", "Hello again"), gap(days=1))))
    (told,) = [row["payload"] for row in await rows(desk, deliveries) if row["kind"] == "moved"]
    assert told["after_answer"] is patient
    at = await whereabouts(desk, found)
    assert (at.step, at.n, at.pass_over) == ("hello", 1, {})
    (effect,) = await rows(desk, effects)
    assert effect["state"] == state


async def test_a_message_that_may_have_left_is_not_sent_again_where_it_comes_later(desk: Desk) -> None:
    found = await stands_in_a_message(desk, "handed_over")
    await worked(desk.inst, await ordered(desk, journey(gap(days=1))))
    assert [(v["step"], v["outcome"], v["reason"]) for v in await rows(desk, visits)] == [
        ("hello", "left", "new_version")
    ]
    await worked(desk.inst, await ordered(desk, journey(gap(days=1), email("hello", "Hello"))))
    at = await whereabouts(desk, found)
    assert (at.step, at.n, at.pass_over) == ("gap", None, {"hello": None})


async def test_whoever_is_sent_to_a_step_does_it_and_whoever_skips_a_wait_does_not(desk: Desk) -> None:
    await desk.publish(journey(task("call", "Call"), gap(days=1)))
    await everybody_enters(desk, 1)
    (found,) = await desk.enrollments()
    now = desk.inst.clock.now()
    done = {"step": "call", "kind": "action", "outcome": "done", "left_at": now}
    stands = {"step": "gap", "kind": "delay"}
    mine = {
        "enrollment_id": found["id"], "workflow_id": found["workflow_id"], "version": 1, "n": 1, "turn": 0,
        "record_id": found["record_id"], "entered_at": now,
    }  # fmt: skip
    async with desk.inst.db.transaction() as tx:
        await tx.run(visits.insert().values(**mine, **done))
        await tx.run(visits.insert().values(**mine, **stands))
        await tx.run(update(enrollments).values(status="active", step="gap"))
    await worked(desk.inst, await ordered(desk, journey(gap(days=1), task("call", "Call"))))
    async with desk.inst.db.transaction() as tx:
        await skip_wait(tx, found["id"], now=now)
    at = await whereabouts(desk, found)
    assert (at.step, at.n, at.pass_over) == ("call", None, {"call": None})
    async with desk.inst.db.transaction() as tx:
        await move_to(tx, found["id"], "call", now=now)
    at = await whereabouts(desk, found)
    assert (at.step, at.pass_over) == ("call", {})


async def test_whoever_takes_a_goto_does_again_what_it_did_under_the_older_version(desk: Desk) -> None:
    await desk.publish(journey(task("call", "Call"), gap(days=1)))
    await everybody_enters(desk, 1)
    (found,) = await desk.enrollments()
    now = desk.inst.clock.now()
    mine = {
        "enrollment_id": found["id"], "workflow_id": found["workflow_id"], "version": 1, "n": 1, "turn": 0,
        "record_id": found["record_id"], "entered_at": now,
    }  # fmt: skip
    async with desk.inst.db.transaction() as tx:
        await tx.run(visits.insert().values(**mine, step="call", kind="action", outcome="done", left_at=now))
        await tx.run(visits.insert().values(**mine, step="gap", kind="delay"))
        await tx.run(update(enrollments).values(status="active", step="gap"))
    again = {"id": "again", "kind": "goto", "to": "gap", "max_visits": 3}
    await worked(desk.inst, await ordered(desk, journey(gap(days=1), task("call", "Call"), again)))
    assert (await whereabouts(desk, found)).pass_over == {"call": None}
    (moved,) = await desk.enrollments()
    passed = (
        Passage(step="call", n=2, outcome="skipped", reason="already_done", at=now),
        Passage(step="again", n=1, at=now),
    )
    assert (await asked(desk, moved, "gap", turn=0, n=2, passages=passed)).kind == "wait"
    assert (await whereabouts(desk, found)).pass_over == {}


def dated(*steps: dict[str, Any], **anchor: Any) -> dict[str, Any]:
    """A workflow about a date."""
    kind = "specific_date" if "date" in anchor else "date_property"
    return journey(*steps, type=kind, anchor={"time": "09:00", **anchor}, settings={"timezone": "UTC"})


async def test_an_anchored_delay_that_is_past_after_the_move_is_skipped(desk: Desk, clock: FixedClock) -> None:
    day = (clock.now() + timedelta(days=5)).date().isoformat()
    await desk.publish(dated(anchored("gap", "10:00", days=-1), task("call", "Call"), date=day))
    await everybody_enters(desk, 1)
    earlier = dated(anchored("gap", "10:00", days=-9), task("call", "Call"), date=day)
    await worked(desk.inst, await ordered(desk, earlier))
    (found,) = await desk.enrollments()
    answer = await asked(desk, found, "gap", turn=1)
    assert (answer.outcome, answer.reason) == ("skipped", "skipped_past")


async def test_a_yearly_round_goes_on_in_the_new_version(desk: Desk, clock: FixedClock) -> None:
    yearly = {"property": "birthday", "yearly": True}
    await desk.publish(dated(anchored("gap", "10:00", days=-1), task("call", "Call"), **yearly))
    birthday = (clock.now() + timedelta(days=20)).date().replace(year=1990).isoformat()
    await everybody_enters(desk, 1, birthday=birthday)
    renamed = dated(anchored("before", "10:00", days=-2), task("card", "Card"), **yearly)
    assert (await worked(desk.inst, await ordered(desk, renamed))).counts == {"moved": 1}
    (found,) = await desk.enrollments()
    assert (found["status"], found["step"], found["round"]) == ("active", "before", 1)
    due = clock.now() + timedelta(days=18)
    wake_at = (await asked(desk, found, "before", turn=0)).wake_at
    assert wake_at is not None
    assert wake_at.date() == due.date()
