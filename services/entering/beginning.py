"""How a run begins: where the first step is a delay, the entry plans it, and the run starts out asleep."""

from __future__ import annotations

from datetime import datetime

from domain.definition import Step
from domain.delays import Clock, due, needs_of_until
from domain.messages import RunState, StepAnswer, StepCall
from domain.steps import DelayStep, UntilEntryEvent
from services.entering.deciding import Resumption
from services.running.inside import Inside, Passed
from services.running.visits import open_visit
from services.versions import Content
from store.database import Tx


async def plan_first(tx: Tx, inside: Inside, *, now: datetime) -> RunState | None:
    """Plan a delay that comes first, from the moment of entry; the state the run starts in, None for the usual one.

    A date that is missing or past is left to the run: what follows from it is a step's judgement at the gate.
    """
    step = _first_delay(inside.content)
    if step is None:
        return None
    found = due(step, Clock(entered_at=now, now=now, zone=inside.zone, anchor_at=inside.anchor_at), inside.facts)
    if found.at is None or found.at <= now:
        return None
    await open_visit(
        tx, _passed(inside, step, now), wakes_at=found.at, answer=StepAnswer(kind="wait", wake_at=found.at)
    )
    return RunState(step=step.id, standing=True, turn=1, wake_at=found.at, counts={step.id: 1})


def begin_at(resumes: Resumption) -> RunState:
    """The state of a run that begins at the step at which a passage is taken up again."""
    return RunState(step=resumes.step, pass_over=resumes.pass_over, takes_up=True)


def _first_delay(content: Content) -> DelayStep | None:
    start = content.plan.start
    step = content.steps[start] if start is not None else None
    if not isinstance(step, DelayStep) or not step.enabled:
        return None
    # What asks a calendar, or for the event of entry, is left to the run too: entries are written many at once. So is
    # the date of an associated record: an entry does not lock those, and may miss that it moves.
    asks = step.business_days or isinstance(step.until, UntilEntryEvent)
    return None if asks or needs_of_until(step.until, content.definition.anchor).objects else step


def _passed(inside: Inside, step: Step, now: datetime) -> Passed:
    """The first question of the first visit, as the run itself would ask it."""
    enrollment = inside.enrollment
    call = StepCall(
        enrollment_id=enrollment.id,
        workflow_id=enrollment.workflow_id,
        version=enrollment.version,
        step=step.id,
        n=1,
        now=now,
    )
    return Passed(**vars(inside), call=call, step=step)
