"""Workflows: drafts, problems, versions, on and off."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Path, Query
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import IfMatch, Inst, Reading, WorkflowsPublish, WorkflowsRead, WorkflowsWrite
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.loading import workflow_or_404
from api.paging import Page, Paged, page
from api.preconditions import demanded
from api.routes.enrollments import Slug
from api.schemas.usages import EvenIfUsed
from api.schemas.workflows import (
    DEFINITION,
    Problems,
    PublishBody,
    PublishedVersion,
    PublishPreview,
    SavedDraft,
    VersionDetail,
    VersionSummary,
    WorkflowShown,
    WorkflowSummary,
    publish_preview,
    saved_draft,
    summary,
    workflow_shown,
)
from domain.audit import What
from domain.base import Json
from domain.usages import Thing
from services.auditing import audited, note_made
from services.authoring import workflows as services
from services.authoring.pausing import pause_workflow, resume_workflow
from services.authoring.usages import hold_unused
from services.installation import Installation
from services.intake.hooks import show_hooks
from services.jobs.bulk_enrollment import SCOPE, request_existing
from services.jobs.bulk_moving import request_move
from services.jobs.jobs import begin_all
from services.recurring.occurrences import show_ahead
from services.telling.move_preview import preview_move
from services.workflow_views import find
from store.database import Tx
from store.jobs import Job
from store.workflows import WorkflowFilters, find_workflow, list_versions

router = APIRouter(prefix="/workflows", tags=["workflows"], route_class=StorableRoute)

Definition = Annotated[dict[str, Json], Body(description="A workflow definition.", examples=[DEFINITION])]


@router.get("", response_model=Page[WorkflowSummary])
async def list_workflows(
    read: Reading,
    inst: Inst,
    _: WorkflowsRead,
    paging: Paged,
    search: Annotated[
        str | None, Query(max_length=200, description="Words that all stand in name, slug, folder or description.")
    ] = None,
    folder: Annotated[str | None, Query(max_length=200, description="This folder and those below it.")] = None,
    object: Annotated[str | None, Query(max_length=40)] = None,
    type: Annotated[str | None, Query(max_length=20)] = None,
    on: Annotated[bool | None, Query(description="Whether it lets records in.")] = None,
    managed_by: Annotated[Literal["pipeline", "recipe"] | None, Query()] = None,
) -> Page[WorkflowSummary]:
    """Workflows in order of creation, without their drafts."""
    filters = WorkflowFilters(
        search=search, folder=folder, object=object, type=type, on=on, managed_by=managed_by
    )  # fmt: skip
    found = await services.list_workflows(read, inst, filters, after=paging.after, limit=paging.fetch)
    return page(found, paging, summary, key=lambda workflow: workflow.id)


@router.post("", status_code=201, response_model=SavedDraft)
async def create_workflow(body: Definition, inst: Inst, caller: WorkflowsWrite, once: OnlyOnce) -> Response:
    """Store the first draft of a workflow and tell its problems."""
    await services.examine_ahead(inst, body)

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        made = await services.create_workflow(tx, inst, body, now=now)
        await note_made(tx, caller.author, "workflow.created", made.workflow.slug, now=now)
        return saved_answer(made)

    return await once.run(work)


@router.get("/{slug}", response_model=WorkflowShown)
async def show_workflow(slug: Slug, read: Reading, inst: Inst, _: WorkflowsRead) -> Response:
    """One workflow with its draft; the ETag names this state of it."""
    found = await services.get_workflow(read, inst, slug)
    hooks = await show_hooks(read, slug)
    ahead = await show_ahead(read, found.id)
    return answer(workflow_shown(found, hooks, ahead), headers={"ETag": found.etag}).response()


@router.put("/{slug}", response_model=SavedDraft, responses={201: {"model": SavedDraft}, **refusals(409, 428)})
async def save_draft(
    slug: Slug, body: Definition, inst: Inst, caller: WorkflowsWrite, if_match: IfMatch = None
) -> Response:
    """Store a draft with whatever mistakes it has, and tell them; If-Match is demanded when the workflow exists."""
    matched = None if if_match is None else demanded(if_match)
    await services.examine_ahead(inst, body)
    async with inst.db.transaction() as tx:
        now = inst.clock.now()
        what: What = "workflow.draft_saved" if await find_workflow(tx, slug) else "workflow.created"
        async with audited(tx, caller.author, what, slug, now=now):
            saved = await services.save_draft(tx, inst, slug, body, if_match=matched, now=now)
    return saved_answer(saved).response()


@router.delete("/{slug}", status_code=204, responses=refusals(409, 428))
async def delete_workflow(
    slug: Slug,
    inst: Inst,
    caller: WorkflowsWrite,
    if_match: IfMatch = None,
    inside: Annotated[services.Inside | None, Query(description="What becomes of those inside.")] = None,
    even_if_used: EvenIfUsed = False,
) -> Response:
    """Delete a workflow; its history stays. While somebody is inside, `inside` must say what becomes of them.

    One that other workflows or lists name stays, unless `even_if_used` says so: steps that enroll into it fail then.
    """
    async with inst.db.transaction() as tx:
        await workflow_or_404(tx, slug)
        matched = demanded(if_match)
        now = inst.clock.now()
        async with audited(tx, caller.author, "workflow.deleted", slug, now=now):
            if not even_if_used:
                await hold_unused(tx, inst, Thing(kind="workflow", name=slug), what="deleted")
            await services.delete_workflow(tx, slug, if_match=matched, inside=inside, now=now)
    return answer(None).response()


@router.post("/{slug}/validate", response_model=Problems)
async def validate(
    slug: Slug, inst: Inst, _: WorkflowsRead, once: OnlyOnce, body: Definition | None = None
) -> Response:
    """Every problem of the definition sent, or without a body of the draft. Nothing is stored."""

    async def work() -> Answer:
        async with inst.db.read() as read:
            raw: Json = body
            if raw is None:
                raw = (await workflow_or_404(read, slug))["draft"]
            return answer(Problems(problems=list(await services.validate(read, inst, raw))))

    return await once.run_long(work)


@router.post("/{slug}/publish", response_model=PublishedVersion | PublishPreview)
async def publish(
    slug: Slug,
    inst: Inst,
    caller: WorkflowsPublish,
    once: OnlyOnce,
    body: Annotated[PublishBody | None, Body()] = None,
) -> Response:
    """Make the draft the current version and turn the workflow on; refused while the draft has problems.

    `existing_records` also takes in everybody who matches a filter trigger now, by a job (needs `enrollments:write`).
    `in_flight: move` takes everybody inside an older version to this one, by another job: each goes on at the step it
    stands in or, where that is gone, at the first one behind it that is left. Nothing that was done is done again.
    `dry_run: true` stores nothing and tells per step how many stand there, where they would go, and how many of them
    would come to an action within the hour.
    """
    wanted = body or PublishBody()
    if wanted.dry_run:
        return await once.run_long(lambda: _preview(inst, slug, wanted))
    if wanted.existing_records:
        caller.demand(SCOPE)
    await services.examine_draft_ahead(inst, slug)
    taking_in: list[Job] = []
    moving: list[Job] = []

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        async with audited(tx, caller.author, "workflow.published", slug, now=now):
            made = await services.publish(tx, inst, slug, now=now)
        if wanted.existing_records:
            taking_in.append(await request_existing(tx, inst, slug, made.version, now=now))
        if wanted.in_flight == "move":
            moving.append(await request_move(tx, await find(tx, slug), made.version, now=now))
        job_id, move_job_id = (jobs[0].id if jobs else None for jobs in (taking_in, moving))
        shown = PublishedVersion(
            slug=slug, version=made.version, warnings=list(made.warnings), job_id=job_id, move_job_id=move_job_id
        )
        return answer(shown)

    done = await once.run(work)
    done.background = BackgroundTask(begin_all, inst, [*taking_in, *moving])
    return done


@router.post("/{slug}/turn-on", response_model=WorkflowSummary)
async def turn_on(slug: Slug, inst: Inst, caller: WorkflowsPublish, once: OnlyOnce) -> Response:
    """Let records enter again; refused while the current version names what was removed in the meantime."""
    await services.examine_current_ahead(inst, slug)

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        async with audited(tx, caller.author, "workflow.turned_on", slug, now=now):
            return answer(summary(await services.turn_on(tx, inst, slug, now=now)))

    return await once.run(work)


@router.post("/{slug}/turn-off", response_model=WorkflowSummary)
async def turn_off(slug: Slug, inst: Inst, caller: WorkflowsPublish, once: OnlyOnce) -> Response:
    """Let nobody enter; those inside finish."""

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        async with audited(tx, caller.author, "workflow.turned_off", slug, now=now):
            return answer(summary(await services.turn_off(tx, inst, slug, now=now)))

    return await once.run(work)


@router.post("/{slug}/pause", response_model=WorkflowSummary)
async def pause(slug: Slug, inst: Inst, caller: WorkflowsPublish, once: OnlyOnce) -> Response:
    """Let nobody enter, and hold everybody inside at their next step; goals, exits and suppression still act."""

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        async with audited(tx, caller.author, "workflow.paused", slug, now=now):
            return answer(summary(await pause_workflow(tx, inst, slug, now=now)))

    return await once.run(work)


@router.post("/{slug}/resume", response_model=WorkflowSummary)
async def resume(slug: Slug, inst: Inst, caller: WorkflowsPublish, once: OnlyOnce) -> Response:
    """Let everybody go on who is not paused alone, spread over `spread_minutes`."""

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        async with audited(tx, caller.author, "workflow.resumed", slug, now=now):
            return answer(summary(await resume_workflow(tx, inst, slug, now=now)))

    return await once.run(work)


@router.get("/{slug}/versions", response_model=Page[VersionSummary])
async def list_all_versions(slug: Slug, read: Reading, _: WorkflowsRead, paging: Paged) -> Page[VersionSummary]:
    """Published versions, newest first."""
    before = paging.number
    workflow = await workflow_or_404(read, slug)
    rows = await list_versions(read, workflow["id"], before=before, limit=paging.fetch)
    return page(rows, paging, lambda row: VersionSummary(**row), key=lambda row: str(row["version"]))


@router.get("/{slug}/versions/{version}", response_model=VersionDetail)
async def show_version(
    slug: Slug, version: Annotated[int, Path(ge=1, le=1_000_000)], read: Reading, inst: Inst, _: WorkflowsRead
) -> VersionDetail:
    """One published version; it never changes."""
    found = await services.get_version(read, inst, slug, version)
    return VersionDetail(**found.model_dump())


def saved_answer(saved: services.Saved) -> Answer:
    """A draft that was just stored, with its ETag, and where it is if it is new."""
    headers = {"ETag": saved.workflow.etag}
    if saved.created:
        headers["Location"] = f"/api/v1/workflows/{saved.workflow.slug}"
    return answer(saved_draft(saved), 201 if saved.created else 200, headers=headers)


async def _preview(inst: Installation, slug: str, wanted: PublishBody) -> Answer:
    async with inst.db.read() as read:
        found = await preview_move(read, inst, slug, move=wanted.in_flight == "move", now=inst.clock.now())
    return answer(publish_preview(slug, found))
