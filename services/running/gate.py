"""The gate every transaction of a run begins at (rule L2): whoever commits first wins.

It locks the enrolled and the bound record, then the enrollment, and looks whether there is a reason to leave. A reason
that holds ends the enrollment in this very transaction, so no step of the run commits after it, relays or no relays.
"""

from __future__ import annotations

from collections.abc import Collection

from domain.enrollments import Enrollment
from domain.errors import NotFound
from domain.leaving import Departure
from domain.messages import EndCall, StepAnswer, StepCall
from domain.reading import NOTHING, Needs
from domain.records import StoredRecord
from services.facts import read_facts
from services.installation import Installation
from services.leaving.moving import LEFT, depart, moved_to
from services.leaving.reasons import find_reason
from services.running.inside import Inside, Metered, Passed
from services.running.visits import write_passages
from services.running.waking import measure_wake
from services.versions import load_live
from store.database import Tx
from store.enrollments import get_with_pause, is_workflow_paused, set_held
from store.locks import lock_enrollment, lock_records
from store.schema import load_account
from store.visits import find_answer

__all__ = ["LEFT", "Inside", "Passed", "pass_gate", "pass_last_gate"]


async def pass_gate(
    tx: Tx, inst: Installation, call: StepCall, *, needs: Needs = NOTHING, write: Collection[str] = ()
) -> Passed | StepAnswer:
    """Let a step's transaction begin, or answer at once: ``left``, ``held``, ``moved``, or what it answered before.

    ``needs``: what the step reads besides the record. ``write``: records it will write besides; all records are
    then locked for writing at once, as share first and write later would deadlock.

    Raises:
        NotFound: the version has no such step; the run keeps asking until a version that has it is stored. Or a record
            was merged this very moment, and the next time finds the other one.
    """
    locked = await _lock(tx, call, write)
    if isinstance(locked, StepAnswer):
        return locked
    if (known := await find_answer(tx, call)) is not None:
        return known
    inside = await _look(tx, inst, call, *locked, needs)
    if isinstance(inside, StepAnswer):
        return inside
    step = inside.content.steps.get(call.step)
    if step is None:
        raise NotFound(f"version {call.version} of workflow {call.workflow_id} has no step {call.step!r}")
    await write_passages(tx, inside, call.passages)
    return Passed(**vars(inside), call=call, step=step, metered=Metered(inst.meter, inst.clock.now()))


async def pass_last_gate(tx: Tx, inst: Installation, call: EndCall) -> Inside | StepAnswer:
    """The gate before the end: a goal that holds at the last moment still counts as the goal."""
    locked = await _lock(tx, call, ())
    if isinstance(locked, StepAnswer):
        return locked
    inside = await _look(tx, inst, call, *locked, NOTHING)
    if isinstance(inside, Inside):
        await measure_wake(tx, inst.meter, inside.enrollment, asked_for=call.now, now=inst.clock.now())
        await write_passages(tx, inside, call.passages)
    return inside


async def _lock(
    tx: Tx, call: StepCall | EndCall, write: Collection[str]
) -> tuple[Enrollment, dict[str, StoredRecord]] | StepAnswer:
    """Records in ascending order, then the enrollment; an answer when it is over, paused, or elsewhere by now."""
    seen, is_paused = await get_with_pause(tx, call.enrollment_id) or (None, False)
    if seen is None or seen.status == "ended":
        return _over(seen)
    ids = {seen.record_id, *write, *([seen.bound_id] if seen.bound_id else [])}
    records = await lock_records(tx, ids, write=bool(write))
    enrollment = await lock_enrollment(tx, seen)
    if enrollment is None or enrollment.status == "ended":
        return _over(enrollment)
    if (enrollment.record_id, enrollment.bound_id) != (seen.record_id, seen.bound_id):
        raise NotFound(f"enrollment {call.enrollment_id} goes on under a record it was just merged into: ask again")
    # Who cancels a run takes the record out, wherever it stands and whether it is paused or not.
    if not (isinstance(call, EndCall) and call.reason == "unenrolled"):
        if enrollment.status == "paused" or (is_paused and await is_workflow_paused(tx, enrollment.workflow_id)):
            # Read again behind the lock: who resumes looks at those held once they have locked the same row.
            await set_held(tx, [enrollment.id], enrollment.held_at or call.now)
            return StepAnswer(kind="held")
        if call.epoch < enrollment.epoch:
            return moved_to(enrollment)
    return enrollment, records


def _over(enrollment: Enrollment | None) -> StepAnswer:
    if enrollment is None:
        return LEFT
    return LEFT.model_copy(update={"reason": enrollment.end_reason, "detail": enrollment.end_detail})


async def _look(
    tx: Tx,
    inst: Installation,
    call: StepCall | EndCall,
    enrollment: Enrollment,
    records: dict[str, StoredRecord],
    needs: Needs,
) -> Inside | StepAnswer:
    """Read what the reasons to leave and the step need; end the enrollment when a reason holds."""
    record = _present(records, enrollment.record_id)
    bound = _present(records, enrollment.bound_id)
    if record is None:
        return await _leave(tx, enrollment, Departure(reason="record_deleted"), call)
    if enrollment.bound_id is not None and bound is None:
        return await _leave(tx, enrollment, Departure(reason="bound_record_gone"), call)
    account = await load_account(tx)
    content = await load_live(tx, enrollment.workflow_id, enrollment.version)
    facts = await read_facts(
        tx,
        account,
        content.definition,
        record.id,
        needs=content.leaving_needs | needs,
        enrollment=enrollment,
        now=call.now,
        known=records,
    )
    if facts is None:
        return await _leave(tx, enrollment, Departure(reason="record_deleted"), call)
    if (reason := await find_reason(tx, account, content, enrollment, facts)) is not None:
        return await _leave(tx, enrollment, reason, call)
    return Inside(enrollment=enrollment, content=content, facts=facts, record=record, bound=bound, account=account)


def _present(records: dict[str, StoredRecord], record_id: str | None) -> StoredRecord | None:
    found = records.get(record_id) if record_id else None
    return found if found is not None and found.deleted_at is None else None


async def _leave(tx: Tx, enrollment: Enrollment, found: Departure, call: StepCall | EndCall) -> StepAnswer:
    return await depart(tx, enrollment, found, now=call.now, tell=False)
