"""What becomes of a delay that counts from a date, judged without a Temporal server; the runs are in ``tests/runs``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from domain.errors import Invalid
from domain.leaving import Departure
from domain.messages import EndCall, StepAnswer, StepCall
from services.authoring.live import change_live
from services.authoring.pausing import pause_enrollment, pause_workflow, resume_enrollment, resume_workflow
from services.installation import Installation
from services.leaving.moving import depart, move_to, skip_wait
from services.running.steps import finish_enrollment, plan_delay
from store.locks import lock_enrollments
from store.tables import enrollments, visits
from tests.fixtures.clock import FixedClock
from tests.runs.definitions import anchored, by_hand, task
from tests.services.desk import Desk


class Traveller:
    """Somebody inside one dated workflow, at whatever instant a test likes."""

    def __init__(self, desk: Desk, clock: FixedClock) -> None:
        self.desk = desk
        self.clock = clock
        self.now = clock.now()
        self.id = self.record = self.workflow = ""
        self.n = 1
        self.turns: dict[tuple[str, int], int] = {}

    def be_at(self, at: str) -> None:
        """Let it be an instant, for whoever enters or changes something."""
        self.now = self.clock.set(datetime.fromisoformat(f"{at}Z"))

    async def enter(self, anchor: dict[str, Any], *steps: dict[str, Any], **properties: Any) -> None:
        """Enter a workflow of these steps, as of ``now``."""
        kind = "date_property" if "property" in anchor else "specific_date"
        self.workflow = await self.desk.publish(by_hand("dated", list(steps), type=kind, anchor=anchor))
        self.record = await self.desk.create("contact", external_id="a", **properties)
        await self.desk.enroll(self.workflow, self.record)
        (row,) = await self.desk.enrollments()
        self.id = row["id"]
        async with self.desk.inst.db.transaction() as tx:
            # The entry planned a first delay; a test asks for it itself, when it likes.
            await tx.run(visits.delete())

    async def ask(self, step: str, at: str) -> StepAnswer:
        """Ask about a delay at an instant, as its run would."""
        self.be_at(at)
        turn = self.turns.get((step, self.n), 0)
        call = StepCall(
            enrollment_id=self.id, workflow_id=self.workflow, version=1, step=step, n=self.n, turn=turn, now=self.now,
            epoch=(await self.row())["epoch"],
        )  # fmt: skip
        async with self.desk.inst.db.transaction() as tx:
            answer = await plan_delay(tx, self.desk.inst, call)
        self.turns[step, self.n] = turn + 1
        return answer

    async def end(self) -> StepAnswer:
        """Come to the end of the list."""
        call = EndCall(enrollment_id=self.id, now=self.now, epoch=(await self.row())["epoch"])
        async with self.desk.inst.db.transaction() as tx:
            return await finish_enrollment(tx, self.desk.inst, call)

    async def row(self) -> Any:
        async with self.desk.inst.db.read() as read:
            return await read.one(select(enrollments))

    async def sleeps_until(self, step: str, at: str, until: str | None) -> None:
        answer = await self.ask(step, at)
        assert (answer.kind, answer.wake_at) == ("wait", datetime.fromisoformat(f"{until}Z") if until else None)


DONE, PAST = ("go", "done", None), ("go", "skipped", "past")


def told(answer: StepAnswer) -> tuple[str, str, str | None]:
    return answer.kind, answer.outcome, answer.edge


@pytest.fixture
def one(installation: Installation, clock: FixedClock) -> Traveller:
    clock.set(datetime.fromisoformat("2026-05-10T12:00:00Z"))
    return Traveller(Desk(installation), clock)


WEBINAR = {"date": "2026-06-10", "time": "18:00"}
YEARLY = {"property": "birthday", "yearly": True, "time": "09:00"}
BEFORE, AFTER = anchored("before", days=-150), anchored("on")


async def test_a_planned_instant_that_was_slept_through_is_late_and_not_past(one: Traveller) -> None:
    await one.enter(WEBINAR, anchored("t_1", "09:00", days=-1), task("call", "Call"))
    await one.sleeps_until("t_1", "2026-06-01T12:00", "2026-06-09T09:00")
    assert told(await one.ask("t_1", "2026-06-12T12:00")) == DONE


async def test_a_date_that_moved_into_the_past_before_its_planned_instant_is_past(one: Traveller) -> None:
    await one.enter({"property": "birthday", "time": "18:00"}, anchored("t"), task("a", "A"), birthday="2026-06-10")
    await one.sleeps_until("t", "2026-06-01T12:00", "2026-06-10T18:00")
    await one.desk.patch(one.record, birthday="2026-05-20")
    assert told(await one.ask("t", "2026-06-02T12:00")) == PAST
    (visit,) = [row for row in await rows(one) if row["turn"] == 0]
    assert (visit["outcome"], visit["reason"], visit["edge"]) == ("skipped", "skipped_past", "past")


async def rows(one: Traveller) -> list[Any]:
    async with one.desk.inst.db.read() as read:
        return list(await read.all(select(visits)))


async def test_two_delays_to_the_same_instant_are_both_done(one: Traveller) -> None:
    steps = [anchored("a", "09:00", days=-1), task("x", "X"), anchored("b", "09:00", days=-1), task("y", "Y"),
             anchored("c", "08:00", days=-1), task("z", "Z")]  # fmt: skip
    await one.enter(WEBINAR, *steps)
    await one.sleeps_until("a", "2026-06-01T12:00", "2026-06-09T09:00")
    assert told(await one.ask("a", "2026-06-09T09:00:01")) == DONE
    assert told(await one.ask("b", "2026-06-09T09:00:02")) == DONE
    # Before both of them, and yet behind the entry.
    assert told(await one.ask("c", "2026-06-09T09:00:03")) == DONE


async def test_what_came_due_since_the_entry_is_done_late(one: Traveller) -> None:
    await one.enter(WEBINAR, anchored("a", "09:00"), task("x", "X"), anchored("b", "09:30"), task("y", "Y"))
    assert told(await one.ask("a", "2026-06-11T09:00")) == DONE
    assert told(await one.ask("b", "2026-06-11T09:00")) == DONE


async def test_of_two_delays_that_are_past_for_a_late_entrant_none_makes_up_for_the_other(one: Traveller) -> None:
    one.be_at("2026-06-10T12:00")
    await one.enter(WEBINAR, anchored("a", "09:00"), task("x", "X"), anchored("b", "09:30"), task("y", "Y"))
    assert told(await one.ask("a", "2026-06-11T09:00")) == PAST
    assert told(await one.ask("b", "2026-06-11T09:00")) == PAST


async def test_a_date_that_moved_while_nobody_could_ask_is_past_up_to_the_moment_it_moved(one: Traveller) -> None:
    both = [anchored("a", "09:00"), task("x", "X"), anchored("b", "15:00"), task("y", "Y")]
    await one.enter({"property": "birthday"}, *both, birthday="2026-06-20")
    await one.sleeps_until("a", "2026-05-10T12:01", "2026-06-20T09:00")
    one.be_at("2026-06-10T12:00")
    await one.desk.patch(one.record, birthday="2026-06-10")
    one.be_at("2026-06-10T12:30")
    await one.desk.patch(one.record, city="Oslo")
    assert told(await one.ask("a", "2026-06-11T12:00")) == PAST
    assert told(await one.ask("b", "2026-06-11T12:00:01")) == DONE


async def test_a_zone_that_moves_an_instant_into_the_past_passes_by_it(one: Traveller) -> None:
    steps = [anchored("a", "09:00"), task("x", "X"), anchored("b", "21:00"), task("y", "Y")]
    await one.enter(WEBINAR, *steps)
    await one.sleeps_until("a", "2026-05-10T12:01", "2026-06-10T09:00")
    one.be_at("2026-06-10T03:00")
    async with one.desk.inst.db.transaction() as tx:
        cause = (await one.desk.write(tx)).cause
        await change_live(tx, one.desk.inst, "dated", {"timezone": "Asia/Tokyo"}, cause=cause, now=one.now)
    assert told(await one.ask("a", "2026-06-11T03:00")) == PAST
    assert told(await one.ask("b", "2026-06-11T03:00:01")) == DONE


async def test_a_round_that_began_late_passes_by_what_was_due_before(one: Traveller) -> None:
    both = [anchored("a", days=-30), task("x", "X"), anchored("b"), task("y", "Y")]
    await one.enter(YEARLY, *both, birthday="1996-06-20")
    for step in ("a", "b"):
        assert told(await one.ask(step, "2027-06-01T12:00")) == DONE
    assert (await one.end()).kind == "moved"
    one.n = 2
    assert told(await one.ask("a", "2027-06-01T12:01")) == PAST
    await one.sleeps_until("b", "2027-06-01T12:02", "2027-06-20T09:00")


async def test_a_value_that_comes_and_goes_and_comes_again(one: Traveller) -> None:
    await one.enter({"property": "birthday", "time": "18:00"}, anchored("t") | {"if_missing": "exit"}, task("a", "A"))
    await one.sleeps_until("t", "2026-06-01T12:00", None)
    await one.desk.patch(one.record, birthday="2026-06-10")
    await one.sleeps_until("t", "2026-06-02T12:00", "2026-06-10T18:00")
    await one.desk.patch(one.record, birthday=None)
    await one.sleeps_until("t", "2026-06-11T12:00", None)
    # Its first instant passed while there was none: nobody slept until then.
    await one.desk.patch(one.record, birthday="2026-06-10")
    assert told(await one.ask("t", "2026-06-12T12:00")) == PAST


@pytest.mark.parametrize("whole", [False, True], ids=["enrollment", "workflow"])
@pytest.mark.parametrize(
    ("paused", "resumed", "expected"),
    [
        ("2026-06-01T12:00", "2026-06-09T10:01", PAST),
        ("2026-06-01T12:00", "2026-06-09T10:00", DONE),
        # The instant came before the pause, while the workers were down.
        ("2026-06-09T09:01", "2026-06-20T12:00", DONE),
        # It came behind the pause.
        ("2026-06-01T12:00", "2026-06-08T12:00", DONE),
    ],
)
async def test_what_came_during_a_pause_is_past_an_hour_later(
    one: Traveller, whole: bool, paused: str, resumed: str, expected: tuple[str, str, str | None]
) -> None:
    await one.enter(WEBINAR, anchored("t_1", "09:00", days=-1), task("call", "Call"))
    await one.sleeps_until("t_1", "2026-06-01T12:00", "2026-06-09T09:00")
    for at, turn in ((paused, pause), (resumed, resume)):
        one.be_at(at)
        await turn(one, whole)
    # Workers are down on: that makes nothing past.
    assert told(await one.ask("t_1", "2026-06-25T12:00")) == expected


async def pause(one: Traveller, whole: bool) -> None:
    async with one.desk.inst.db.transaction() as tx:
        if whole:
            await pause_workflow(tx, one.desk.inst, "dated", now=one.now)
        else:
            await pause_enrollment(tx, one.id, now=one.now)


async def resume(one: Traveller, whole: bool) -> None:
    async with one.desk.inst.db.transaction() as tx:
        if whole:
            await resume_workflow(tx, one.desk.inst, "dated", now=one.now)
        else:
            await resume_enrollment(tx, one.id, now=one.now)


async def test_the_first_round_is_about_the_first_date_from_the_day_of_entry_on(one: Traveller) -> None:
    await one.enter(YEARLY, BEFORE, task("gift", "Gift"), AFTER, task("wish", "Wish"), birthday="1996-02-28")
    row = await one.row()
    assert (row["round"], row["round_since"]) == (1, "2026-05-10")
    await one.sleeps_until("before", "2026-05-10T12:00", "2026-10-01T09:00")


async def test_what_was_done_for_a_years_date_is_not_done_for_it_again(one: Traveller) -> None:
    await one.enter(YEARLY, BEFORE, task("gift", "Gift"), AFTER, task("wish", "Wish"), birthday="1996-02-28")
    await one.sleeps_until("before", "2026-05-10T12:00", "2026-10-01T09:00")
    assert told(await one.ask("before", "2026-10-01T09:00")) == DONE
    assert (await one.row())["round_since"] == "2027-01-01"
    await one.sleeps_until("on", "2026-10-01T09:01", "2027-02-28T09:00")
    await one.desk.patch(one.record, birthday="1996-06-10")
    await one.sleeps_until("on", "2026-11-01T12:00", "2027-06-10T09:00")
    assert told(await one.ask("on", "2027-06-10T09:00")) == DONE
    moved = await one.end()
    assert (moved.kind, moved.step, moved.reason, moved.detail, moved.epoch) == (
        "moved",
        "before",
        "next_round",
        "2",
        1,
    )
    row = await one.row()
    assert (row["round"], row["round_since"], row["status"]) == (2, "2028-01-01", "active")
    one.n = 2
    await one.sleeps_until("before", "2027-06-10T09:01", "2028-01-12T09:00")


async def in_the_first_delay(one: Traveller) -> None:
    """Sleep until a week before a birthday in June."""
    week = anchored("week", days=-7)
    await one.enter(YEARLY, week, task("gift", "Gift"), AFTER, task("wish", "Wish"), birthday="1996-06-10")
    await one.sleeps_until("week", "2026-05-10T12:00", "2026-06-03T09:00")


@pytest.mark.parametrize("by", ["skip", "move"])
async def test_a_delay_left_by_hand_keeps_the_year_as_well(one: Traveller, by: str) -> None:
    await in_the_first_delay(one)
    async with one.desk.inst.db.transaction() as tx:
        if by == "skip":
            await skip_wait(tx, one.id, now=one.now)
        else:
            await move_to(tx, one.id, "gift", now=one.now)
    assert (await one.row())["round_since"] == "2026-01-01"
    await one.sleeps_until("on", "2026-05-10T12:01", "2026-06-10T09:00")
    # A corrected date that is past is that of this year all the same, so that the next round is about the next one.
    await one.desk.patch(one.record, birthday="1996-05-09")
    assert told(await one.ask("on", "2026-05-11T12:00")) == PAST
    assert (await one.end()).kind == "moved"
    one.n = 2
    await one.sleeps_until("week", "2026-05-11T12:01", "2027-05-02T09:00")


async def test_a_goal_that_leads_on_keeps_the_year_as_well(one: Traveller) -> None:
    await in_the_first_delay(one)
    reached = Departure(reason="goal", detail="g", go_to="gift")
    async with one.desk.inst.db.transaction() as tx:
        await depart(tx, (await lock_enrollments(tx, [one.id]))[one.id], reached, now=one.now)
    assert (await one.row())["round_since"] == "2026-01-01"


async def test_as_long_as_nothing_was_done_a_corrected_date_may_come_this_year(one: Traveller) -> None:
    await one.enter(YEARLY, BEFORE, task("gift", "Gift"), AFTER, task("wish", "Wish"), birthday="1996-02-28")
    await one.sleeps_until("before", "2026-05-10T12:00", "2026-10-01T09:00")
    await one.desk.patch(one.record, birthday="1996-12-24")
    await one.sleeps_until("before", "2026-05-11T12:00", "2026-07-27T09:00")


async def test_a_round_that_is_all_past_leads_to_the_next_year(one: Traveller) -> None:
    await one.enter(YEARLY, AFTER, task("wish", "Wish"), birthday="1996-05-10")
    assert told(await one.ask("on", "2026-05-10T12:00")) == PAST
    assert (await one.end()).kind == "moved"
    assert (await one.row())["round_since"] == "2027-01-01"


async def test_a_last_delay_begins_the_next_round_itself(one: Traveller) -> None:
    await one.enter(YEARLY, AFTER, birthday="1996-05-20")
    await one.sleeps_until("on", "2026-05-10T12:00", "2026-05-20T09:00")
    answer = await one.ask("on", "2026-05-20T09:00")
    assert (answer.kind, answer.step, answer.epoch) == ("moved", "on", 1)
    assert (await one.row())["round"] == 2


async def test_a_cleared_time_of_the_anchor_stays_cleared(one: Traveller) -> None:
    await one.enter(WEBINAR, anchored("t", "09:00"), task("call", "Call"))
    for changed in ({"anchor": {"time": None}}, {"anchor": {"date": "2026-06-12"}}):
        async with one.desk.inst.db.transaction() as tx:
            cause = (await one.desk.write(tx)).cause
            made = await change_live(tx, one.desk.inst, "dated", changed, cause=cause, now=one.now)  # type: ignore[arg-type]
        assert made.anchor.time is None
    await one.sleeps_until("t", "2026-06-01T12:00", "2026-06-12T09:00")


async def test_a_time_that_a_step_counts_from_cannot_be_cleared(one: Traveller) -> None:
    await one.enter(WEBINAR, anchored("t_1h", hours=-1), task("call", "Call"))
    with pytest.raises(Invalid) as refused:
        async with one.desk.inst.db.transaction() as tx:
            cause = (await one.desk.write(tx)).cause
            await change_live(tx, one.desk.inst, "dated", {"anchor": {"time": None}}, cause=cause, now=one.now)
    assert [(error.path, error.code) for error in refused.value.errors] == [("/anchor/time", "missing_field")]
