"""Why a record would or would not enter a workflow now."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import EnrollmentsRead, Inst, Reading
from api.limits import StorableRoute
from api.loading import workflow_or_404
from api.paging import Paged, page
from api.routes.enrollments import Slug
from api.schemas.explaining import ExplanationView
from api.seeing import case_as_seen, decisions_as_seen, pointer_as_seen
from domain.errors import Invalid
from domain.problems import FieldError
from services.telling.explaining import Asked, explain
from store.listing import Filters, list_decisions

router = APIRouter(prefix="/workflows", tags=["enrollments"], route_class=StorableRoute)

MOST_ABOUT = 20
"""Bound records explained in one answer; each is decided about by itself."""

LAST_DECISIONS = 5


@router.get("/{slug}/explain", response_model=ExplanationView)
async def explain_entry(
    slug: Slug,
    read: Reading,
    inst: Inst,
    caller: EnrollmentsRead,
    paging: Paged,
    record: Annotated[str, Query(max_length=36, description="The id of the record.")],
    bound: Annotated[str | None, Query(max_length=36, description="Only about this associated record.")] = None,
    opportunity: Annotated[str | None, Query(max_length=36, description="The same, of an opportunity.")] = None,
) -> ExplanationView:
    """Would this record enter now: by hand, and by each trigger if it fired; why, and with which values seen.

    Decided by the very rules of an entry, and nothing is written. Where triggers bind associated records, each of those
    is told too, up to 20 a page (`about`). Values and names of records need records:read as well.
    """
    if bound is not None and opportunity is not None and bound != opportunity:
        message = "bound and opportunity say the same; send one"
        raise Invalid(message, errors=[FieldError(path="query:opportunity", code="wrong_value", message=message)])
    workflow = await workflow_or_404(read, slug)
    paging = paging.model_copy(update={"limit": min(paging.limit, MOST_ABOUT)})
    asked = Asked(
        record_id=record, bound_id=bound or opportunity, after=paging.after, limit=paging.fetch,
        may_name="records:read" in caller.scopes,
    )  # fmt: skip
    found = await explain(read, workflow, asked, now=inst.clock.now())
    filters = Filters(workflow=slug, record=record, opportunity=asked.bound_id)
    rows = await list_decisions(read, filters, after=None, limit=LAST_DECISIONS)
    link = f"/api/v1/entry-decisions?workflow={slug}&record={record}"
    return ExplanationView(
        **{name: getattr(found, name) for name in ("workflow", "version", "state", "zone", "at", "unknown")},
        record=pointer_as_seen(caller, found.record),
        **dict(case_as_seen(caller, found.case)),
        about=page(
            found.about,
            paging,
            lambda case: case_as_seen(caller, case),
            key=lambda case: case.bound.id if case.bound is not None else "",
        ),
        decisions=await decisions_as_seen(read, caller, rows),
        decisions_link=link if asked.bound_id is None else f"{link}&opportunity={asked.bound_id}",
    )
