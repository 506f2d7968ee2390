"""What a wait goes on by when it is asked behind its deadline, after a pause or an outage: what was so by then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from domain.messages import StepAnswer, StepCall
from services.installation import Installation
from services.intake.events import Happened, record_event
from services.records.associating import Link
from services.running.waits import judge_wait
from tests.fixtures.clock import FixedClock
from tests.runs.definitions import by_hand, task
from tests.services.desk import Desk

OSLO = {"property": "city", "op": "is", "value": "Oslo"}
WON = {"related": {"object": "opportunity"}, "where": {"property": "stage", "op": "is", "value": "Won"}}
NO_DEAL = {"not": {"related": {"object": "opportunity"}, "where": {"property": "name", "op": "is", "value": "deal"}}}
JOINED = {"event": "custom.joined"}

Act = Callable[[Desk, str, str], Awaitable[None]]


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def moves_to_oslo(desk: Desk, contact: str, deal: str) -> None:
    await desk.patch(contact, city="Oslo")


async def moves_away(desk: Desk, contact: str, deal: str) -> None:
    await desk.patch(contact, city="Bergen")


async def joins(desk: Desk, contact: str, deal: str) -> None:
    async with desk.inst.db.transaction() as tx:
        await record_event(tx, await desk.write(tx), contact, Happened(name="custom.joined"))


async def is_won(desk: Desk, contact: str, deal: str) -> None:
    await desk.patch(deal, stage="Won")


async def has_another(desk: Desk, contact: str, deal: str) -> None:
    await desk.create("opportunity", links=(Link(object="contact", id=contact),), name="another", stage="Won")


async def is_linked(desk: Desk, contact: str, deal: str) -> None:
    await desk.associate(contact, await desk.create("opportunity", name="third", stage="Won"))


async def is_unlinked(desk: Desk, contact: str, deal: str) -> None:
    await desk.dissociate(contact, deal)


async def is_deleted(desk: Desk, contact: str, deal: str) -> None:
    await desk.delete(deal)


async def asked(desk: Desk, workflow: str, turn: int) -> StepAnswer:
    (inside,) = await desk.enrollments()
    now = desk.inst.clock.now()
    call = StepCall(
        enrollment_id=inside["id"], workflow_id=workflow, version=1, step="one", n=1, turn=turn, now=now
    )  # fmt: skip
    async with desk.inst.db.transaction() as tx:
        return await judge_wait(tx, desk.inst, call)


async def waiting(desk: Desk, **what: Any) -> tuple[str, str, str]:
    """A contact with an open deal, in a wait of two days; the workflow, the contact and the deal."""
    ways = {"matched": [task("yes", "Yes")], "timed_out": [task("no", "No")]}
    wait = {"id": "one", "kind": "wait", "timeout": {"days": 2}, **what, **ways}
    workflow = await desk.publish(by_hand("rooms", [wait]))
    contact = await desk.create("contact", email="ana@example.com")
    deal = await desk.create("opportunity", links=(Link(object="contact", id=contact),), name="deal", stage="Engaging")
    await desk.enroll(workflow, contact)
    assert (await asked(desk, workflow, 0)).kind == "wait"
    return workflow, contact, deal


@pytest.mark.parametrize(
    ("what", "act"),
    [
        ({"for_event": {"event": "custom.joined"}}, joins),
        ({"until_true": JOINED}, joins),
        ({"until_true": OSLO}, moves_to_oslo),
        ({"until_true": WON}, is_won),
        ({"until_true": WON}, has_another),
        ({"until_true": WON}, is_linked),
        ({"until_true": NO_DEAL}, is_unlinked),
        ({"until_true": NO_DEAL}, is_deleted),
    ],
)
async def test_what_came_behind_the_deadline_does_not_win(
    desk: Desk, clock: FixedClock, what: dict[str, Any], act: Act
) -> None:
    workflow, contact, deal = await waiting(desk, **what)
    clock.advance(timedelta(days=3))
    await act(desk, contact, deal)
    clock.advance(timedelta(seconds=1))
    answer = await asked(desk, workflow, 1)
    assert (answer.edge, answer.outcome) == ("timed_out", "done")


@pytest.mark.parametrize(("what", "act"), [(OSLO, moves_to_oslo), (WON, is_won), (WON, has_another), (JOINED, joins)])
async def test_what_came_by_the_deadline_wins_however_late_it_is_asked(
    desk: Desk, clock: FixedClock, what: dict[str, Any], act: Act
) -> None:
    workflow, contact, deal = await waiting(desk, until_true=what)
    clock.advance(timedelta(days=2))
    await act(desk, contact, deal)
    clock.advance(timedelta(days=1))
    await moves_away(desk, contact, deal)
    await is_unlinked(desk, contact, deal)
    assert (await asked(desk, workflow, 1)).edge == "matched"


async def test_time_alone_does_not_turn_a_condition_behind_the_deadline(desk: Desk, clock: FixedClock) -> None:
    long_ago = {"property": "created_at", "op": "more_than_ago", "value": {"hours": 60}}
    workflow, _, _ = await waiting(desk, until_true=long_ago)
    clock.advance(timedelta(days=3))
    assert (await asked(desk, workflow, 1)).edge == "timed_out"
