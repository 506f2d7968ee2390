"""The report of a workflow, and the enrollments behind each of its numbers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import EnrollmentsRead, Inst, Reading
from api.limits import StorableRoute
from api.loading import names_of, workflow_or_404
from api.paging import Page, Paged, page
from api.routes.enrollments import Slug
from api.schemas.enrollments import VisitBehind, enrollment_view
from domain.errors import Invalid
from services.report import Figure, Number, Report, list_behind, make_report

router = APIRouter(prefix="/workflows", tags=["reports"], route_class=StorableRoute)


@router.get("/{slug}/report", response_model=Report)
async def show_report(slug: Slug, read: Reading, _: EnrollmentsRead) -> Report:
    """Per step what became of those who came to it; in total how enrollments ended; over all versions."""
    return await make_report(read, await workflow_or_404(read, slug))


@router.get("/{slug}/report/{step}/{figure}", response_model=Page[VisitBehind])
async def show_behind(
    slug: Slug,
    step: Annotated[str, Path(max_length=40)],
    figure: Annotated[Figure, Path(description="Which number of the step.")],
    read: Reading,
    inst: Inst,
    caller: EnrollmentsRead,
    paging: Paged,
    reason: Annotated[str | None, Query(max_length=60, description="Narrow skipped or failed to one reason.")] = None,
) -> Page[VisitBehind]:
    """The visits that a number counts, each with its enrollment: over all pages exactly as many as the number says."""
    after = () if paging.after is None else tuple(paging.after.split(" "))
    if after and (len(after) != 2 or not after[1].isdecimal()):
        raise Invalid("this cursor belongs to another list")
    workflow = await workflow_or_404(read, slug)
    number = Number(step=step, figure=figure, reason=reason)
    rows = await list_behind(read, workflow, number, after=after, limit=paging.fetch)
    names = await names_of(read, caller, rows)
    return page(
        rows,
        paging,
        lambda row: VisitBehind(
            step=step,
            n=row["visit_n"],
            entered_at=row["visit_entered_at"],
            left_at=row["visit_left_at"],
            outcome=row["visit_outcome"],
            reason=row["visit_reason"],
            enrollment=enrollment_view(row, inst.runs.link(row["run_id"]), names),
        ),
        key=lambda row: f"{row['id']} {row['visit_n']}",
    )
