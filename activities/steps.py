"""The activities of control steps: each opens one transaction and asks a service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import activity

from activities.errors import translated
from domain import names
from domain.messages import EndCall, StepAnswer, StepCall, Whereabouts, WhereCall
from domain.metering import tell_answer
from services.installation import Installation
from services.running import steps, waits
from services.running.landing import find_whereabouts
from store.database import Tx

Judgement = Callable[[Tx, Installation, StepCall], Awaitable[StepAnswer]]

JUDGEMENTS: dict[str, Judgement] = {
    names.PLAN_DELAY: steps.plan_delay,
    names.DECIDE_BRANCH: steps.decide_branch,
    names.DECIDE_VALUE: steps.decide_value,
    names.DECIDE_SPLIT: steps.decide_split,
    names.ARM_WAIT: waits.judge_wait,
    names.SETTLE_WAIT: waits.judge_wait,
}


KINDS = {
    names.PLAN_DELAY: "delay",
    names.DECIDE_BRANCH: "branch",
    names.DECIDE_VALUE: "value_branch",
    names.DECIDE_SPLIT: "split",
    names.ARM_WAIT: "wait",
    names.SETTLE_WAIT: "wait",
}
"""Of which kind of step each is asked."""


def step_activities(inst: Installation) -> list[Callable[..., Awaitable[StepAnswer | Whereabouts]]]:
    """One activity per judgement, the end, and the place in another version."""
    judging = [_judging(inst, name, judgement) for name, judgement in JUDGEMENTS.items()]
    return [*judging, _ending(inst), _placing(inst)]


def _judging(inst: Installation, name: str, judgement: Judgement) -> Callable[..., Awaitable[StepAnswer]]:
    @activity.defn(name=name)
    async def judge_step(call: StepCall) -> StepAnswer:
        with translated():
            async with inst.db.transaction() as tx:
                answer = await judgement(tx, inst, call)
            tell_answer(inst.meter, KINDS[name], answer)
            return answer

    return judge_step


def _ending(inst: Installation) -> Callable[..., Awaitable[StepAnswer]]:
    @activity.defn(name=names.END_ENROLLMENT)
    async def end_enrollment(call: EndCall) -> StepAnswer:
        with translated():
            async with inst.db.transaction() as tx:
                return await steps.finish_enrollment(tx, inst, call)

    return end_enrollment


def _placing(inst: Installation) -> Callable[..., Awaitable[Whereabouts]]:
    @activity.defn(name=names.FIND_PLACE)
    async def find_place(call: WhereCall) -> Whereabouts:
        with translated():
            return await find_whereabouts(inst, call)

    return find_place
