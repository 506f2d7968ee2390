"""Enrollments: enter a workflow, look, follow, leave; and why a record did or did not enter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.answers import Answer, answer
from api.csv_files import SHOWN, Cell, Format, csv_answer
from api.deps import Caller, EnrollmentsRead, EnrollmentsWrite, Inst, Reading
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.instants import WrittenInstant
from api.limits import StorableRoute
from api.loading import enrollment_or_404, filter_or_404, names_of, workflow_or_404
from api.paging import Page, Paged, page
from api.routes.records import writing
from api.schemas.enrollments import (
    DecisionAnswer,
    EnrollBody,
    EnrollmentView,
    EntryDecisionView,
    MoveBody,
    TemporalView,
    enrollment_view,
)
from api.seeing import as_seen, decisions_as_seen, enrollment_as_seen
from domain.entry import Decision
from domain.entry_words import cause_words
from domain.errors import NotFound
from domain.messages import EndReason, EnrollmentStatus
from domain.reader import join
from domain.telling import tell_decision
from services.authoring.pausing import pause_enrollment, resume_enrollment
from services.entering.by_hand import Ask, enroll_by_hand, unenroll
from services.entering.enrolling import Decided
from services.installation import Installation
from services.leaving.moving import move_to, skip_wait
from services.records.places import placed
from services.records.records import hold_record
from services.running.deliveries import deliver_now
from services.telling.timeline import EnrollmentTimeline, tell_enrollment
from store.database import Read, Tx
from store.listing import Filters, list_decisions, list_enrollments

TIMELINE_COLUMNS = ("at", "until", "step", "name", "outcome", "reason", "words")

router = APIRouter(tags=["enrollments"], route_class=StorableRoute)

Slug = Annotated[str, Path(max_length=63, examples=["new-opportunity-follow-up"])]
EnrollmentId = Annotated[str, Path(max_length=36)]
Text = Annotated[str | None, Query(max_length=80)]

TAKEN_UP = ("enrolled", "absorbed_update")
"""Decisions after which a run follows the record; all others are a "no"."""


@router.post(
    "/workflows/{slug}/enrollments", status_code=202, response_model=DecisionAnswer,
    responses={200: {"model": DecisionAnswer, "description": "It did not enter; `decision` says why."}},
)  # fmt: skip
async def enroll_record(slug: Slug, body: EnrollBody, inst: Inst, caller: EnrollmentsWrite, once: OnlyOnce) -> Response:
    """Let a record enter: past the triggers, but never past suppression, goals, exits and re-entry."""
    taken: list[str] = []

    async def work(tx: Tx) -> Answer:
        workflow = await workflow_or_404(tx, slug)
        ask = await ask_of(tx, inst, caller, body)
        decided = await enroll_by_hand(tx, workflow, ask, cause=caller.cause, now=inst.clock.now(), starter=inst.name)
        if decided.decision in TAKEN_UP and decided.enrollment_id is not None:
            taken.append(decided.enrollment_id)
        return _decided(inst, decided)

    return delivering(inst, await once.run(work), taken)


def read_filters(
    workflow: Text = None,
    record: Text = None,
    opportunity: Text = None,
    step: Text = None,
    status: Annotated[EnrollmentStatus | None, Query()] = None,
    end_reason: Annotated[EndReason | None, Query()] = None,
    since: Annotated[WrittenInstant | None, Query(description="Started at or after this instant.")] = None,
) -> Filters:
    """What a list of enrollments is narrowed to."""
    return Filters(
        workflow=workflow, record=record, opportunity=opportunity, step=step, status=status, end_reason=end_reason,
        since=since,
    )  # fmt: skip


@router.get("/enrollments", response_model=Page[EnrollmentView])
async def list_page(
    read: Reading,
    inst: Inst,
    caller: EnrollmentsRead,
    paging: Paged,
    filters: Annotated[Filters, Depends(read_filters)],
) -> Page[EnrollmentView]:
    """Enrollments, newest first."""
    await filter_or_404(read, filters.workflow)
    rows = await list_enrollments(read, filters, after=paging.after, limit=paging.fetch)
    names = await names_of(read, caller, rows)
    return page(
        rows,
        paging,
        lambda row: enrollment_as_seen(caller, enrollment_view(row, inst.runs.link(row["run_id"]), names)),
        key=lambda row: str(row["id"]),
    )


@router.get("/enrollments/{enrollment_id}", response_model=EnrollmentView)
async def show(enrollment_id: EnrollmentId, read: Reading, inst: Inst, caller: EnrollmentsRead) -> EnrollmentView:
    """One enrollment: where it stands, until when, how it ended."""
    return await _shown(read, inst, caller, enrollment_id)


@router.get("/enrollments/{enrollment_id}/timeline", response_model=EnrollmentTimeline, responses=SHOWN)
async def show_timeline(
    enrollment_id: EnrollmentId, read: Reading, caller: EnrollmentsRead, format: Format = "json"
) -> EnrollmentTimeline | Response:
    """What happened to it: the entry decision, every visit with outcome, reason and values seen, and the end.

    Values seen need records:read as well, messages and tasks messages:read; without they are left out. As CSV a line
    for each, in words.
    """
    told = as_seen(caller, await tell_enrollment(read, await enrollment_or_404(read, enrollment_id)))
    if format == "json":
        return told
    return csv_answer(f"enrollment-{enrollment_id}", TIMELINE_COLUMNS, _lines(told))


def _lines(told: EnrollmentTimeline) -> list[list[Cell]]:
    """A timeline as lines, in the order of what happened."""
    lines: list[list[Cell]] = []
    if told.entry is not None:
        lines.append([told.entry.at.isoformat(), None, None, None, None, None, told.entry.words])
    for visit in told.visits:
        left = visit.left_at.isoformat() if visit.left_at is not None else None
        lines.append(
            [visit.entered_at.isoformat(), left, visit.step, visit.name, visit.outcome, visit.reason, visit.words]
        )
    lines += [[merge.at.isoformat(), None, None, None, None, None, merge.words] for merge in told.merges]
    lines += [[None, None, None, None, None, None, words] for words in (told.held, told.end) if words is not None]
    return lines


@router.post("/enrollments/{enrollment_id}/unenroll", response_model=EnrollmentView)
async def take_out(enrollment_id: EnrollmentId, inst: Inst, caller: EnrollmentsWrite, once: OnlyOnce) -> Response:
    """Take the record out at once, also in the middle of a delay; an ended enrollment stays as it ended."""
    ended: list[str] = []
    by = cause_words(caller.cause.kind, caller.cause.id)

    async def work(tx: Tx) -> Answer:
        if await unenroll(tx, enrollment_id, by=by, now=inst.clock.now()):
            ended.append(enrollment_id)
        return answer(await _shown(tx, inst, caller, enrollment_id))

    return delivering(inst, await once.run(work), ended)


@router.post("/enrollments/{enrollment_id}/pause", response_model=EnrollmentView, responses=refusals(409))
async def pause(enrollment_id: EnrollmentId, inst: Inst, caller: EnrollmentsWrite, once: OnlyOnce) -> Response:
    """Hold it at its next step. Clocks run on; goals, exits and suppression still act."""
    return await _operated(inst, caller, once, enrollment_id, pause_enrollment)


@router.post("/enrollments/{enrollment_id}/resume", response_model=EnrollmentView, responses=refusals(409))
async def resume(enrollment_id: EnrollmentId, inst: Inst, caller: EnrollmentsWrite, once: OnlyOnce) -> Response:
    """Let it go on at once; what passed meanwhile is taken now. A workflow that is paused holds it all the same."""
    return await _operated(inst, caller, once, enrollment_id, resume_enrollment)


@router.post("/enrollments/{enrollment_id}/skip-wait", response_model=EnrollmentView, responses=refusals(409))
async def skip(enrollment_id: EnrollmentId, inst: Inst, caller: EnrollmentsWrite, once: OnlyOnce) -> Response:
    """Let it go on from the delay or wait it stands in, as if its time were over."""
    return await _operated(inst, caller, once, enrollment_id, skip_wait)


@router.post("/enrollments/{enrollment_id}/move-to", response_model=EnrollmentView, responses=refusals(409))
async def move_on(
    enrollment_id: EnrollmentId, body: MoveBody, inst: Inst, caller: EnrollmentsWrite, once: OnlyOnce
) -> Response:
    """Let it go on at any step of its version, whatever it is doing."""
    return await _operated(inst, caller, once, enrollment_id, partial(move_to, step=body.step))


@router.get("/entry-decisions", response_model=Page[EntryDecisionView])
async def list_entry_decisions(
    read: Reading,
    caller: EnrollmentsRead,
    paging: Paged,
    workflow: Text = None,
    record: Text = None,
    opportunity: Text = None,
    enrollment: Text = None,
    cause: Annotated[str | None, Query(max_length=80, description="The API key, job or enrollment behind it.")] = None,
    decision: Annotated[Decision | None, Query()] = None,
    since: Annotated[WrittenInstant | None, Query()] = None,
) -> Page[EntryDecisionView]:
    """Why records did or did not enter, newest first."""
    await filter_or_404(read, workflow)
    filters = Filters(
        workflow=workflow, record=record, opportunity=opportunity, enrollment=enrollment, cause=cause,
        decision=decision, since=since,
    )  # fmt: skip
    rows = await list_decisions(read, filters, after=paging.after, limit=paging.fetch)
    shown = await decisions_as_seen(read, caller, rows)
    return page(shown, paging, lambda view: view, key=lambda view: view.id)


async def _shown(read: Read, inst: Installation, caller: Caller, enrollment_id: str) -> EnrollmentView:
    row = await enrollment_or_404(read, enrollment_id)
    view = enrollment_view(row, inst.runs.link(row["run_id"]), await names_of(read, caller, [row]))
    return enrollment_as_seen(caller, view)


async def _operated(
    inst: Installation, caller: Caller, once: OnlyOnce, enrollment_id: str, operate: Callable[..., Awaitable[object]]
) -> Response:
    """What an operator asked for, done in one transaction and told to the run."""

    async def work(tx: Tx) -> Answer:
        await operate(tx, enrollment_id, now=inst.clock.now())
        return answer(await _shown(tx, inst, caller, enrollment_id))

    return delivering(inst, await once.run(work), [enrollment_id])


async def ask_of(tx: Tx, inst: Installation, caller: Caller, body: EnrollBody) -> Ask:
    """Whom a body means; a record that is named by a unique property is found."""
    record_id, bound = body.record.id, body.bound_reference
    if record_id is None:
        (property, value), *_ = (body.record.by or {}).items()
        write = await writing(tx, inst, caller.cause)
        also, by = [bound.id] if bound else [], join("/record/by", property)
        with placed({"/property": by, "/value": by}):
            found = await hold_record(tx, write, body.record.object, property, value, also=also)
        if found is None:
            raise NotFound(f"there is no {body.record.object} with this {property}")
        record_id = found.id
    return Ask(
        object=body.record.object,
        record_id=record_id,
        bound_object=bound.object if bound else None,
        bound_id=bound.id if bound else None,
        parameters=body.parameters,
    )


def _decided(inst: Installation, decided: Decided) -> Answer:
    temporal = None
    if decided.run_id is not None:
        temporal = TemporalView(workflow_id=decided.run_id, ui_url=inst.runs.link(decided.run_id))
    shown = DecisionAnswer(
        decision=decided.decision,
        detail=decided.detail,
        words=tell_decision(decided.decision, decided.detail),
        enrollment_id=decided.enrollment_id,
        temporal=temporal,
    )
    if decided.decision not in TAKEN_UP:
        return answer(shown)
    return answer(shown, 202, headers={"Location": f"/api/v1/enrollments/{decided.enrollment_id}"})


def delivering(inst: Installation, made: Response, enrollment_ids: list[str]) -> Response:
    """``made``, and once it is sent the deliveries of these enrollments; what fails is left to the relays."""

    async def deliver() -> None:
        for enrollment_id in enrollment_ids:
            await deliver_now(inst, enrollment_id)

    made.background = BackgroundTask(deliver)
    return made
