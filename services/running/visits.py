"""Writing what happened at a step: the visit row is the key that makes a step count once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial

from domain.anchors import is_yearly
from domain.base import Json
from domain.definition import ActionStep
from domain.facts import Seen
from domain.messages import TICK, Outcome, Passage, StepAnswer
from domain.zones import misspelt_zone
from services.leaving.leaving import complete_enrollment
from services.running.inside import Inside, Passed
from services.running.rounds import begin_next_round
from services.running.waking import measure_wake
from store.database import Tx
from store.enrollments import stand_at
from store.moving import forget_done
from store.visits import put_visit


async def settle_visit(
    tx: Tx,
    passed: Passed,
    *,
    outcome: Outcome,
    reason: str | None = None,
    detail: str | None = None,
    edge: str | None = None,
    seen: Collection[Seen] = (),
    result: Mapping[str, Json] | None = None,
    answer: StepAnswer | None = None,
    skip_sends: bool = False,
) -> StepAnswer:
    """Close the visit of this call with its outcome and store the answer a repeated call will get.

    Where nothing but the end follows, the enrollment ends in this transaction too, and the answer says so; or a yearly
    one begins its next round. A delay keeps in which zone it was judged the last time.
    """
    yearly = is_yearly(passed.definition)
    is_last = answer is None and _nothing_follows(passed, outcome, edge, with_end=not yearly)
    given = answer or StepAnswer(kind="go", outcome=outcome, edge=edge, reason=reason, skip_sends=skip_sends)
    if is_last and not yearly:
        given = StepAnswer(kind="left", outcome=outcome, edge=edge, reason="completed")
    values: dict[str, object] = {
        "left_at": passed.call.now,
        "wakes_at": None,
        "outcome": outcome,
        "reason": reason,
        "detail": detail,
        "edge": edge,
        "seen": [s.model_dump() for s in seen] or None,
        "result": dict(result) if result is not None else None,
    }
    if passed.step.kind == "delay":
        values["zone"] = passed.zone
    await _write(tx, passed, values, given)
    await _stand(tx, passed, None)
    if passed.metered is not None and outcome != "left":
        kind = passed.step.action if isinstance(passed.step, ActionStep) else passed.step.kind
        tx.after_commit(partial(passed.metered.meter.answered, kind, outcome, reason or ""))
    if _jumps(passed, outcome, edge):
        await _jumped(tx, passed)
    if is_last and yearly:
        return await begin_next_round(tx, passed, now=passed.call.now)
    if is_last:
        await _complete(tx, passed, edge)
    return given


def _nothing_follows(passed: Passed, outcome: Outcome, edge: str | None, *, with_end: bool) -> bool:
    """Whether the way is over behind the step; ``with_end``: also where a step says so that is passed only once."""
    plan = passed.content.plan
    step = plan.steps[passed.call.step]
    if outcome == "failed" and step.on_error != "continue":
        return False
    target = step.way(edge)
    return plan.is_over_at(target) if with_end else target is None


async def _complete(tx: Tx, passed: Passed, edge: str | None) -> None:
    """End the enrollment, having passed the step that says so where there is one."""
    plan = passed.content.plan
    end = plan.steps[passed.call.step].way(edge)
    if end is not None:
        # Nothing leads on from an end, so this is the only visit it will ever have.
        await write_passages(tx, passed, [Passage(step=end, n=1, at=passed.call.now + TICK)])
    detail = plan.steps[end].reason if end is not None else None
    await complete_enrollment(tx, passed.enrollment, detail=detail, now=passed.call.now)


async def open_visit(
    tx: Tx,
    passed: Passed,
    *,
    detail: str | None = None,
    wakes_at: datetime | None = None,
    held_until: datetime | None = None,
    answer: StepAnswer | None = None,
) -> None:
    """Note that the enrollment stands in this step, until ``wakes_at`` if it sleeps; repeating it is harmless.

    ``held_until``: that is because its message is held back. The visit keeps it, and in which zone time was meant.
    """
    values: dict[str, object] = {"detail": detail, "wakes_at": wakes_at}
    if wakes_at is not None:
        values["zone"] = passed.zone
        if (wrong := misspelt_zone(passed.definition, passed.facts.record)) is not None:
            words = f"by {passed.zone}, as there is no time zone {wrong!r}"
            values["detail"] = words if detail is None else f"{detail}; {words}"
    if held_until is not None:
        values["held_until"] = held_until
    await _write(tx, passed, values, answer)
    await _stand(tx, passed, wakes_at)


async def _stand(tx: Tx, passed: Passed, until: datetime | None) -> None:
    if passed.metered is not None:
        meter, now = passed.metered.meter, passed.metered.at
        await measure_wake(tx, meter, passed.enrollment, asked_for=passed.call.now, now=now)
    await stand_at(tx, passed.enrollment.id, passed.call.step, until)


async def write_passages(tx: Tx, inside: Inside, passages: Collection[Passage]) -> None:
    """Write visits the run passed without asking: a delay that ended, a goto, a step switched off."""
    for passage in passages:
        step = inside.content.plan.steps[passage.step]
        await put_visit(
            tx,
            {
                **_key(inside, passage.step, passage.n, 0, step.kind),
                "entered_at": passage.at,
                "left_at": passage.at,
                "outcome": passage.outcome,
                "reason": passage.reason,
            },
        )
        if step.kind == "goto" and passage.outcome == "done" and not step.is_used_up(passage.n):
            leads_on = inside.content.plan.leads_on(step, step.to)
            if inside.enrollment.retried_from is None or not leads_on:
                await _jumped(tx, inside)


def _jumps(passed: Passed, outcome: Outcome, edge: str | None) -> bool:
    """Whether what follows is not what is written behind the step."""
    plan = passed.content.plan
    step = plan.steps[passed.call.step]
    if outcome == "failed":
        return step.on_error != "continue"
    return edge is not None and not plan.leads_on(step, step.way(edge))


async def _jumped(tx: Tx, inside: Inside) -> None:
    """Who jumps comes to what it did under an older version to do it again."""
    if inside.enrollment.pass_over is not None:
        await forget_done(tx, inside.enrollment.id)


async def _write(tx: Tx, passed: Passed, values: Mapping[str, object], answer: StepAnswer | None) -> None:
    call = passed.call
    stored = {"answer": answer.model_dump(mode="json", exclude_none=True) if answer else None}
    key = _key(passed, call.step, call.n, 0, passed.step.kind)
    if call.turn == 0:
        await put_visit(tx, {**key, "entered_at": call.now, **values, **stored})
        return
    # A later turn keeps its own answer; what it found out belongs to the visit.
    await put_visit(tx, {**key, "entered_at": call.now, **values})
    await put_visit(tx, {**key, "turn": call.turn, "entered_at": call.now, **values, **stored})


def _key(inside: Inside, step: str, n: int, turn: int, kind: str) -> dict[str, object]:
    return {
        "enrollment_id": inside.enrollment.id,
        "step": step,
        "n": n,
        "turn": turn,
        "workflow_id": inside.enrollment.workflow_id,
        "version": inside.enrollment.version,
        "record_id": inside.enrollment.record_id,
        "kind": kind,
    }
