"""The activities of all actions, computed from the catalogue: a worker registers what its queue has, by no list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, cast

from temporalio import activity

from activities.action import Action, OutsideContext, OutsideRun
from activities.beating import beating
from activities.catalogue import actions
from activities.errors import translated
from activities.inside import load_config, run_inside
from domain import names
from domain.messages import FailureCall, StepAnswer, StepCall
from domain.metering import tell_answer
from services.installation import Installation
from services.running.settling import record_failure

ActionActivity: TypeAlias = Callable[..., Awaitable[StepAnswer]]


def action_activities(inst: Installation, queue: str | None = None) -> Sequence[ActionActivity]:
    """One activity per action, named ``action.<name>``, and ``record_failure``; only those of ``queue`` if given."""
    made = [_activity(inst, action) for action in actions().values() if queue in (None, action.queue)]
    return [*made, _failing(inst)] if queue in (None, names.QUEUE_RUNS) else made


def _activity(inst: Installation, action: Action[Any]) -> ActionActivity:
    is_inside = action.effect == "inside"
    perform = run_inside if is_inside else _run_outside

    @activity.defn(name=names.action_activity(action.name))
    async def act(call: StepCall) -> StepAnswer:
        # The failure of an outside action is recorded by ``record_failure``; an inside one has nobody to record it.
        with translated(gives_up=not is_inside):
            answer = await perform(inst, action, call)
        tell_answer(inst.meter, action.name, answer)
        return answer

    return act


async def _run_outside(inst: Installation, action: Action[Any], call: StepCall) -> StepAnswer:
    # Attempts go on for days under one call: each is judged at the minute it is made, by the server's clock.
    now = max(call.now, activity.info().started_time)
    call = call.model_copy(update={"now": now})
    async with inst.db.read() as read:
        definition, config = await load_config(read, action, call)
    run = cast("OutsideRun[Any]", action.run)  # the descriptor says outside
    return await beating(run(OutsideContext(inst=inst, call=call, definition=definition), config))


def _failing(inst: Installation) -> ActionActivity:
    @activity.defn(name=names.RECORD_FAILURE)
    async def fail(failed: FailureCall) -> StepAnswer:
        with translated():
            return await record_failure(inst, failed)

    return fail
