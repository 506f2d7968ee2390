"""What failed and what does not go on, counted, and the enrollments behind each number."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.deps import EnrollmentsRead, Inst, Reading
from api.limits import StorableRoute
from api.loading import names_of, workflow_or_404
from api.paging import Page, Paged, page
from api.routes.enrollments import Text
from api.schemas.enrollments import enrollment_view
from api.schemas.trouble import TroubleItem, TroubleList, trouble_group, trouble_item
from api.seeing import enrollment_as_seen
from domain.trouble import Trouble
from store.trouble import TroubleFilters, count_trouble, list_trouble

router = APIRouter(prefix="/trouble", tags=["reports"], route_class=StorableRoute)


async def read_filters(
    read: Reading,
    inst: Inst,
    workflow: Text = None,
    step: Text = None,
    trouble: Annotated[
        Trouble | None, Query(alias="class", description="A failure class, or retrying, undecided or overdue.")
    ] = None,
    minutes: Annotated[
        int, Query(ge=1, le=525_600, description="How long nothing may go on before it is retrying or overdue.")
    ] = 60,
) -> TroubleFilters:
    """What is looked at."""
    named = (await workflow_or_404(read, workflow))["id"] if workflow is not None else None
    patience = timedelta(minutes=minutes)
    return TroubleFilters(now=inst.clock.now(), patience=patience, workflow=named, step=step, trouble=trouble)


Filters = Annotated[TroubleFilters, Depends(read_filters)]


@router.get("", response_model=TroubleList)
async def count(read: Reading, _: EnrollmentsRead, filters: Filters) -> TroubleList:
    """What failed and was not retried, and what does not go on, by workflow, step and class."""
    return TroubleList(items=[trouble_group(row) for row in await count_trouble(read, filters)])


@router.get("/enrollments", response_model=Page[TroubleItem])
async def list_behind(
    read: Reading, inst: Inst, caller: EnrollmentsRead, paging: Paged, filters: Filters
) -> Page[TroubleItem]:
    """The enrollments behind these numbers, newest first: since when, and what was said."""
    after = paging.place(parts=4, number=2)
    rows = await list_trouble(read, filters, after=after, limit=paging.fetch)
    names = await names_of(read, caller, rows)
    return page(
        rows,
        paging,
        lambda row: trouble_item(
            row, enrollment_as_seen(caller, enrollment_view(row, inst.runs.link(row["run_id"]), names))
        ),
        key=lambda row: f"{row['id']} {row['trouble_step']} {row['trouble_n']} {row['trouble_trouble']}",
    )
