"""Scheduled workflows on both databases: each occurrence once, whatever happens to the workflow around it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.errors import Conflict, Invalid, NotFound, PreconditionFailed
from domain.jobs import PAGE, EnrollmentCall
from domain.occurrences import OccurrenceAhead, OccurrenceAnswer, OccurrenceCall
from services.authoring.pausing import pause_workflow, resume_workflow
from services.authoring.turning_off import turn_off_due
from services.authoring.workflows import delete_workflow, publish, save_draft, turn_off, turn_on
from services.installation import Installation
from services.jobs.bulk_enrollment import enroll_page
from services.jobs.jobs import begin_waiting
from services.records.associating import Link
from services.recurring.occurrences import deal_with, look_ahead, occurrence_ahead, open_occurrence, run_missed
from services.recurring.recurring import recur_in_another_zone, tell_recurrences
from services.relaying.sweeping import sweep_due
from services.telling.explaining import Asked, explain
from services.versions import forget_contents
from services.workflow_views import find
from store.jobs import update_job
from store.occurrences import KnownOccurrence, list_occurrences
from store.schema import update_account
from store.tables import entry_decisions, interests, jobs, recurrences, sweeps, versions
from store.workflows import get_workflow
from tests.fixtures.clock import START, FixedClock
from tests.fixtures.databases import until_it_waits
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, engaging, gap
from tests.services.desk import Desk

NORWAY = {"property": "country", "op": "is", "value": "NO"}
THURSDAYS = {"every": "week", "weekdays": ["thu"], "at": "09:00", "timezone": "Europe/Oslo"}
FIRST = datetime(2027, 3, 4, 8, 0, tzinfo=UTC)
"""The first Thursday at nine in Oslo after ``START``."""
WEEK = timedelta(weeks=1)
UNANSWERABLE = {
    "event": "form.submitted",
    "where": {"event_property": "starts_at", "op": "within_next", "value": {"days": 3}},
    "within": {"days": 30},
}
"""Nobody says which properties of events are times, so no database can compare them with now."""


def weekly(schedule: dict[str, Any] = THURSDAYS, *triggers: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A scheduled workflow that Norwegians enter again and again."""
    found = list(triggers) or [{"id": "t1", "on": "filter", "where": NORWAY}]
    entry = {
        "triggers": found, "re_entry": {"allowed": True, "triggers": [t["id"] for t in found]}, **parts.pop("entry", {})
    }  # fmt: skip
    return by_hand("weekly", [gap(days=1)], type="scheduled", schedule=schedule, entry=entry, **parts)


class Planner(Desk):
    """Somebody who runs a scheduled workflow, and the clock that brings its occurrences."""

    def __init__(self, inst: Installation, clock: FixedClock) -> None:
        super().__init__(inst)
        self.clock = clock
        self.workflow_id = ""

    async def put(self, definition: dict[str, Any]) -> None:
        """Publish a version."""
        self.workflow_id = await self.publish(definition)

    async def ahead(self) -> OccurrenceAhead:
        """What the run is told."""
        return await look_ahead(self.inst, self.workflow_id)

    async def call(self) -> OccurrenceCall:
        """What the run asks for once its timer fired."""
        ahead = await self.ahead()
        assert ahead.at is not None
        return OccurrenceCall(workflow_id=self.workflow_id, local=ahead.local, at=ahead.at)

    async def happen(self, *, late: timedelta = timedelta()) -> OccurrenceAnswer:
        """Let the next occurrence come and have it opened, at once or late, with everybody let in."""
        call = await self.call()
        self.clock.set(max(call.at + late, self.clock.now()))
        answer = await open_occurrence(self.inst, call)
        if answer.job_id is not None:
            await self.work_through(answer.job_id)
        return answer

    async def work_through(self, job_id: str) -> dict[str, int]:
        """Do what the run of a job does; what became of everybody."""
        progress = await enroll_page(self.inst, EnrollmentCall(job_id=job_id))
        while not progress.is_over:
            progress = await enroll_page(self.inst, progress.next_call(job_id))
        return progress.counts

    async def known(self) -> list[tuple[str, str, str | None]]:
        """Every occurrence dealt with, oldest first."""
        return [(each.local, each.state, each.reason) for each in await self.rows()]

    async def rows(self) -> list[KnownOccurrence]:
        async with self.inst.db.read() as read:
            return (await list_occurrences(read, self.workflow_id, limit=100))[::-1]

    async def turn(self, how: Any) -> None:
        """Turn off, on, pause or resume."""
        async with self.inst.db.transaction() as tx:
            await how(tx, self.inst, "weekly", now=self.clock.now())

    async def run_missed(self, local: str) -> tuple[str | None, str]:
        """Run a missed one by hand: its job, and the state it has then."""
        async with self.inst.db.transaction() as tx:
            known, job = await run_missed(tx, self.inst, "weekly", local, now=self.clock.now())
            return job.id if job else None, known.state


@pytest.fixture
def desk(installation: Installation, clock: FixedClock) -> Planner:
    return Planner(installation, clock)


async def test_whoever_matches_enters_once_each_time_and_again_the_next(desk: Planner) -> None:
    ana = await desk.create("contact", email="ana@example.com", country="NO")
    await desk.create("contact", email="bo@example.com", country="SE")
    await desk.put(weekly())
    await desk.work_off()
    assert await desk.enrollments() == [], "publishing lets nobody in"

    assert (await desk.happen()).state == "opened"
    assert [e["record_id"] for e in await desk.enrollments()] == [ana]
    cai = await desk.create("contact", email="cai@example.com", country="NO")
    await desk.work_off()
    assert len(await desk.enrollments()) == 1, "a change lets nobody in"

    await desk.end_all()
    assert (await desk.happen()).state == "opened"
    assert [e["record_id"] for e in await desk.enrollments()] == [ana, ana, cai]
    assert await desk.known() == [("2027-03-04T09:00", "opened", None), ("2027-03-11T09:00", "opened", None)]
    async with desk.inst.db.read() as read:
        causes = await read.all(select(entry_decisions.c.cause_kind, entry_decisions.c.trigger).distinct())
    assert [tuple(row.values()) for row in causes] == [("schedule", "t1")]


async def test_without_re_entry_nobody_enters_twice(desk: Planner) -> None:
    await desk.create("contact", email="ana@example.com", country="NO")
    await desk.put(weekly(entry={"re_entry": {"allowed": False}}))
    await desk.happen()
    await desk.end_all()
    await desk.happen()
    assert await desk.decisions() == {"enrolled": 1, "re_entry_off": 1}


async def test_who_is_still_inside_is_passed_over(desk: Planner) -> None:
    await desk.create("contact", email="ana@example.com", country="NO")
    await desk.put(weekly())
    await desk.happen()
    await desk.happen()
    assert await desk.decisions() == {"enrolled": 1, "absorbed_update": 1}


async def test_a_filter_on_another_object_binds_its_record(desk: Planner) -> None:
    await desk.put(weekly(THURSDAYS, engaging()))
    contact = await desk.create("contact", email="ana@example.com")
    deals = [
        await desk.create("opportunity", (Link(object="contact", id=contact),), name="Deal", stage=stage)
        for stage in ("Engaging", "Engaging", "Lost")
    ]
    await desk.work_off()
    await desk.happen()
    entered = await desk.enrollments()
    assert [(e["record_id"], e["bound_id"]) for e in entered] == [(contact, deal) for deal in deals[:2]]


async def test_time_lets_nobody_in_between_but_goals_and_exits_stay(desk: Planner) -> None:
    quiet = {"property": "last_touched_at", "op": "more_than_ago", "value": {"days": 3}}
    leave = {"goals": [{"id": "g1", "where": {"property": "city", "op": "is", "value": "Oslo"}}], "when": quiet}
    await desk.put(weekly(THURSDAYS, {"id": "t1", "on": "filter", "where": quiet}, exit=leave))
    async with desk.inst.db.read() as read:
        found = await read.all(select(interests.c.key, interests.c.trigger))
    keys = {(row["key"], row["trigger"]) for row in found}
    assert {trigger for _, trigger in keys} == {None}
    async with desk.inst.db.read() as read:
        begun = [row["name"] for row in await read.all(select(sweeps.c.name))]
    assert [name.split(":")[0] for name in begun] == ["leaving"]
    assert {("contact.city", None), ("contact.last_touched_at", None), ("time", None)} <= keys
    await desk.create("contact", email="ana@example.com", last_touched_at="2027-02-28T09:00:00Z")
    desk.clock.advance(timedelta(days=2))
    await sweep_due(desk.inst)
    desk.clock.advance(timedelta(minutes=2))
    await sweep_due(desk.inst)
    assert await desk.enrollments() == []


async def test_an_explanation_says_when_who_matches_enters(desk: Planner) -> None:
    ana = await desk.create("contact", email="ana@example.com", country="NO")
    await desk.put(weekly())
    async with desk.inst.db.read() as read:
        asked = Asked(record_id=ana, bound_id=None, limit=1)
        told = await explain(read, await find(read, "weekly"), asked, now=desk.clock.now())
    (trigger,) = told.case.triggers
    assert trigger.says == "it holds now; it lets in when the schedule happens next, if it holds then"


async def test_an_occurrence_that_two_open_at_once_is_one(desk: Planner) -> None:
    await desk.create("contact", email="ana@example.com", country="NO")
    await desk.put(weekly())
    call = await desk.call()
    desk.clock.set(call.at)
    answers = await asyncio.gather(*(open_occurrence(desk.inst, call) for _ in range(5)))
    assert len({answer.job_id for answer in answers} - {None}) == 1
    assert (await open_occurrence(desk.inst, call)).state is None
    async with desk.inst.db.read() as read:
        assert len(await read.all(select(jobs))) == 1
    assert await desk.known() == [("2027-03-04T09:00", "opened", None)]


async def test_whoever_opens_the_same_one_waits_for_the_first(desk: Planner) -> None:
    await desk.put(weekly())
    call = await desk.call()
    desk.clock.set(call.at)
    async with desk.inst.db.transaction() as tx:
        workflow = await get_workflow(tx, desk.workflow_id)
        assert workflow is not None
        found = await occurrence_ahead(tx, workflow)
        assert found is not None
        assert await deal_with(tx, desk.inst, workflow, found, now=call.at) is not None
        second = asyncio.ensure_future(open_occurrence(desk.inst, call))
        await until_it_waits(desk.inst.db, second)
        assert not second.done()
    assert (await second).job_id in {None, (await desk.rows())[0].job_id}
    async with desk.inst.db.read() as read:
        assert len(await read.all(select(jobs))) == 1


@pytest.mark.parametrize(
    ("late", "state"), [(timedelta(hours=1), "opened"), (timedelta(hours=1, microseconds=1), "missed")]
)
async def test_later_than_an_hour_is_missed(desk: Planner, late: timedelta, state: str) -> None:
    await desk.put(weekly())
    assert (await desk.happen(late=late)).state == state
    assert (await desk.ahead()).at == FIRST + WEEK


async def test_each_one_that_nobody_could_open_is_shown(desk: Planner) -> None:
    await desk.put(weekly())
    desk.clock.set(FIRST + 2 * WEEK + timedelta(hours=2))
    assert [(await desk.happen()).reason for _ in range(3)] == ["late"] * 3
    assert await desk.known() == [(f"2027-03-{day}T09:00", "missed", "late") for day in ("04", "11", "18")]
    assert (await desk.ahead()).at == FIRST + 3 * WEEK


async def test_a_missed_one_is_run_by_hand_once(desk: Planner) -> None:
    ana = await desk.create("contact", email="ana@example.com", country="NO")
    await desk.put(weekly())
    await desk.happen(late=timedelta(hours=3))
    assert await desk.enrollments() == []
    answers = await asyncio.gather(*(desk.run_missed("2027-03-04T09:00") for _ in range(4)))
    assert len(set(answers)) == 1
    (job, state) = answers[0]
    assert (state, await desk.work_through(job or "")) == ("opened", {"enrolled": 1})
    assert [e["record_id"] for e in await desk.enrollments()] == [ana]
    (row,) = await desk.rows()
    assert (row.state, row.reason, row.job_id, row.opened_at) == ("opened", "late", job, desk.clock.now())
    with pytest.raises(NotFound):
        await desk.run_missed("2027-03-11T09:00")


@pytest.mark.parametrize("how", [turn_off, pause_workflow])
async def test_where_nobody_may_enter_none_is_run_by_hand(desk: Planner, how: Any) -> None:
    await desk.put(weekly())
    await desk.happen(late=timedelta(hours=3))
    await desk.turn(how)
    with pytest.raises(Conflict):
        await desk.run_missed("2027-03-04T09:00")
    assert (await desk.rows())[0].state == "missed"


async def test_while_off_nothing_happens_and_on_again_it_goes_on(desk: Planner) -> None:
    await desk.put(weekly())
    await desk.happen()
    await desk.turn(turn_off)
    assert (await desk.ahead()).at is None
    desk.clock.advance(2 * WEEK)
    await desk.turn(turn_on)
    assert (await desk.ahead()).at == FIRST + 3 * WEEK
    await desk.turn(turn_on)
    await desk.happen()
    assert await desk.known() == [("2027-03-04T09:00", "opened", None), ("2027-03-25T09:00", "opened", None)]


async def test_while_paused_it_is_missed_and_resumed_it_goes_on(desk: Planner) -> None:
    await desk.create("contact", email="ana@example.com", country="NO")
    await desk.put(weekly())
    await desk.turn(pause_workflow)
    assert (await desk.happen()).reason == "paused"
    await desk.turn(resume_workflow)
    assert (await desk.happen()).state == "opened"
    assert await desk.decisions() == {"enrolled": 1}
    assert await desk.known() == [("2027-03-04T09:00", "missed", "paused"), ("2027-03-11T09:00", "opened", None)]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [([], [turn_off], "turned_off"), ([], [pause_workflow], "paused"), ([pause_workflow], [resume_workflow], "paused")],
)
async def test_what_was_not_opened_yet_counts_by_how_things_stood_when_it_came(
    desk: Planner, before: list[Any], after: list[Any], reason: str
) -> None:
    await desk.put(weekly())
    for how in before:
        await desk.turn(how)
    call = await desk.call()
    desk.clock.set(FIRST + timedelta(seconds=1))
    for how in after:
        await desk.turn(how)
    assert await desk.known() == [("2027-03-04T09:00", "missed", reason)]
    assert (await open_occurrence(desk.inst, call)).state is None
    assert len(await desk.rows()) == 1


async def test_another_schedule_counts_from_its_publishing_and_what_was_due_is_opened(desk: Planner) -> None:
    await desk.put(weekly())
    stale = await desk.call()
    desk.clock.set(FIRST + timedelta(seconds=1))
    await desk.put(weekly({**THURSDAYS, "at": "11:00"}))
    assert await desk.known() == [("2027-03-04T09:00", "opened", None)], "due by the schedule that held until now"
    assert (await open_occurrence(desk.inst, stale)).state is None
    assert (await desk.ahead()).at == FIRST + timedelta(hours=2)
    assert (await desk.happen()).state == "opened"
    async with desk.inst.db.read() as read:
        assert len(await read.all(select(jobs))) == 2


async def test_a_timer_of_an_older_schedule_opens_nothing(desk: Planner) -> None:
    await desk.put(weekly())
    stale = await desk.call()
    await desk.put(weekly({**THURSDAYS, "weekdays": ["fri"]}))
    desk.clock.set(stale.at)
    assert (await open_occurrence(desk.inst, stale)).state is None
    assert await desk.known() == []
    assert (await desk.ahead()).local == "2027-03-05T09:00"


async def test_publishing_the_same_schedule_leaves_out_nothing(desk: Planner) -> None:
    await desk.put(weekly())
    desk.clock.set(FIRST + timedelta(minutes=5))
    await desk.put(weekly(name="Another name"))
    assert (await desk.happen()).state == "opened"
    assert await desk.known() == [("2027-03-04T09:00", "opened", None)]


async def test_the_same_time_of_a_day_is_not_repeated_by_another_zone(desk: Planner) -> None:
    await desk.put(weekly())
    await desk.happen()
    await desk.put(weekly({**THURSDAYS, "timezone": "America/New_York"}))
    assert (await desk.ahead()).local == "2027-03-11T09:00"


async def test_without_a_zone_of_its_own_it_follows_the_account_s(desk: Planner) -> None:
    await desk.put(weekly({"every": "day", "at": "09:00"}))
    first = (await desk.ahead()).at
    async with desk.inst.db.transaction() as tx:
        await recur_in_another_zone(tx, desk.inst, now=desk.clock.now())
        await update_account(tx, timezone="America/New_York")
    second = await desk.ahead()
    assert (first, second.at) == (START + timedelta(days=1), START + timedelta(hours=5))
    assert second.schedule == "Every day 09:00 · America/New_York"


async def test_a_time_to_turn_off_ends_the_schedule(desk: Planner) -> None:
    await desk.put(weekly(settings={"turn_off_at": "2027-03-11T09:00:00+01:00"}))
    assert (await desk.happen()).state == "opened"
    assert (await desk.happen()).state is None, "from that very instant on nobody enters"
    await turn_off_due(desk.inst)
    assert (await desk.ahead()).at is None
    assert await desk.known() == [("2027-03-04T09:00", "opened", None)]


async def test_what_came_before_the_time_to_turn_off_and_was_not_opened_is_missed(desk: Planner) -> None:
    await desk.put(weekly(settings={"turn_off_at": "2027-03-04T09:00:01+01:00"}))
    desk.clock.set(FIRST + timedelta(seconds=2))
    await turn_off_due(desk.inst)
    assert await desk.known() == [("2027-03-04T09:00", "missed", "turned_off")]


async def test_a_trigger_that_cannot_be_asked_any_more_is_told_and_does_not_stop_the_schedule(desk: Planner) -> None:
    await desk.put(weekly())
    async with desk.inst.db.transaction() as tx:
        stored = await tx.scalar(select(versions.c.definition))
        stored["entry"]["triggers"][0]["where"] = UNANSWERABLE
        await tx.run(update(versions).values(definition=stored))
    forget_contents()
    assert (await desk.happen()).reason == "not_possible"
    (row,) = await desk.rows()
    assert (row.job_id, row.detail) == (
        None, "trigger t1 cannot be asked of existing records: no schema says which properties of events are times"
    )  # fmt: skip
    with pytest.raises(Invalid):
        await desk.run_missed(row.local)
    assert (await desk.rows())[0].state == "missed"
    assert (await desk.ahead()).at == FIRST + WEEK


async def _end_job(desk: Planner, job_id: str, status: str) -> None:
    async with desk.inst.db.transaction() as tx:
        await update_job(tx, job_id, now=desk.clock.now(), status=status, finished_at=desk.clock.now())


@pytest.mark.parametrize("status", ["failed", "cancelled"])
async def test_who_had_entered_as_its_job_came_to_nothing_enters_no_second_time(desk: Planner, status: str) -> None:
    people = [await desk.create("contact", email=f"c{n}@example.com", country="NO") for n in range(PAGE + 2)]
    await desk.put(weekly())
    call = await desk.call()
    desk.clock.set(call.at)
    first = (await open_occurrence(desk.inst, call)).job_id
    assert first is not None
    await enroll_page(desk.inst, EnrollmentCall(job_id=first))
    await _end_job(desk, first, status)
    await desk.end_all()

    second, state = await desk.run_missed(call.local)
    assert (second != first, state) == (True, "opened")
    assert await desk.run_missed(call.local) == (second, "opened"), "one that is at work is not replaced"
    assert second is not None
    assert await desk.work_through(second) == {"enrolled": 2}
    assert sorted(e["record_id"] for e in await desk.enrollments()) == sorted(people)
    assert (await desk.run_missed(call.local))[0] == second, "one that is done is not repeated"

    await _end_job(desk, second, status)
    await desk.end_all()
    third, _ = await desk.run_missed(call.local)
    assert third is not None
    assert await desk.work_through(third) == {}, "nor who entered by any of those before"


async def test_two_who_run_it_again_at_once_make_one_job(desk: Planner) -> None:
    await desk.put(weekly())
    first = (await desk.happen()).job_id
    assert first is not None
    await _end_job(desk, first, "failed")
    local = (await desk.rows())[0].local
    found = await asyncio.gather(*(desk.run_missed(local) for _ in range(3)))
    assert len(set(found)) == 1
    assert found[0][0] != first


async def test_a_job_that_begins_hours_late_lets_in_nobody_and_the_occurrence_is_missed(desk: Planner) -> None:
    await desk.create("contact", email="ana@example.com", country="NO")
    await desk.put(weekly())
    call = await desk.call()
    desk.clock.set(call.at)
    late = (await open_occurrence(desk.inst, call)).job_id
    assert late is not None
    desk.clock.advance(timedelta(hours=2))
    assert (await enroll_page(desk.inst, EnrollmentCall(job_id=late))).status == "failed"
    assert (await desk.enrollments(), await desk.known()) == ([], [("2027-03-04T09:00", "missed", "late")])
    by_hand, _ = await desk.run_missed(call.local)
    assert by_hand is not None
    desk.clock.advance(timedelta(hours=2))
    assert await desk.work_through(by_hand) == {"enrolled": 1}, "who runs it by hand wants it run"


async def test_a_job_that_began_in_time_may_take_hours(desk: Planner) -> None:
    for n in range(PAGE + 1):
        await desk.create("contact", email=f"c{n}@example.com", country="NO")
    await desk.put(weekly())
    call = await desk.call()
    desk.clock.set(call.at + timedelta(minutes=59))
    job_id = (await open_occurrence(desk.inst, call)).job_id
    assert job_id is not None
    await enroll_page(desk.inst, EnrollmentCall(job_id=job_id))
    desk.clock.advance(timedelta(hours=2))
    assert await desk.work_through(job_id) == {"enrolled": PAGE + 1}


async def test_what_no_database_can_answer_is_refused_at_publishing(desk: Planner) -> None:
    definition = weekly(THURSDAYS, {"id": "t1", "on": "filter", "where": UNANSWERABLE})
    with pytest.raises(Invalid) as refused:
        await desk.put(definition)
    assert [(e.path, e.code) for e in refused.value.errors] == [("/entry/triggers/0/where", "not_available")]


async def test_the_run_is_told_of_everything_and_made_sure_of(desk: Planner, runs: RecordingRuns) -> None:
    await desk.put(weekly())
    assert runs.recurrences == [], "nothing before the commit, and not by the caller"
    runs.down = True
    assert await tell_recurrences(desk.inst) == 0
    runs.down = False
    assert await tell_recurrences(desk.inst) == 1
    assert await tell_recurrences(desk.inst) == 0
    for how in (pause_workflow, resume_workflow):
        await desk.turn(how)
        assert await tell_recurrences(desk.inst) == 1
    assert runs.recurrences == [("weekly", True)] * 3
    desk.clock.advance(timedelta(minutes=10))
    assert await tell_recurrences(desk.inst) == 1
    assert runs.recurrences[3:] == [("weekly", False)]
    await desk.turn(turn_off)
    assert await tell_recurrences(desk.inst) == 1
    assert [(run, name) for run, name, _ in runs.signals] == [(f"recurrence:{desk.workflow_id}", "changed")]
    desk.clock.advance(WEEK)
    assert await tell_recurrences(desk.inst) == 0


async def test_what_is_told_of_meanwhile_is_not_lost(desk: Planner, runs: RecordingRuns) -> None:
    await desk.put(weekly())
    telling = runs.start_recurrence

    async def slow(workflow_id: str, slug: str, *, changed: bool) -> None:
        await telling(workflow_id, slug, changed=changed)
        runs.start_recurrence = telling  # type: ignore[method-assign]
        await desk.turn(pause_workflow)

    runs.start_recurrence = slow  # type: ignore[method-assign]
    await tell_recurrences(desk.inst)
    assert await tell_recurrences(desk.inst) == 1


async def test_a_deleted_workflow_happens_no_more(desk: Planner, runs: RecordingRuns) -> None:
    await desk.put(weekly())
    await tell_recurrences(desk.inst)
    async with desk.inst.db.transaction() as tx:
        await delete_workflow(tx, "weekly", if_match="*", now=desk.clock.now())
    assert (await desk.ahead()).at is None
    assert await tell_recurrences(desk.inst) == 1
    assert len(runs.signals) == 1


async def test_other_types_have_no_recurrence(desk: Planner) -> None:
    await desk.publish(by_hand("weekly", [gap(days=1)]))
    for how in (pause_workflow, resume_workflow, turn_off, turn_on):
        await desk.turn(how)
    async with desk.inst.db.read() as read:
        assert await read.all(select(recurrences)) == []


async def test_a_job_whose_worker_died_before_starting_it_is_begun_by_a_relay(
    desk: Planner, runs: RecordingRuns
) -> None:
    await desk.put(weekly())
    call = await desk.call()
    desk.clock.set(call.at)
    runs.down = True
    answer = await open_occurrence(desk.inst, call)
    runs.down = False
    assert runs.jobs == []
    desk.clock.advance(timedelta(seconds=11))
    assert await begin_waiting(desk.inst) == 1
    assert runs.jobs == [answer.job_id]


async def test_whatever_is_done_to_it_at_once_nothing_waits_for_each_other(desk: Planner) -> None:
    await desk.create("contact", email="ana@example.com", country="NO")
    await desk.put(weekly())

    async def published(at: str) -> None:
        with suppress(Conflict, PreconditionFailed):  # Of two that publish at once one is told so.
            async with desk.inst.db.transaction() as tx:
                definition = weekly({**THURSDAYS, "at": at})
                await save_draft(tx, desk.inst, "weekly", definition, if_match="*", now=desk.clock.now())
            async with desk.inst.db.transaction() as tx:
                await publish(tx, desk.inst, "weekly", now=desk.clock.now())

    async def moved(zone: str) -> None:
        async with desk.inst.db.transaction() as tx:
            await recur_in_another_zone(tx, desk.inst, now=desk.clock.now())
            await update_account(tx, timezone=zone)

    for n in range(12):
        call = await desk.call()
        desk.clock.set(max(call.at, desk.clock.now()))
        await asyncio.gather(
            published("09:30"), desk.turn(turn_off), open_occurrence(desk.inst, call), desk.turn(pause_workflow),
            moved("Europe/Oslo" if n % 2 else "America/New_York"), desk.turn(resume_workflow), published("10:00"),
            desk.turn(turn_on), open_occurrence(desk.inst, call), tell_recurrences(desk.inst),
        )  # fmt: skip
        await desk.turn(resume_workflow)
        await desk.turn(turn_on)
    rows = await desk.rows()
    assert len({row.local for row in rows}) == len(rows)
    async with desk.inst.db.read() as read:
        known = {row["id"] for row in await read.all(select(jobs.c.id))}
    assert known == {row.job_id for row in rows if row.job_id is not None}
