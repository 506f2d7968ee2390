"""What happens when a schedule says so (rule R13): the occurrence is written once, with the job that lets in everybody
who matches; one that nobody could open for more than an hour is missed, and shown until somebody runs it by hand.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from domain.definition import Schedule
from domain.errors import Conflict, Invalid, NotFound
from domain.jobs import NOT_DONE
from domain.occurrences import LATE, MissReason, OccurrenceAhead, OccurrenceAnswer, OccurrenceCall
from domain.recurrence import Occurrence, next_occurrence
from domain.schedule_words import schedule_words
from services.entering.doors import lets_in
from services.installation import Installation
from services.jobs.bulk_audiences import Order
from services.jobs.bulk_enrollment import request_bulk
from services.jobs.jobs import begin_all
from services.versions import load_content
from services.workflow_views import find
from store.database import Read, Row, Tx
from store.jobs import Job, get_job
from store.occurrences import (
    KnownOccurrence,
    find_occurrence,
    give_job,
    insert_occurrence,
    miss_occurrence,
    open_again,
    open_missed,
    pass_through,
    passed_through,
)
from store.schema import load_account
from store.workflows import get_workflow


async def occurrence_ahead(read: Read, workflow: Row) -> Occurrence | None:
    """The next occurrence that was not dealt with, be it overdue; None: the workflow is off, or has no schedule."""
    if not workflow["is_on"]:
        return None
    return await anext(upcoming(read, workflow), None)


async def upcoming(read: Read, workflow: Row) -> AsyncIterator[Occurrence]:
    """Every occurrence that was not dealt with, from the earliest on and without end."""
    schedule = await _schedule(read, workflow)
    after = await passed_through(read, workflow["id"])
    if schedule is None or after is None:
        return
    zone = (await load_account(read)).timezone
    while True:
        found = next_occurrence(schedule, after, zone)
        if await find_occurrence(read, workflow["id"], found.local) is None:
            yield found
        after = found.at


async def look_ahead(inst: Installation, workflow_id: str) -> OccurrenceAhead:
    """What the run of a workflow sleeps towards."""
    async with inst.db.read() as read:
        return await show_ahead(read, workflow_id) or OccurrenceAhead()


async def show_ahead(read: Read, workflow_id: str) -> OccurrenceAhead | None:
    """The next occurrence of a workflow, none while it is off; None: it has no schedule."""
    workflow = await get_workflow(read, workflow_id)
    schedule = await _schedule(read, workflow) if workflow is not None else None
    if workflow is None or schedule is None:
        return None
    words = schedule_words(schedule, (await load_account(read)).timezone)
    about = OccurrenceAhead(schedule=words, workflow=workflow["slug"], is_paused=bool(workflow["is_paused"]))
    found = await occurrence_ahead(read, workflow)
    return about if found is None else about.model_copy(update={"at": found.at, "local": found.local})


async def open_occurrence(inst: Installation, call: OccurrenceCall) -> OccurrenceAnswer:
    """Deal with an occurrence that has come, once, however often and by however many it is asked."""
    # The server's clock woke the run; this machine's may be a little behind.
    now = max(inst.clock.now(), call.at)
    async with inst.db.transaction() as tx:
        workflow = await get_workflow(tx, call.workflow_id)
        found = await occurrence_ahead(tx, workflow) if workflow is not None else None
        if workflow is None or found is None or (found.local, found.at) != (call.local, call.at):
            return OccurrenceAnswer()
        job = await deal_with(tx, inst, workflow, found, now=now)
        known = await find_occurrence(tx, call.workflow_id, call.local)
    if job is not None:
        await begin_all(inst, [job])
    if known is None:
        return OccurrenceAnswer()
    return OccurrenceAnswer(state=known.state, reason=known.reason, job_id=known.job_id)


async def deal_with(
    tx: Tx,
    inst: Installation,
    workflow: Row,
    occurrence: Occurrence,
    *,
    missed: MissReason | None = None,
    now: datetime,
) -> Job | None:
    """Open an occurrence that has come, or write why it is missed; the job of one that was opened.

    ``missed``: it is not to be opened, whatever else. What somebody else deals with at the same moment is left to them.
    """
    turned_off_at = workflow["turn_off_at"]
    if turned_off_at is not None and turned_off_at <= occurrence.at:
        await pass_through(tx, workflow["id"], occurrence.at)
        return None
    reason = missed or _reason(workflow, occurrence, now)
    is_new = await insert_occurrence(tx, workflow["id"], occurrence, reason=reason, now=now)
    await pass_through(tx, workflow["id"], occurrence.at)
    if reason is not None or not is_new:
        return None
    try:
        return await _let_in(tx, inst, workflow, occurrence.local, due=occurrence.at, now=now)
    except (Invalid, NotFound) as error:
        # What a trigger names is gone, for example a list. Asking again would not help; a person may.
        await miss_occurrence(tx, workflow["id"], occurrence.local, "not_possible", str(error))
        return None


async def deal_with_overdue(
    tx: Tx, inst: Installation, workflow: Row, *, missed: MissReason | None = None, now: datetime
) -> None:
    """Deal with every occurrence that has come, before something changes by which the next would be judged."""
    async for occurrence in upcoming(tx, workflow):
        if occurrence.at > now:
            return
        await deal_with(tx, inst, workflow, occurrence, missed=missed, now=now)


async def run_missed(
    tx: Tx, inst: Installation, slug: str, local: str, *, now: datetime
) -> tuple[KnownOccurrence, Job | None]:
    """Let in, now, everybody who matches, for an occurrence that was missed, or whose job failed or was cancelled; its
    job. Whom an earlier job for it let in is left alone.

    Asked twice, or of one whose job is at work or done, it answers with the job there is.

    Raises:
        NotFound: there is no such workflow, or it has no such occurrence behind it.
        Conflict: the workflow is off or paused, so that nobody would enter.
        Invalid: a trigger cannot be asked any more.
    """
    workflow = await find(tx, slug)
    if (known := await find_occurrence(tx, workflow["id"], local)) is None:
        if workflow["type"] != "scheduled":
            raise NotFound(f"workflow {slug} has no occurrences: it is not a scheduled one")
        how = f"times read like 2027-03-04T09:00, and GET /workflows/{slug}/occurrences lists them"
        raise NotFound(f"workflow {slug} has no occurrence {local} behind it; {how}")
    before = await get_job(tx, known.job_id) if known.job_id is not None else None
    is_open = before is not None and before.status in NOT_DONE and await open_again(tx, known, now=now)
    if is_open or await open_missed(tx, workflow["id"], local, now=now):
        _check_door(workflow, now)
        earlier = (*(Order.of(before).earlier or ()), before.id) if before is not None else None
        job = await _let_in(tx, inst, workflow, local, earlier=earlier, now=now)
        return known.model_copy(update={"state": "opened", "opened_at": now, "job_id": job.id}), job
    # Somebody may have opened it between the first look and the lock.
    known = await find_occurrence(tx, workflow["id"], local) or known
    return known, await get_job(tx, known.job_id) if known.job_id is not None else None


async def _let_in(
    tx: Tx,
    inst: Installation,
    workflow: Row,
    local: str,
    *,
    due: datetime | None = None,
    earlier: Sequence[str] | None = None,
    now: datetime,
) -> Job:
    order = Order(
        workflow=workflow["slug"],
        workflow_id=workflow["id"],
        object=workflow["object"],
        version=workflow["version"],
        occurrence=local,
        due=due,
        earlier=earlier,
    )
    job = await request_bulk(tx, inst, workflow, order, now=now)
    await give_job(tx, workflow["id"], local, job.id)
    return job


def _reason(workflow: Row, occurrence: Occurrence, now: datetime) -> MissReason | None:
    """Why an occurrence that has come is not opened; None: it is."""
    if workflow["is_paused"]:
        return "paused"
    if not lets_in(workflow, now):
        return "turned_off"
    return "late" if now - occurrence.at > LATE else None


def _check_door(workflow: Row, now: datetime) -> None:
    if not lets_in(workflow, now):
        raise Conflict(f"workflow {workflow['slug']} is off: nobody would enter; turn it on first", code="workflow_off")
    if workflow["is_paused"]:
        words = f"workflow {workflow['slug']} is paused: nobody would enter; resume it first"
        raise Conflict(words, code="workflow_paused")


async def _schedule(read: Read, workflow: Row) -> Schedule | None:
    if workflow["type"] != "scheduled" or workflow["version"] is None:
        return None
    return (await load_content(read, workflow["id"], workflow["version"])).definition.schedule
