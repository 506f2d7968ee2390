"""The live part of workflows: settings and anchor, which apply at once to everybody inside."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import answer
from api.deps import Inst, Reading, WorkflowsPublish, WorkflowsRead
from api.describing import refusals
from api.limits import StorableRoute
from api.loading import workflow_or_404
from api.paging import Page, Paged, page
from api.routes.enrollments import Slug
from api.schemas.live import ChangedSettings, LiveSettings, SettingsPatch, changed_settings, live_settings
from domain.errors import Conflict
from services.auditing import audited
from services.authoring.live import change_live, live_history

router = APIRouter(prefix="/workflows", tags=["workflows"], route_class=StorableRoute)


@router.get("/{slug}/settings", response_model=LiveSettings, responses=refusals(409))
async def show_settings(slug: Slug, read: Reading, _: WorkflowsRead) -> LiveSettings:
    """The settings and the anchor that hold now, for everybody inside."""
    workflow = await workflow_or_404(read, slug)
    found = await live_history(read, workflow["id"], limit=1)
    if not found:
        raise Conflict(f"workflow {slug} was never published; its draft says what would hold", code="not_published")
    return live_settings(found[0])


@router.patch("/{slug}/settings", response_model=ChangedSettings, responses=refusals(409))
async def change_settings(slug: Slug, body: SettingsPatch, inst: Inst, caller: WorkflowsPublish) -> Response:
    """Change them, and the draft with them: whoever waits inside is timed anew at once, whatever version they run."""
    changed = body.model_dump(mode="json", exclude_unset=True)
    async with inst.db.transaction() as tx:
        now = inst.clock.now()
        async with audited(tx, caller.author, "workflow.settings_changed", slug, now=now):
            made = await change_live(tx, inst, slug, changed, cause=caller.cause, now=now)
    return answer(changed_settings(made)).response()


@router.get("/{slug}/settings/history", response_model=Page[LiveSettings])
async def list_settings(slug: Slug, read: Reading, _: WorkflowsRead, paging: Paged) -> Page[LiveSettings]:
    """What held since when, and who said so; newest first."""
    workflow = await workflow_or_404(read, slug)
    found = await live_history(read, workflow["id"], before=paging.after, limit=paging.fetch)
    return page(found, paging, live_settings, key=lambda each: each.id)
