"""Moved at the gate: a call of an older epoch has no effect and is told where the enrollment stands."""

from __future__ import annotations

from datetime import timedelta

from domain.messages import StepAnswer
from services.installation import Installation
from services.leaving.moving import move_to
from store import tables
from tests.activities.calls import act
from tests.builders import AFTER, STEP, Standing, make_record, stand_at_action


async def standing(inst: Installation) -> Standing:
    """Somebody about to get a task."""
    record = await make_record(inst, "contact", {"first_name": "Ana"})
    return await stand_at_action(inst, record, "create_task", {"title": "Call"})


async def test_a_call_of_an_older_epoch_has_no_effect(installation: Installation) -> None:
    found = await standing(installation)
    async with installation.db.transaction() as tx:
        await move_to(tx, found.enrollment.id, AFTER, now=found.now)
    answer = await act(found, "create_task")
    assert answer == StepAnswer(kind="moved", version=found.enrollment.version, step=AFTER, epoch=1)
    assert await found.rows(tables.tasks) == []
    assert await found.rows(tables.visits) == []


async def test_an_answer_given_before_the_move_is_not_repeated_after_it(installation: Installation) -> None:
    found = await standing(installation)
    assert (await act(found, "create_task")).kind == "go"
    async with installation.db.transaction() as tx:
        await move_to(tx, found.enrollment.id, STEP, now=found.now + timedelta(seconds=1))
    assert (await act(found, "create_task")).kind == "moved"
    assert len(await found.rows(tables.tasks)) == 1
