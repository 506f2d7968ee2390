"""Whom the passing of time concerns: who enters and who leaves though nobody changes anything."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text

import services.relaying.sweeping
import services.relaying.timed_entries
import services.relaying.timed_exits
from domain.jobs import EnrollmentCall
from domain.records import Cause
from services.authoring.workflows import publish, turn_off, turn_on
from services.entering.enrolling import Decided, EnrollRequest, enroll
from services.installation import Installation
from services.intake.events import Happened, Whose, send_event
from services.jobs.bulk_enrollment import enroll_page, request_existing
from services.records.associating import Link
from services.relaying.sweeping import sweep_due
from store.sweep_failures import list_failures
from store.sweeps import failing_sweeps
from store.tables import enrollments, sweeps
from tests.fixtures.clock import FixedClock
from tests.fixtures.databases import until_it_waits
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk

STEPS = [gap(days=90), gap("later", days=90)]
TOUCHED = "2027-03-01T09:00:00Z"
"""The instant the clock begins at."""
QUIET = {"property": "last_touched_at", "op": "more_than_ago", "value": {"days": 3}}
RECENT = {"property": "last_touched_at", "op": "within_last", "value": {"days": 3}}
CLOSING = {"property": "close_date", "op": "within_next", "value": {"days": 7}}
ASKED = {"event": "form.submitted", "scope": "ever"}


class Waiter(Desk):
    """A desk where time passes."""

    async def passes(self, **length: float) -> None:
        """Let time pass, and everything be done that follows from it."""
        clock = self.inst.clock
        assert isinstance(clock, FixedClock)
        clock.advance(timedelta(**length))
        await self.sweep()

    async def sweep(self) -> None:
        while await sweep_due(self.inst):
            pass
        await self.work_off()

    async def send(self, record_id: str, name: str = "form.submitted", **carried: Any) -> str:
        async with self.inst.db.transaction() as tx:
            happened = Happened(name=name, properties=carried)
            return (
                await send_event(tx, await self.write(tx), Whose(object="contact", id=record_id), happened)
            ).event.id

    async def entered(self) -> list[tuple[str, str | None, str]]:
        """Record, bound record and cause of every enrollment, oldest first."""
        return [(e["record_id"], e["bound_id"], e["cause_kind"]) for e in await self.enrollments()]

    async def contacts(self, count: int, **properties: Any) -> list[str]:
        """New contacts, looked at as their creation asks for."""
        made = [await self.create("contact", external_id=f"c{n}", **properties) for n in range(count)]
        await self.work_off()
        return made

    async def deal(self, contact: str, name: str, **properties: Any) -> str:
        made = await self.create("opportunity", (Link(object="contact", id=contact),), name=name, **properties)
        await self.work_off()
        return made


@pytest.fixture
def desk(installation: Installation) -> Waiter:
    return Waiter(installation)


def filtered(where: dict[str, Any], *, entry: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A workflow with one filter trigger."""
    trigger = {"id": "t1", "on": "filter", "where": where, **more}
    return by_hand("waiting", STEPS, entry={"triggers": [trigger], **(entry or {})})


# -- entering

BY_TIME = [
    QUIET,
    {"all": [QUIET, {"property": "city", "op": "is", "value": "Oslo"}]},
    {"property": "last_touched_at", "op": "before", "value": {"now": {"days": -3}}},
    {"property": "birthday", "op": "within_next", "value": {"days": 7}},
    {"property": "birthday", "op": "on", "value": {"now": {"days": 7}}},
    {"property": "birthday", "op": "is", "value": {"now": {"days": 7}}},
    {"property": "birthday", "op": "before", "value": {"now": {"days": 8}}},
    {"not": {"property": "birthday", "op": "after", "value": {"now": {"days": 7}}}},
    {"not": RECENT},
    {**CLOSING, "of": {"object": "opportunity"}},
    {"related": {"object": "opportunity"}, "where": {"all": [CLOSING, {"property": "stage", "op": "known"}]}},
    {"related": {"object": "opportunity", "match": "none"}, "where": {"not": CLOSING}},
    {"not": {**ASKED, "within": {"days": 3}}},
    {**ASKED, "within": {"days": 3}, "count": {"at_most": 0}},
    {**ASKED, "where": {"event_property": "due", "op": "within_next", "value": {"days": 7}}},
    {**ASKED, "where": {"event_property": "start", "op": "before", "value": {"now": {"days": 7}}}},
]


@pytest.mark.parametrize("where", BY_TIME, ids=range(len(BY_TIME)))
async def test_a_trigger_fires_when_it_comes_true_by_time_once(desk: Waiter, where: dict[str, Any]) -> None:
    contact = await desk.create("contact", external_id="a", city="Oslo", last_touched_at=TOUCHED, birthday="2027-03-11")
    await desk.deal(contact, "Deal", stage="Engaging", close_date="2027-03-11")
    await desk.send(contact, due="2027-03-11", start="2027-03-11T10:00:00+02:00")
    await desk.work_off()
    await desk.publish(filtered(where))
    await desk.passes(days=2)
    assert await desk.entered() == []
    await desk.passes(days=1, minutes=30)
    assert await desk.entered() == [(contact, None, "schedule")]
    (row,) = await desk.decision_rows()
    assert (row["decision"], row["trigger"], row["cause_kind"]) == ("enrolled", "t1", "schedule")
    assert row["seen"]
    for _ in range(3):
        await desk.passes(minutes=1)
    assert await desk.decisions() == {"enrolled": 1}


async def test_what_a_trigger_binds_enters_with_every_contact_of_it(
    desk: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.relaying.sweeping, "PAGE", 2)
    await desk.publish(filtered(CLOSING, object="opportunity"))
    contacts = await desk.contacts(5)
    links = tuple(Link(object="contact", id=each) for each in contacts)
    deal = await desk.create("opportunity", links, name="Deal", close_date="2027-03-10")
    await desk.deal(contacts[0], "Later", close_date="2027-05-10")
    await desk.passes(days=3)
    assert sorted(await desk.entered()) == sorted((each, deal, "schedule") for each in contacts)


async def test_who_matches_already_when_it_is_published_or_turned_on_stays_out(desk: Waiter, clock: FixedClock) -> None:
    _, second, third = await desk.contacts(3, last_touched_at=TOUCHED)
    await desk.patch(second, last_touched_at="2027-03-05T09:00:00Z")
    await desk.patch(third, last_touched_at="2027-03-10T09:00:00Z")
    await desk.work_off()
    await desk.passes(days=4)
    await desk.publish(filtered(QUIET))
    await desk.passes(minutes=5)
    async with desk.inst.db.transaction() as tx:
        await turn_off(tx, desk.inst, "waiting", now=clock.now())
    await desk.passes(days=5)
    async with desk.inst.db.transaction() as tx:
        await turn_on(tx, desk.inst, "waiting", now=clock.now())
    await desk.passes(minutes=5)
    assert await desk.entered() == []
    await desk.passes(days=5)
    assert await desk.entered() == [(third, None, "schedule")]


@pytest.mark.parametrize("by", ["turn_on", "publish"])
async def test_two_who_turn_it_on_at_once_both_do(desk: Waiter, clock: FixedClock, by: str) -> None:
    await desk.publish(filtered(QUIET))
    await desk.contacts(1, last_touched_at=TOUCHED)
    async with desk.inst.db.transaction() as tx:
        await turn_off(tx, desk.inst, "waiting", now=clock.now())

    async def second() -> None:
        async with desk.inst.db.transaction() as tx:
            await turn_on(tx, desk.inst, "waiting", now=clock.now())

    async with desk.inst.db.transaction() as tx:
        if by == "turn_on":
            await turn_on(tx, desk.inst, "waiting", now=clock.now())
        else:
            await publish(tx, desk.inst, "waiting", now=clock.now())
        other = asyncio.create_task(second())
        await until_it_waits(desk.inst.db, other)
    await other
    await desk.passes(days=4)
    assert await desk.decisions() == {"enrolled": 1}


@pytest.mark.parametrize(("days", "entered"), [(3, 1), (4, 0)])
async def test_publishing_again_loses_nobody_whose_trigger_stayed_the_same(
    desk: Waiter, clock: FixedClock, days: int, entered: int
) -> None:
    await desk.publish(filtered(QUIET))
    await desk.contacts(1, last_touched_at=TOUCHED)
    await desk.passes(days=2)
    clock.advance(timedelta(days=2, hours=1))
    changed = filtered({**QUIET, "value": {"days": days}})
    await desk.publish({**changed, "name": "Another name"})
    await desk.passes(minutes=1)
    assert len(await desk.entered()) == entered


async def test_a_relay_that_was_away_looks_at_the_whole_time_once(desk: Waiter) -> None:
    await desk.publish(filtered(QUIET))
    await desk.contacts(3, last_touched_at=TOUCHED)
    await desk.passes(days=10)
    assert await desk.decisions() == {"enrolled": 3}
    await desk.passes(days=10)
    assert await desk.decisions() == {"enrolled": 3}


async def test_nothing_is_asked_again_within_the_minute(desk: Waiter) -> None:
    await desk.publish(filtered(QUIET))
    await desk.passes(minutes=1)
    with counting() as sent:
        await desk.passes(seconds=59)
    assert not [statement for statement in sent if "FROM records" in statement]


async def test_several_relays_let_everybody_in_once(desk: Waiter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.relaying.sweeping, "PAGE", 2)
    await desk.publish(filtered(QUIET))
    made = await desk.contacts(7, last_touched_at=TOUCHED)
    clock = desk.inst.clock
    assert isinstance(clock, FixedClock)
    clock.advance(timedelta(days=4))

    async def relay() -> None:
        while await sweep_due(desk.inst):
            await asyncio.sleep(0)

    await asyncio.gather(*(relay() for _ in range(3)))
    await desk.passes(minutes=1)
    assert await desk.decisions() == {"enrolled": 7}
    assert {record for record, _, _ in await desk.entered()} == set(made)


async def test_what_one_relay_asks_no_other_asks_meanwhile(desk: Waiter, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.publish(filtered(QUIET))
    await desk.contacts(1, last_touched_at=TOUCHED)
    clock = desk.inst.clock
    assert isinstance(clock, FixedClock)
    clock.advance(timedelta(days=4))
    real, asked, go_on, asking = services.relaying.timed_entries.TriggerTurns.find, 0, asyncio.Event(), asyncio.Event()

    async def slow(*args: Any, **more: Any) -> str | None:
        nonlocal asked
        asked += 1
        asking.set()
        if asked == 1:
            await go_on.wait()
        return await real(*args, **more)

    monkeypatch.setattr(services.relaying.timed_entries.TriggerTurns, "find", slow)
    first = asyncio.create_task(sweep_due(desk.inst))
    await asking.wait()
    assert not await sweep_due(desk.inst)
    clock.advance(timedelta(seconds=59))
    assert not await sweep_due(desk.inst)
    assert asked == 1
    # One that is not heard of any more is not waited for.
    clock.advance(timedelta(seconds=1))
    await sweep_due(desk.inst)
    assert asked == 2
    go_on.set()
    await first
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1}


class Killed(BaseException):
    """What ends a process."""


async def test_a_crash_in_the_middle_loses_nobody_and_doubles_nobody(
    desk: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.relaying.sweeping, "PAGE", 2)
    entry = {"re_entry": {"allowed": True, "triggers": ["t1"]}, "while_active": "again"}
    await desk.publish(filtered(QUIET, entry=entry))
    made = await desk.contacts(7, last_touched_at=TOUCHED)
    left = 4

    async def dying(tx: Any, request: EnrollRequest, *, now: Any) -> Decided:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return await enroll(tx, request, now=now)

    with monkeypatch.context() as patched:
        patched.setattr(services.relaying.timed_entries, "enroll", dying)
        with pytest.raises(Killed):
            await desk.passes(days=4)
    assert {record for record, _, _ in await desk.entered()} == set(made[:4])
    await desk.patch(made[5], last_touched_at="2027-03-05T08:00:00Z")
    await desk.work_off()
    await desk.passes(hours=1)
    assert await desk.decisions() == {"enrolled": 6}
    assert {record for record, _, _ in await desk.entered()} == set(made) - {made[5]}


async def test_who_a_change_let_in_a_moment_ago_is_not_let_in_again_by_time(desk: Waiter, clock: FixedClock) -> None:
    entry = {"re_entry": {"allowed": True, "triggers": ["t1"]}, "while_active": "again"}
    await desk.publish(filtered({"all": [QUIET, {"property": "city", "op": "is", "value": "Oslo"}]}, entry=entry))
    (contact,) = await desk.contacts(1, last_touched_at=TOUCHED)
    await desk.passes(days=3, seconds=-10)
    clock.advance(timedelta(seconds=20))
    await desk.patch(contact, city="Oslo")
    await desk.work_off()
    await desk.passes(minutes=1)
    assert await desk.decisions() == {"enrolled": 1}


@pytest.mark.parametrize("before", [5, -5])
@pytest.mark.parametrize("binds", [False, True])
async def test_who_time_let_in_is_not_let_in_again_by_a_change_it_saw(
    desk: Waiter, clock: FixedClock, before: int, binds: bool
) -> None:
    entry = {"re_entry": {"allowed": True, "triggers": ["t1"]}, "while_active": "again"}
    where = {**CLOSING, "value": {"days": 1}} if binds else QUIET
    named = {"property": "name" if binds else "city", "op": "is", "value": "Oslo"}
    about = {"object": "opportunity"} if binds else {}
    await desk.publish(filtered({"all": [where, named]}, entry=entry, **about))
    (contact,) = await desk.contacts(1, last_touched_at=TOUCHED)
    deal = await desk.deal(contact, "Deal", close_date="2027-03-05") if binds else None
    # Midnight begins the day before the deal closes.
    await desk.passes(days=3, hours=-9 if binds else 0, seconds=-70)
    clock.advance(timedelta(seconds=70 - before))
    await desk.patch(deal or contact, **{named["property"]: "Oslo"})
    clock.advance(timedelta(seconds=before + 10))
    await desk.sweep()
    assert await desk.decisions() == {"enrolled": 1}
    await desk.end_all()
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1}
    unlike, again = ("Bergen", "Oslo")
    for value in (unlike, again):
        await desk.patch(deal or contact, **{named["property"]: value})
        await desk.work_off()
    assert await desk.decisions() == {"enrolled": 2}, "what comes behind it counts as ever"


async def test_who_publishing_took_in_a_moment_ago_is_not_let_in_again_by_time(desk: Waiter, clock: FixedClock) -> None:
    entry = {"re_entry": {"allowed": True, "triggers": ["t1"]}, "while_active": "again"}
    await desk.publish(filtered(QUIET, entry=entry))
    await desk.contacts(1, last_touched_at=TOUCHED)
    await desk.passes(days=3, seconds=-10)
    clock.advance(timedelta(seconds=20))
    await desk.publish({**filtered(QUIET, entry=entry), "name": "Anew"})
    async with desk.inst.db.transaction() as tx:
        job = await request_existing(tx, desk.inst, "waiting", 2, now=clock.now())
    await enroll_page(desk.inst, EnrollmentCall(job_id=job.id))
    assert await desk.decisions() == {"enrolled": 1}
    await desk.passes(minutes=1)
    assert await desk.decisions() == {"enrolled": 1}


async def test_who_was_enrolled_by_hand_a_moment_ago_is_told_when_the_trigger_fires(
    desk: Waiter, clock: FixedClock
) -> None:
    """As with a trigger that a change sets off: an entry by hand is none of the trigger's."""
    workflow = await desk.publish(filtered(QUIET))
    (contact,) = await desk.contacts(1, last_touched_at=TOUCHED)
    await desk.passes(days=3, seconds=-10)
    clock.advance(timedelta(seconds=5))
    await desk.enroll(workflow, contact)
    await desk.passes(minutes=1)
    assert await desk.decisions() == {"enrolled": 1, "absorbed_update": 1}


@pytest.mark.parametrize("inside", [False, True])
async def test_who_does_not_match_costs_no_query(desk: Waiter, inside: bool) -> None:
    parts = {"exit": {"when": QUIET}} if inside else {"entry": filtered(QUIET)["entry"]}
    workflow = await desk.publish(by_hand("waiting", STEPS, **parts))
    first, *others = await desk.contacts(21, last_touched_at=TOUCHED)
    enrolled = [await desk.enroll(workflow, each) for each in [first] if inside]
    await desk.passes(minutes=1)
    with counting() as few:
        await desk.passes(minutes=1)
    enrolled += [await desk.enroll(workflow, each) for each in others if inside]
    await desk.work_off()
    with counting() as many:
        await desk.passes(minutes=1)
    assert len(many) == len(few)
    assert set(enrolled) <= {"enrolled"}


@contextmanager
def counting() -> Iterator[list[str]]:
    """The statements sent to any database meanwhile."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


# -- leaving

LEAVING = [
    ({"exit": {"goals": [{"id": "g1", "where": QUIET}]}}, ("goal", "g1")),
    ({"exit": {"when": QUIET}}, ("exit_condition", None)),
    ({"entry": {"suppress": QUIET}}, ("suppressed", None)),
    ({"exit": {"when": QUIET, "goals": [{"id": "g1", "where": {"not": RECENT}}]}}, ("goal", "g1")),
    ({"exit": {"when": {**CLOSING, "of": {"object": "opportunity"}}}}, ("exit_condition", None)),
    ({"exit": {"when": {"not": {**ASKED, "within": {"days": 3}}}}}, ("exit_condition", None)),
]


@pytest.mark.parametrize(("parts", "end"), LEAVING, ids=range(len(LEAVING)))
async def test_a_reason_to_leave_that_comes_true_by_time_acts(
    desk: Waiter, parts: dict[str, Any], end: tuple[str, str | None]
) -> None:
    workflow = await desk.publish(by_hand("waiting", STEPS, **parts))
    contact, other = await desk.contacts(2, last_touched_at=TOUCHED)
    await desk.deal(contact, "Deal", close_date="2027-03-11")
    await desk.send(contact)
    await desk.work_off()
    async with desk.inst.db.transaction() as tx:
        request = EnrollRequest(workflow_id=workflow, record_id=contact, cause=Cause(kind="api"), change_seq=1)
        assert (await enroll(tx, request, now=desk.inst.clock.now())).decision == "enrolled"
    await desk.patch(other, last_touched_at=None)
    await desk.work_off()
    await desk.passes(days=2)
    assert await desk.ends() == []
    await desk.passes(days=1, minutes=30)
    assert await desk.ends() == [end]
    (row,) = await desk.enrollments()
    assert row["end_seen"]


@pytest.mark.parametrize(("begins", "each"), [(0, {"days": 4}), (3, {"minutes": 1})])
async def test_a_goal_that_comes_true_by_time_leads_on_once(desk: Waiter, begins: int, each: dict[str, float]) -> None:
    goal = {"id": "g1", "where": QUIET, "go_to": "later"}
    workflow = await desk.publish(by_hand("waiting", STEPS, exit={"goals": [goal]}))
    (contact,) = await desk.contacts(1, last_touched_at=TOUCHED)
    await desk.passes(days=begins)
    await desk.enroll(workflow, contact)
    for _ in range(6):
        await desk.passes(**each)
    (row,) = await desk.enrollments()
    assert (row["step"], row["epoch"], row["end_reason"]) == ("later", 1, None)


@pytest.mark.parametrize("binds", [False, True])
async def test_who_stops_matching_by_time_leaves(desk: Waiter, binds: bool) -> None:
    where = {**CLOSING, "value": {"days": 30}} if binds else RECENT
    definition = filtered(where, **({"object": "opportunity"} if binds else {}))
    definition["exit"] = {"when_entry_no_longer_holds": True}
    workflow = await desk.publish(definition)
    contact, by_hand_ = await desk.contacts(2)
    await desk.enroll(workflow, by_hand_)
    if binds:
        first = await desk.deal(contact, "Soon", close_date="2027-03-04")
        await desk.deal(contact, "Late", close_date="2027-03-25")
    else:
        first = None
        await desk.patch(contact, last_touched_at=TOUCHED)
        await desk.work_off()
    inside = len(await desk.enrollments())
    await desk.passes(days=2)
    assert (inside, await desk.ends()) == (3 if binds else 2, [])
    await desk.passes(days=2)
    assert await desk.ends() == [("no_longer_matches", "t1")]
    assert [e["bound_id"] for e in await desk.enrollments() if e["end_reason"]] == [first]


async def test_what_is_bound_stands_in_for_all_there_are(desk: Waiter) -> None:
    trigger = {"id": "t1", "on": "created", "object": "opportunity"}
    exit_ = {"when": {**CLOSING, "of": {"object": "opportunity"}}}
    await desk.publish(by_hand("waiting", STEPS, entry={"triggers": [trigger]}, exit=exit_))
    (contact,) = await desk.contacts(1)
    await desk.deal(contact, "Already", close_date="2027-03-07")
    soon = await desk.deal(contact, "Soon", close_date="2027-03-10")
    await desk.deal(contact, "Late", close_date="2027-06-10")
    await desk.passes(days=3)
    assert {e["bound_id"] for e in await desk.enrollments() if e["end_reason"]} == {soon}


@pytest.mark.parametrize("value", [{"parameter": "city"}, {"entry_event": "city"}])
async def test_what_differs_from_enrollment_to_enrollment_counts(desk: Waiter, value: dict[str, str]) -> None:
    where = {"all": [QUIET, {"property": "city", "op": "is", "value": value}]}
    parameters = [{"name": "city", "type": "string"}]
    workflow = await desk.publish(by_hand("waiting", STEPS, parameters=parameters, exit={"when": where}))
    made = await desk.contacts(2, last_touched_at=TOUCHED, city="Oslo")
    for contact, city in zip(made, ("Oslo", "Bergen"), strict=True):
        sent = await desk.send(contact, city=city)
        request = EnrollRequest(
            workflow_id=workflow, record_id=contact, cause=Cause(kind="api"), parameters={"city": city}, event_id=sent
        )
        async with desk.inst.db.transaction() as tx:
            assert (await enroll(tx, request, now=desk.inst.clock.now())).decision == "enrolled"
    await desk.passes(days=4)
    assert {e["record_id"]: e["end_reason"] for e in await desk.enrollments()} == {
        made[0]: "exit_condition", made[1]: None
    }  # fmt: skip


async def test_who_entered_behind_the_last_sweep_leaves_too(desk: Waiter, clock: FixedClock) -> None:
    recently_or_long_ago = {"any": [QUIET, {**RECENT, "value": {"seconds": 10}}]}
    workflow = await desk.publish(by_hand("waiting", STEPS, exit={"when": recently_or_long_ago}))
    (contact,) = await desk.contacts(1, last_touched_at="2027-03-01T09:00:00Z")
    clock.advance(timedelta(seconds=30))
    assert await desk.enroll(workflow, contact) == "enrolled"
    await desk.passes(days=4)
    assert await desk.ends() == [("exit_condition", None)]


@pytest.mark.parametrize("binds", [False, True])
async def test_who_was_still_entering_as_the_sweep_looked_leaves_too(
    desk: Waiter, clock: FixedClock, binds: bool
) -> None:
    contact, other = await desk.contacts(2, last_touched_at=TOUCHED)
    await desk.patch(other, last_touched_at=None)
    bound = await desk.deal(contact, "Deal", close_date="2027-03-03") if binds else None
    definition = filtered(CLOSING, object="opportunity") if binds else by_hand("waiting", STEPS)
    exit_ = {"when_entry_no_longer_holds": True} if binds else {"when": QUIET}
    workflow = await desk.publish({**definition, "exit": exit_})
    await desk.enroll(workflow, other)
    turns = timedelta(days=3, hours=-9 if binds else 0)
    await desk.passes(seconds=(turns - timedelta(seconds=70)).total_seconds())
    clock.advance(timedelta(seconds=60))
    started = clock.now()
    await desk.passes(seconds=20)
    async with desk.inst.db.transaction() as tx:
        request = EnrollRequest(
            workflow_id=workflow, record_id=contact, bound_id=bound, trigger="t1" if binds else None,
            cause=Cause(kind="api"),
        )  # fmt: skip
        assert (await enroll(tx, request, now=started)).decision == "enrolled"
    await desk.passes(minutes=1)
    ended = [e["end_reason"] for e in await desk.enrollments() if e["started_at"] == started]
    assert ended == ["no_longer_matches" if binds else "exit_condition"]


async def test_a_crash_in_the_middle_of_leaving_goes_on_where_it_was(
    desk: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.relaying.sweeping, "PAGE", 2)
    workflow = await desk.publish(by_hand("waiting", STEPS, exit={"when": QUIET}))
    for contact in await desk.contacts(5, last_touched_at=TOUCHED):
        await desk.enroll(workflow, contact)
    real, left = services.relaying.timed_exits.depart, 3

    async def dying(*args: Any, **more: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return await real(*args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(services.relaying.timed_exits, "depart", dying)
        with pytest.raises(Killed):
            await desk.passes(days=4)
    assert await desk.ends() == [("exit_condition", None)] * 2
    await desk.passes(minutes=1)
    assert await desk.ends() == [("exit_condition", None)] * 5
    async with desk.inst.db.read() as read:
        ended = await read.all(select(enrollments.c.end_reason))
        under_way = await read.all(select(sweeps).where(sweeps.c.until.is_not(None)))
    assert (Counter(row["end_reason"] for row in ended), under_way) == ({"exit_condition": 5}, [])


async def test_a_question_that_raises_is_kept_and_keeps_nothing_else_from_going_on(
    desk: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.publish(filtered(QUIET))
    workflow = await desk.publish(by_hand("inside", STEPS, exit={"when": QUIET}))
    (contact,) = await desk.contacts(1, last_touched_at=TOUCHED)
    await desk.enroll(workflow, contact)

    async def broken(*_: Any, **__: Any) -> Any:
        raise ValueError("broken")

    with monkeypatch.context() as patched:
        patched.setattr(services.relaying.timed_entries.TriggerTurns, "find", broken)
        await desk.passes(days=4)
    assert await desk.ends() == [("exit_condition", None)]
    async with desk.inst.db.read() as read:
        (failing,) = await failing_sweeps(read)
    assert failing.startswith("trigger:")
    await desk.passes(minutes=1)
    assert len(await desk.enrollments()) == 2
    async with desk.inst.db.read() as read:
        assert await failing_sweeps(read) == []


async def test_however_many_sweeps_fail_nobody_asks_without_end(desk: Waiter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.relaying.sweeping, "AT_ONCE", 2)
    triggers = [{"id": f"t{n}", "on": "filter", "where": {**QUIET, "value": {"days": n}}} for n in range(1, 6)]
    await desk.publish(by_hand("waiting", STEPS, entry={"triggers": triggers}))
    await desk.contacts(1, last_touched_at=TOUCHED)
    real, asked = services.relaying.timed_entries.TriggerTurns.find, list[str]()

    async def broken(turns: Any, *_: Any, **__: Any) -> Any:
        asked.append(turns.name)
        raise ValueError("broken")

    monkeypatch.setattr(services.relaying.timed_entries.TriggerTurns, "find", broken)
    clock = desk.inst.clock
    assert isinstance(clock, FixedClock)
    clock.advance(timedelta(days=2, minutes=1))
    rounds = 1
    while rounds < 10 and await sweep_due(desk.inst):
        rounds += 1
    assert (rounds, len(asked)) == (3, 5)
    for minutes, count in ((1, 10), (1, 10), (1, 15), (3, 15), (1, 20), (600, 25), (60, 30)):
        await desk.passes(minutes=minutes)
        assert len(asked) == count
    monkeypatch.setattr(services.relaying.timed_entries.TriggerTurns, "find", real)
    await desk.passes(hours=1)
    assert len(await desk.entered()) == 1
    async with desk.inst.db.read() as read:
        assert await failing_sweeps(read) == []
        assert {row["tries"] for row in await read.all(select(sweeps.c.tries))} == {0}


# -- stepping past whoever cannot be decided about


async def _set_aside(desk: Waiter) -> list[tuple[str, str, int]]:
    async with desk.inst.db.read() as read:
        return [(each.item, each.error, each.tries) for each in await list_failures(read, limit=10)]


def _poisoned(real: Any, poison: set[str]) -> Any:
    """The function, except that it raises where a transaction can be spoilt when it is about any of these records."""

    async def broken(tx: Any, about: Any, *args: Any, **more: Any) -> Any:
        if about.record_id in poison:
            await tx.run(text("INSERT INTO sweeps (name) VALUES (NULL)"))
        return await real(tx, about, *args, **more)

    return broken


@pytest.mark.parametrize("inside", [False, True])
async def test_whom_nothing_can_be_decided_about_holds_nobody_up(
    desk: Waiter, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    parts = {"exit": {"when": QUIET}} if inside else {"entry": filtered(QUIET)["entry"]}
    workflow = await desk.publish(by_hand("waiting", STEPS, **parts))
    made = await desk.contacts(3, last_touched_at=TOUCHED)
    for contact in made if inside else ():
        await desk.enroll(workflow, contact)
    module, name = (services.relaying.timed_exits, "depart") if inside else (services.relaying.timed_entries, "enroll")

    async def done() -> set[str]:
        return {e["record_id"] for e in await desk.enrollments() if not inside or e["end_reason"]}

    poison = {made[0]}
    monkeypatch.setattr(module, name, _poisoned(getattr(module, name), poison))
    await desk.passes(days=4)
    assert await done() == set(made[1:])
    ((item, error, tries),) = await _set_aside(desk)
    assert item == ((await desk.enrollments())[0]["id"] if inside else made[0])
    assert ("IntegrityError" in error, tries) == (True, 1)
    await desk.passes(minutes=1)
    assert [tries for _, _, tries in await _set_aside(desk)] == [2]
    await desk.passes(minutes=1)
    assert [tries for _, _, tries in await _set_aside(desk)] == [2], "it is looked at ever more rarely"
    poison.clear()
    await desk.passes(minutes=1)
    assert (await done(), await _set_aside(desk)) == (set(made), [])
    await desk.passes(minutes=5)
    assert len(await desk.enrollments()) == 3


async def test_who_was_stepped_past_and_bound_enters_with_what_it_is_bound_to(
    desk: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.publish(filtered(CLOSING, object="opportunity"))
    contacts = await desk.contacts(2)
    links = tuple(Link(object="contact", id=each) for each in contacts)
    deal = await desk.create("opportunity", links, name="Deal", close_date="2027-03-10")
    await desk.work_off()
    with monkeypatch.context() as patched:
        patched.setattr(services.relaying.timed_entries, "enroll", _poisoned(enroll, {contacts[0]}))
        await desk.passes(days=3)
        assert await desk.entered() == [(contacts[1], deal, "schedule")]
        assert [item for item, _, _ in await _set_aside(desk)] == [f"{contacts[0]}:{deal}"]
    await desk.passes(minutes=1)
    assert sorted(await desk.entered()) == sorted((each, deal, "schedule") for each in contacts)


async def test_who_was_stepped_past_is_forgotten_with_what_is_asked(
    desk: Waiter, monkeypatch: pytest.MonkeyPatch, clock: FixedClock
) -> None:
    await desk.publish(filtered(QUIET))
    made = await desk.contacts(1, last_touched_at=TOUCHED)
    with monkeypatch.context() as patched:
        patched.setattr(services.relaying.timed_entries, "enroll", _poisoned(enroll, set(made)))
        await desk.passes(days=4)
        assert len(await _set_aside(desk)) == 1
    async with desk.inst.db.transaction() as tx:
        await turn_off(tx, desk.inst, "waiting", now=clock.now())
    await desk.passes(minutes=1)
    assert (await _set_aside(desk), await desk.entered()) == ([], [])


async def test_who_was_stepped_past_and_is_let_in_by_a_later_sweep_is_let_in_once(
    desk: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"re_entry": {"allowed": True, "triggers": ["t1"]}, "while_active": "again"}
    await desk.publish(filtered(QUIET, entry=entry))
    made = await desk.contacts(1, last_touched_at=TOUCHED)
    poison = set(made)
    monkeypatch.setattr(services.relaying.timed_entries, "enroll", _poisoned(enroll, poison))
    await desk.passes(days=4)
    for _ in range(6):
        await desk.passes(minutes=40)
    await desk.patch(made[0], last_touched_at="2027-03-05T13:05:00Z")
    await desk.work_off()
    poison.clear()
    await desk.passes(days=3, minutes=10)
    assert (await desk.decisions(), await _set_aside(desk)) == ({"enrolled": 1}, [])
