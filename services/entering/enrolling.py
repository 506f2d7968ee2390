"""Entering a workflow: one transaction decides, writes the decision with what it saw, and queues the run's start."""

from __future__ import annotations

from datetime import datetime

from domain.anchors import is_yearly, origin
from domain.base import Frozen, Json
from domain.enrollments import Enrollment
from domain.entry import Decision, Verdict
from domain.errors import NotFound
from domain.instants import local_date
from domain.names import EnrollmentName, enrollment_run_id
from domain.parameters import with_defaults
from domain.records import StoredRecord
from domain.zones import clock_zone
from services.entering.beginning import begin_at, plan_first
from services.entering.deciding import Answer, AskedOneByOne, EnrollRequest, Entrance, Resumption, decide
from services.leaving.again import REMEMBERED, remember
from services.leaving.removing import remove_others
from services.leaving.standing import OUTSIDE, tell_standing
from services.running.inside import Inside
from store.changes import newest_change
from store.database import Tx
from store.enrollments import count_entry, insert_decision, insert_enrollment
from store.ids import new_id
from store.intake import add_delivery
from store.locks import hold_door, lock_entry_key, lock_records

__all__ = ["Decided", "EnrollRequest", "enroll"]


class Decided(Frozen):
    """What was decided: the new enrollment, or the one that took the cause up as an update."""

    decision: Decision
    detail: str | None
    enrollment_id: str | None
    run_id: str | None
    decision_id: str


async def enroll(tx: Tx, request: EnrollRequest, *, now: datetime) -> Decided:
    """Decide by rule E2 and write the outcome; ``enrolled`` also writes the enrollment and queues its start.

    The enrolled and the bound record are locked first, ascending, and with them every decision about them in every
    workflow.

    Raises:
        NotFound: there is no such workflow.
    """
    locked = await lock_records(tx, request.record_ids, write=True)
    records = {i: r for i, r in locked.items() if r.deleted_at is None}
    # Behind the lock: whoever waited for it does not enter what was turned off or paused meanwhile.
    workflow = await hold_door(tx, request.workflow_id)
    if workflow is None:
        raise NotFound(f"there is no workflow {request.workflow_id}")

    async def count_under(key: str) -> int:
        return int((await lock_entry_key(tx, request.workflow_id, key, request.record_id))["entries"])

    past = AskedOneByOne(tx, records, count_under, now)
    answer = await decide(tx, request, dict(workflow), records, past, now=now)
    verdict, enrollment = await _act(tx, request, answer, records, now=now)
    decision_id = new_id(now)
    standing = enrollment.id if enrollment else None
    await insert_decision(
        tx,
        {
            "id": decision_id,
            "workflow_id": request.workflow_id,
            "record_id": request.record_id,
            "bound_id": request.bound_id,
            "decision": verdict.decision,
            "detail": verdict.detail,
            "trigger": request.trigger,
            "cause_kind": request.cause.kind,
            "cause_id": request.cause.id,
            "change_seq": request.change_seq,
            "saw": request.saw,
            "enrollment_id": standing,
            "decided_at": now,
        },
        (*request.seen, *verdict.seen),
    )
    return Decided(
        decision=verdict.decision,
        detail=verdict.detail,
        enrollment_id=standing,
        run_id=enrollment.run_id if enrollment else None,
        decision_id=decision_id,
    )


async def _act(
    tx: Tx, request: EnrollRequest, answer: Answer, records: dict[str, StoredRecord], *, now: datetime
) -> tuple[Verdict, Enrollment | None]:
    """Do what was decided; the new enrollment, or the active one the cause concerns."""
    if answer.inside is not None:
        return await _take_up(tx, request, answer, answer.inside, records, now=now), answer.inside
    if answer.entrance is None:
        return answer.verdict, None
    entrance = answer.entrance
    enrollment = taking_up(_new(request, entrance, now=now), request.resumes)
    entered = Inside(
        enrollment=enrollment, content=entrance.content, facts=entrance.facts, record=entrance.record,
        bound=entrance.bound, account=entrance.account,
    )  # fmt: skip
    await _write(tx, entered, starter=request.starter, now=now, resumes=request.resumes)
    return answer.verdict, enrollment


def taking_up(enrollment: Enrollment, resumes: Resumption | None) -> Enrollment:
    """With what it has of the passage it takes up again, if it does."""
    if resumes is None:
        return enrollment
    had = resumes.model_dump(include={"trigger", "entered_seq", "entry_event_id", "round", "round_since", "carried"})
    at = {"retried_from": resumes.enrollment_id, "retried_step": resumes.step, "pass_over": resumes.pass_over or None}
    return enrollment.model_copy(update={**had, **at})


async def _take_up(
    tx: Tx,
    request: EnrollRequest,
    answer: Answer,
    inside: Enrollment,
    records: dict[str, StoredRecord],
    *,
    now: datetime,
) -> Verdict:
    """What becomes of a cause that met somebody inside: remembered, told to the run, or neither."""
    verdict = answer.verdict
    if answer.is_remembered:
        document = request.model_dump(mode="json", exclude={"starter", "saw"})
        await remember(tx, request.workflow_id, answer.key, document)
        verdict = verdict.model_copy(update={"seen": (*verdict.seen, REMEMBERED)})
    own = request.cause.kind == "enrollment" and request.cause.id == inside.id
    if verdict.decision == "absorbed_update" and not own:
        await _tell(tx, inside, records[request.bound_id or request.record_id], now=now)
    return verdict


async def _tell(tx: Tx, inside: Enrollment, changed: StoredRecord, *, now: datetime) -> None:
    """Pass an update on to the run of who is inside already; one that has not begun reads everything anyway."""
    if inside.status != "starting":
        news: dict[str, Json] = {"record_id": changed.id, "version": changed.version}
        await add_delivery(tx, inside.id, "record_changed", news, now=now)


def _new(request: EnrollRequest, entrance: Entrance, *, now: datetime) -> Enrollment:
    content, record, bound = entrance.content, entrance.record, entrance.bound
    keyed = bound.id if bound is not None and entrance.key != record.id else None
    yearly = is_yearly(content.definition)
    first_day = local_date(now, clock_zone(content.definition, entrance.account.timezone, entrance.facts.record))
    name = EnrollmentName(workflow_id=request.workflow_id, record_id=record.id, bound_id=keyed, n=entrance.n)
    return Enrollment(
        id=new_id(now),
        workflow_id=request.workflow_id,
        version=content.plan.version,
        key=entrance.key,
        n=entrance.n,
        run_id=enrollment_run_id(name),
        record_id=record.id,
        object=record.object,
        bound_id=bound.id if bound else None,
        bound_object=bound.object if bound else None,
        status="starting",
        epoch=0,
        step=None,
        wakes_at=None,
        parameters=with_defaults(content.definition, request.parameters),
        trigger=request.trigger,
        cause_kind=request.cause.kind,
        cause_id=request.cause.id,
        depth=request.cause.depth,
        entered_seq=request.change_seq,
        entry_event_id=request.event_id,
        round=1 if yearly else 0,
        round_since=first_day.isoformat() if yearly else None,
        started_at=now,
        ended_at=None,
        end_reason=None,
        end_detail=None,
    )


async def _write(tx: Tx, inside: Inside, *, starter: str | None, now: datetime, resumes: Resumption | None) -> None:
    """Write the enrollment, what it begins with, and the start of its run."""
    enrollment = inside.enrollment
    if enrollment.entered_seq is None:
        # Without a change that let it in, whatever happened until now, to associated records too, was before it.
        enrollment = enrollment.model_copy(update={"entered_seq": await newest_change(tx)})
    anchor = inside.definition.anchor
    if anchor is not None and anchor.of is None:
        # The date of an associated record is first looked at by the run: an entry does not lock those.
        seen = {"origin": origin(inside.anchor_at, inside.zone), "origin_since": now}
        enrollment = enrollment.model_copy(update=seen)
    await insert_enrollment(tx, enrollment)
    await tell_standing(tx, enrollment, OUTSIDE, now=now)
    await count_entry(tx, enrollment.workflow_id, enrollment.key)
    await remove_others(tx, inside.definition, enrollment, now=now)
    state = await plan_first(tx, inside, now=now) if resumes is None else begin_at(resumes)
    # Who is moved before it begins still begins with the version it entered; its first question tells it.
    begins: dict[str, Json] = {"version": enrollment.version}
    if state is not None:
        begins["state"] = state.model_dump(mode="json", exclude_defaults=True)
        begins["live_revision"] = inside.account.live_revision
    await add_delivery(tx, enrollment.id, "start", begins, now=now, leased_by=starter)
