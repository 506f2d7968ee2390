"""Beginning again at a step that failed: a new passage that takes up the one that is over.

It is a person's order, so triggers and re-entry are not asked; that nobody is inside twice, suppression, goals and
exits hold. What the passage did behind the step is passed over, and no effect the outside world took is repeated.
"""

from __future__ import annotations

from datetime import datetime

from domain.base import Frozen
from domain.enrollments import Enrollment
from domain.entry import Decision
from domain.errors import Conflict, Invalid, NotFound
from domain.landing import Mark
from domain.problems import FieldError
from domain.reader import similar
from domain.records import Cause
from domain.retrying import Carried, begun_anew, failed_steps, passed_over
from services.entering.deciding import Resumption
from services.entering.enrolling import EnrollRequest, enroll
from services.versions import load_content
from store.database import Read, Tx
from store.effects import MAY_BE_OUT
from store.enrollments import get_enrollment
from store.locks import lock_records
from store.moving import Ledger, effects_of, marks_of
from store.retries import mark_retried
from store.visits import outputs
from store.workflows import get_workflow

RETRIABLE = ("failed", "completed")
"""Ends after which a passage can be taken up; whoever left for a reason of its own enters anew, or not at all."""


class Retried(Frozen):
    """What came of it: the passage that takes up the one that is over, now or since an earlier order; or why none."""

    decision: Decision
    detail: str | None
    enrollment_id: str | None
    run_id: str | None
    is_new: bool


async def retry(
    tx: Tx, enrollment_id: str, step: str | None, *, cause: Cause, now: datetime, starter: str | None = None
) -> Retried:
    """Have a passage that is over begin again at ``step``, else at the first step that failed. Twice is once.

    Raises:
        NotFound: there is no such enrollment.
        Conflict: it is not over, it ended for another reason, nothing of it failed, the current version has no such
            step any more, it was retried from another step already, or its record was merged this very moment.
        Invalid: the current version has no step of the name that was given.
    """
    seen = await get_enrollment(tx, enrollment_id)
    if seen is None:
        raise NotFound(f"there is no enrollment {enrollment_id}")
    await lock_records(tx, seen.record_ids, write=True)
    old = await get_enrollment(tx, enrollment_id)
    if old is None or old.record_ids != seen.record_ids:
        raise Conflict("the record was just merged into another one: try again")
    if old.retried_as is not None:
        return await _earlier(tx, old.retried_as, step)
    _hold_over(old)
    request = EnrollRequest(
        workflow_id=old.workflow_id,
        record_id=old.record_id,
        bound_id=old.bound_id,
        cause=cause,
        parameters=old.parameters,
        starter=starter,
        resumes=await _resume(tx, old, step),
    )
    made = await enroll(tx, request, now=now)
    is_new = made.decision == "enrolled"
    if is_new and made.enrollment_id is not None:
        await mark_retried(tx, old.id, made.enrollment_id)
    return Retried(
        decision=made.decision, detail=made.detail, enrollment_id=made.enrollment_id, run_id=made.run_id, is_new=is_new
    )


async def _earlier(read: Read, made_id: str, step: str | None) -> Retried:
    """The answer to an order that was given before."""
    made = await get_enrollment(read, made_id)
    assert made is not None, "enrollments stay for ever"
    if step not in (None, made.retried_step):
        words = f"it was retried from the step {made.retried_step!r} already, as enrollment {made.id}: retry that one"
        raise Conflict(words, code="retried")
    return Retried(decision="enrolled", detail=None, enrollment_id=made.id, run_id=made.run_id, is_new=False)


def _hold_over(old: Enrollment) -> None:
    if old.status != "ended":
        raise Conflict(f"enrollment {old.id} is not over", code="active")
    if old.end_reason not in RETRIABLE:
        words = f"it did not fail: it ended as {old.end_reason}; whoever left for a reason enters anew, or not at all"
        raise Conflict(words, code="nothing_to_retry")


async def _resume(read: Read, old: Enrollment, step: str | None) -> Resumption:
    marks = (await marks_of(read, [old.id])).get(old.id, [])
    step_id = step if step is not None else _where_it_failed(old, marks)
    await _hold_own(read, old, step_id, marks)
    workflow = await get_workflow(read, old.workflow_id)
    if workflow is None or workflow["version"] is None:
        raise Conflict("its workflow is gone", code="nothing_to_retry")
    current = (await load_content(read, old.workflow_id, workflow["version"])).plan
    if step_id not in current.steps:
        words = f"version {current.version} of {current.slug} has no step {step_id!r}"
        if step is None:
            raise Conflict(f"{words} any more: name the step to begin at", code="unknown_step")
        words += similar(step, current.steps)
        raise Invalid(words, errors=[FieldError(path="/step", code="unknown_step", message=words)])
    versions = {old.version, *(mark.version for mark in marks)}
    plans = {version: (await load_content(read, old.workflow_id, version)).plan for version in sorted(versions)}
    ledger = (await effects_of(read, [old.id])).get(old.id, {})
    accepted = {visit for visit, states in ledger.items() if {*states.values()} == {"accepted"}}
    out = {visit for visit, states in ledger.items() if not MAY_BE_OUT.isdisjoint(states.values())}
    taken = _taken(old, begun_anew(step_id, marks), ledger)
    carried = Carried(outputs=await outputs(read, old), passages=old.passages, taken=taken)
    before = {id: edge for id, edge in (old.pass_over or {}).items() if id in current.steps and id != step_id}
    return Resumption(
        enrollment_id=old.id,
        step=step_id,
        pass_over=before | passed_over(step_id, marks, accepted, out, plans, current),
        trigger=old.trigger,
        entered_seq=old.entered_seq,
        entry_event_id=old.entry_event_id,
        round=old.round,
        round_since=old.round_since,
        carried=carried.model_dump(mode="json"),
    )


def _taken(old: Enrollment, begun: Mark | None, ledger: Ledger) -> tuple[str, ...]:
    """Who of many got what the step sends that is begun anew, in this passage or in one that it took up there."""
    if begun is None:
        return ()
    states = ledger.get((begun.step, begun.n), {})
    taken = {name for name, state in states.items() if state == "accepted" and name is not None}
    return tuple(sorted(taken | old.taken_at(begun.step, begun.n)))


async def _hold_own(read: Read, old: Enrollment, step: str, marks: list[Mark]) -> None:
    """Refuse a step that a passage before this one came to: whatever was accepted there is not known here."""
    if not old.earlier or any(mark.step == step for mark in marks):
        return
    for passage, theirs in (await marks_of(read, old.earlier)).items():
        if any(mark.step == step for mark in theirs):
            words = f"the passage before it, enrollment {passage}, went through the step {step!r}: it is not done again"
            raise Conflict(words, code="nothing_to_retry")


def _where_it_failed(old: Enrollment, marks: list[Mark]) -> str:
    failed = failed_steps(marks)
    if failed:
        return failed[0]
    # Its run was ended in Temporal: it stood somewhere.
    last = max(marks, key=lambda mark: mark.entered_at, default=None)
    if old.end_reason == "failed" and last is not None:
        return last.step
    raise Conflict("none of its steps failed, as far as is known: name the step to begin at", code="nothing_to_retry")
