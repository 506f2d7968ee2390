"""When each step of a workflow would happen for a record."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import EnrollmentsRead, Inst
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.loading import workflow_or_404
from api.routes.enrollments import Slug, ask_of
from api.schemas.previews import PreviewBody
from services.telling.previewing import Preview, preview

router = APIRouter(prefix="/workflows", tags=["enrollments"], route_class=StorableRoute)


@router.post("/{slug}/preview", response_model=Preview)
async def preview_way(slug: Slug, body: PreviewBody, inst: Inst, caller: EnrollmentsRead, once: OnlyOnce) -> Response:
    """When each step on the way would happen if the record entered: delays, hours for messages, dates that are past.

    Nobody enters, and nothing is decided about whether the record would (`explain` does that). Branches are followed as
    values stand now, of a wait only its timeout is known. Values seen need records:read as well.
    """

    async def work() -> Answer:
        async with inst.db.transaction() as tx:
            workflow = await workflow_or_404(tx, slug)
            ask = await ask_of(tx, inst, caller, body)
        async with inst.db.read() as read:
            found = await preview(read, inst, workflow, ask, at=body.at)
        if "records:read" not in caller.scopes:
            blind = [step.model_copy(update={"seen": ()}) for step in found.steps]
            found = found.model_copy(update={"steps": blind})
        return answer(found)

    return await once.run_long(work)
