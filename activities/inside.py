"""How an inside action runs: one transaction holds its effect and its visit, so both happen or neither."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from activities.action import Action, InsideContext, InsideRun, Leaving, templates_of
from domain.catalogue import ActionConfig
from domain.definition import ActionStep, Definition
from domain.errors import NotFound, StepError, Unavailable
from domain.messages import StepAnswer, StepCall
from domain.reading import needs_objects
from services.installation import Installation
from services.running.gate import pass_gate
from services.running.settling import settle_error, settle_leaving
from services.running.variables import OTHER_ROOTS, load_variables, roots_of
from services.running.visits import settle_visit
from services.versions import load_content
from store.database import Read, Tx
from store.enrollments import get_enrollment, ids_bound_to
from store.facts import load_associated

ROUNDS = 3
"""How often an action begins anew because what it writes was associated before it was locked."""


class _Associated(Exception):
    """The record was associated with more to write while the locks were waited for: those have their place in line."""


async def load_config(read: Read, action: Action[Any], call: StepCall) -> tuple[Definition, ActionConfig]:
    """What the step of a call says, and the definition it stands in.

    Raises:
        NotFound: the version has no such step; asked again until a version that has it is stored.
    """
    content = await load_content(read, call.workflow_id, call.version)
    step = content.steps.get(call.step)
    if not isinstance(step, ActionStep) or step.action != action.name:
        raise NotFound(f"step {call.step!r} of workflow {call.workflow_id} v{call.version} is not a {action.name}")
    return content.definition, action.config.model_validate(step.config)


async def run_inside(inst: Installation, action: Action[Any], call: StepCall) -> StepAnswer:
    """Have the effect and settle the visit; the same call again has no effect and the same answer.

    Raises:
        Unavailable: others keep associating the record with what the action writes.
    """
    for _ in range(ROUNDS):
        try:
            async with inst.db.transaction() as tx:
                return await _act(tx, inst, action, call)
        except _Associated:
            continue
        except StepError as no:
            # Everything the action wrote is undone; what remains is to say so.
            async with inst.db.transaction() as tx:
                passed = await pass_gate(tx, inst, call)
                return passed if isinstance(passed, StepAnswer) else await settle_error(tx, passed, no)
    raise Unavailable("what the step writes is being associated by others at the same time")


async def _act(tx: Tx, inst: Installation, action: Action[Any], call: StepCall) -> StepAnswer:
    definition, config = await load_config(tx, action, call)
    templates = templates_of(config)
    roots = roots_of(inst.templates, *templates)
    objects = {*action.objects(config), *(roots - OTHER_ROOTS - {definition.object})}
    written = await _written(tx, action, config, call)
    passed = await pass_gate(tx, inst, call, needs=needs_objects(objects), write=written)
    if isinstance(passed, StepAnswer):
        return passed
    if not {*written, *passed.enrollment.record_ids} >= set(await _written(tx, action, config, call)):
        raise _Associated
    variables = await load_variables(tx, passed, roots) if templates else {}
    run = cast("InsideRun[Any]", action.run)  # the descriptor says inside
    done = await run(InsideContext(tx=tx, inst=inst, passed=passed, variables=variables), config)
    if isinstance(done, Leaving):
        answer = await settle_leaving(tx, passed, done.outputs, done.reason, detail=done.detail)
        await done.then()
        return answer
    return await settle_visit(tx, passed, outcome="done", result=done)


async def _written(read: Read, action: Action[Any], config: ActionConfig, call: StepCall) -> Collection[str]:
    """Ids of everything the action may write; they are locked first, with the records the gate looks at."""
    target = action.target(config)
    enrollment = await get_enrollment(read, call.enrollment_id) if target is not None else None
    if target is None or enrollment is None:
        return ()
    named = [of.object if of is not None else enrollment.object for of in (target.of, *target.also)]
    others = [object for object in dict.fromkeys(named) if object != enrollment.object]
    associated = await load_associated(read, enrollment.record_id, others) if others else {}
    own = [enrollment.record_id] if enrollment.object in named else []
    bound = [enrollment.bound_id] if enrollment.bound_id and enrollment.bound_object in others else []
    written = {*own, *bound, *(a.record.id for object in others for a in associated[object])}
    if target.deletes:
        written |= {other for id in sorted(written) for other in await ids_bound_to(read, id)}
    return written
