"""Folders: where workflows lie."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Inst, Reading, WorkflowsRead, WorkflowsWrite
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.routes.enrollments import Slug
from api.schemas.folders import FolderBody, Folders, RenameBody, Renamed, folder_view
from api.schemas.workflows import WorkflowSummary, summary
from services.auditing import audited
from services.authoring import folders as services
from store.database import Tx

router = APIRouter(tags=["workflows"], route_class=StorableRoute)


@router.get("/folders", response_model=Folders)
async def list_folders(read: Reading, _: WorkflowsRead) -> Folders:
    """Every folder with its number of workflows."""
    return Folders(items=[folder_view(each) for each in await services.list_folders(read)])


@router.post("/folders/rename", response_model=Renamed, responses=refusals(404, 412))
async def rename_folder(body: RenameBody, inst: Inst, caller: WorkflowsWrite, once: OnlyOnce) -> Response:
    """Call a folder something else; the workflows in it and below it go along, and run as they do."""

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        moved = await services.workflows_of_folder(tx, body.folder)
        for slug, at in moved.items():
            async with audited(tx, caller.author, "workflow.draft_saved", slug, now=now):
                to = services.renamed(at, body.folder, body.to)
                await services.put_into_folder(tx, inst, slug, to, now=now)
        return answer(Renamed(workflows=[*moved]))

    return await once.run(work)


@router.put("/workflows/{slug}/folder", response_model=WorkflowSummary, responses=refusals(412))
async def put_into_folder(slug: Slug, body: FolderBody, inst: Inst, caller: WorkflowsWrite) -> Response:
    """Put a workflow into a folder. It runs as it does; its draft says where it lies from then on."""
    async with inst.db.transaction() as tx:
        now = inst.clock.now()
        async with audited(tx, caller.author, "workflow.draft_saved", slug, now=now):
            made = await services.put_into_folder(tx, inst, slug, body.folder, now=now)
    return answer(summary(made)).response()
