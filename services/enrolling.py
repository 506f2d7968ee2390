"""Entering a workflow: one transaction decides, writes the decision with what it saw, and queues the run's start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.base import Frozen, Json
from domain.enrollments import Enrollment
from domain.entry import (
    Attempt,
    Decision,
    Verdict,
    before_reading,
    is_remembered,
    key_of,
    on_facts,
    on_re_entry,
    runs_alone,
    while_active,
)
from domain.errors import NotFound
from domain.facts import Facts, Seen
from domain.names import EnrollmentName, enrollment_run_id
from domain.parameters import with_defaults
from domain.reading import needs_objects
from domain.records import Cause, StoredRecord
from services.again import REMEMBERED, remember
from services.beginning import first_objects, plan_first
from services.facts import read_facts
from services.inside import Inside
from services.loops import stop_loop
from services.removing import remove_others
from services.standing import OUTSIDE, tell_standing
from services.turning_off import lets_in
from services.versions import Content, load_content
from store.associations import are_associated
from store.changes import newest_change
from store.database import Tx
from store.enrollments import (
    active_enrollments,
    count_entry,
    entered_before,
    entered_by_event,
    insert_decision,
    insert_enrollment,
)
from store.ids import new_id
from store.intake import add_delivery
from store.locks import lock_entry_key, lock_records
from store.schema import Account, load_account
from store.workflows import find_door


class EnrollRequest(Frozen):
    """Somebody shall enter: ``trigger`` is None by hand and through the API; ``change_seq`` is the change that fired.

    ``event_id``: the event that fired; it lets each record in once. ``seen``: the values the trigger saw. ``created``:
    the change made the record, or the bound one. ``starter``: the process that starts the run itself as soon as this is
    committed (``deliveries.deliver_now``); until its lease ends no relay does.
    """

    workflow_id: str
    record_id: str
    bound_id: str | None = None
    trigger: str | None = None
    cause: Cause
    change_seq: int | None = None
    event_id: str | None = None
    parameters: dict[str, Json] = {}
    seen: tuple[Seen, ...] = ()
    starter: str | None = None
    created: bool = False

    @property
    def record_ids(self) -> tuple[str, ...]:
        """The record that shall enter and, if there is one, what is bound."""
        return (self.record_id, self.bound_id) if self.bound_id is not None else (self.record_id,)


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
    workflow = await find_door(tx, request.workflow_id)
    if workflow is None:
        raise NotFound(f"there is no workflow {request.workflow_id}")
    verdict, enrollment = await _decide(tx, request, dict(workflow), records, now=now)
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


async def _decide(
    tx: Tx, request: EnrollRequest, workflow: Mapping[str, Any], records: dict[str, StoredRecord], *, now: datetime
) -> tuple[Verdict, Enrollment | None]:
    """The verdict, with the new enrollment or the active one the cause concerns."""
    record = records.get(request.record_id)
    bound = records.get(request.bound_id) if request.bound_id else None
    if record is None or record.object != workflow["object"]:
        return Verdict(decision="no_record", detail="missing, deleted or of another object"), None
    if request.bound_id and (bound is None or not await are_associated(tx, record.id, request.bound_id)):
        return Verdict(decision="no_record", detail="the bound record is gone or not associated"), None
    repeated = await entered_by_event(tx, request.workflow_id, record.id, request.bound_id, request.event_id)
    attempt = Attempt(trigger=request.trigger, bound_id=request.bound_id, is_repeated=repeated)
    loop = await stop_loop(tx, request.cause, workflow["id"], workflow["slug"], created=request.created)
    if loop is not None:
        return loop, None
    if (no := before_reading(attempt, is_on=lets_in(workflow, now), is_paused=bool(workflow["is_paused"]))) is not None:
        return no, None
    content = await load_content(tx, request.workflow_id, workflow["version"])
    definition = content.definition
    bound_object = bound.object if bound else None
    alone = runs_alone(definition, bound_object)
    key = key_of(definition, record.id, request.bound_id, bound_object)
    entry_key = await lock_entry_key(tx, request.workflow_id, key, record.id)
    active = await active_enrollments(tx, request.workflow_id, record.id)
    if (no := while_active(attempt, active, key=key, alone=alone)) is not None:
        inside = next(e for e in active if e.id == no.detail)
        # Triggers are alternatives: what let somebody in is no reason to enter again because a second one fired too.
        is_same = no.decision == "absorbed_update" and request.change_seq == inside.entered_seq
        if is_remembered(definition, attempt) and not is_same:
            await remember(tx, request.workflow_id, key, request.model_dump(mode="json", exclude={"starter"}))
            no = no.model_copy(update={"seen": (*no.seen, REMEMBERED)})
        own = request.cause.kind == "enrollment" and request.cause.id == inside.id
        if no.decision == "absorbed_update" and not own:
            await _tell(tx, inside, bound or record, now=now)
        return no, inside
    before = await entered_before(tx, request.workflow_id, record.id, bound_id=request.bound_id, any_bound=not alone)
    if (before or entry_key["entries"]) and (no := on_re_entry(definition, attempt)) is not None:
        return no, None
    account = await load_account(tx)
    facts = await _facts(tx, request, content, account, records, now=now)
    verdict = on_facts(definition, facts) if facts is not None else Verdict(decision="no_record")
    if facts is None or verdict.decision != "enrolled":
        return verdict, None
    enrollment = _new(request, content, record, bound, key=key, n=entry_key["entries"] + 1, now=now)
    entered = Inside(enrollment=enrollment, content=content, facts=facts, record=record, bound=bound, account=account)
    await _write(tx, entered, starter=request.starter, now=now)
    return verdict, enrollment


async def _tell(tx: Tx, inside: Enrollment, changed: StoredRecord, *, now: datetime) -> None:
    """Pass an update on to the run of who is inside already; one that has not begun reads everything anyway."""
    if inside.status != "starting":
        news: dict[str, Json] = {"record_id": changed.id, "version": changed.version}
        await add_delivery(tx, inside.id, "record_changed", news, now=now)


async def _facts(
    tx: Tx,
    request: EnrollRequest,
    content: Content,
    account: Account,
    records: Mapping[str, StoredRecord],
    *,
    now: datetime,
) -> Facts | None:
    return await read_facts(
        tx,
        account,
        content.definition,
        request.record_id,
        needs=content.leaving_needs | needs_objects(first_objects(content)),
        bound_id=request.bound_id,
        parameters=with_defaults(content.definition, request.parameters),
        entry_event_id=request.event_id,
        now=now,
        known=records,
    )


def _new(
    request: EnrollRequest,
    content: Content,
    record: StoredRecord,
    bound: StoredRecord | None,
    *,
    key: str,
    n: int,
    now: datetime,
) -> Enrollment:
    keyed = bound.id if bound is not None and key != record.id else None
    name = EnrollmentName(workflow_id=request.workflow_id, record_id=record.id, bound_id=keyed, n=n)
    return Enrollment(
        id=new_id(now),
        workflow_id=request.workflow_id,
        version=content.plan.version,
        key=key,
        n=n,
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
        started_at=now,
        ended_at=None,
        end_reason=None,
        end_detail=None,
    )


async def _write(tx: Tx, inside: Inside, *, starter: str | None, now: datetime) -> None:
    """Write the enrollment, what it begins with, and the start of its run."""
    enrollment = inside.enrollment
    if enrollment.entered_seq is None:
        # Without a change that let it in, whatever happened until now, to associated records too, was before it.
        enrollment = enrollment.model_copy(update={"entered_seq": await newest_change(tx)})
    await insert_enrollment(tx, enrollment)
    await tell_standing(tx, enrollment, OUTSIDE, now=now)
    await count_entry(tx, enrollment.workflow_id, enrollment.key)
    await remove_others(tx, inside.definition, enrollment, now=now)
    state = await plan_first(tx, inside, now=now)
    begins: dict[str, Json] = {}
    if state is not None:
        begins["state"] = state.model_dump(mode="json", exclude_defaults=True)
    await add_delivery(tx, enrollment.id, "start", begins, now=now, leased_by=starter)
