"""The report of a workflow, and the enrollments behind each of its numbers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import EnrollmentsRead, Inst, Reading
from api.limits import StorableRoute
from api.loading import names_of, workflow_or_404
from api.paging import Page, Paged, page
from api.routes.enrollments import Slug
from api.schemas.enrollments import EnrollmentView, EntryDecisionView, VisitBehind, enrollment_view
from api.seeing import decisions_as_seen, enrollment_as_seen
from domain.entry import Decision
from domain.errors import Invalid
from domain.messages import EndReason
from services.telling.report import Figure, Number, Report, list_behind, make_report
from services.telling.totals import list_behind_total
from store.listing import Filters, list_decisions
from store.totals import Total, TotalFigure

router = APIRouter(prefix="/workflows", tags=["reports"], route_class=StorableRoute)


@router.get("/{slug}/report", response_model=Report)
async def show_report(slug: Slug, read: Reading, _: EnrollmentsRead) -> Report:
    """Per step what became of those who came to it; in total how enrollments ended; over all versions."""
    return await make_report(read, await workflow_or_404(read, slug))


@router.get("/{slug}/report/enrollments", response_model=Page[EnrollmentView])
async def show_behind_total(
    slug: Slug,
    figure: Annotated[TotalFigure, Query(description="Which number of the totals, or of a goal.")],
    read: Reading,
    inst: Inst,
    caller: EnrollmentsRead,
    paging: Paged,
    reason: Annotated[EndReason | None, Query(description="Narrow ended to one reason.")] = None,
    goal: Annotated[str | None, Query(max_length=40, description="Narrow goal or converted to one goal.")] = None,
) -> Page[EnrollmentView]:
    """The enrollments that a number of the totals or of a goal counts: over all pages exactly as many as it says.

    Of `records` and `converted`, which count records, each record is listed by its first enrollment that counts.
    """
    if (reason is not None and figure != "ended") or (goal is not None and figure not in ("goal", "converted")):
        raise Invalid("reason narrows ended, goal narrows goal and converted")
    workflow = await workflow_or_404(read, slug)
    total = Total(figure=figure, reason=reason, goal=goal)
    rows = await list_behind_total(read, workflow, total, after=paging.after, limit=paging.fetch)
    names = await names_of(read, caller, rows)
    return page(
        rows,
        paging,
        lambda row: enrollment_as_seen(caller, enrollment_view(row, inst.runs.link(row["run_id"]), names)),
        key=lambda row: str(row["id"]),
    )


@router.get("/{slug}/report/decisions", response_model=Page[EntryDecisionView])
async def show_behind_decisions(
    slug: Slug,
    read: Reading,
    caller: EnrollmentsRead,
    paging: Paged,
    decision: Annotated[Decision | None, Query(description="Which decision; absent: all of them.")] = None,
) -> Page[EntryDecisionView]:
    """The entry decisions that a number counts, newest first: why records did or did not enter."""
    await workflow_or_404(read, slug)
    filters = Filters(workflow=slug, decision=decision)
    rows = await list_decisions(read, filters, after=paging.after, limit=paging.fetch)
    shown = await decisions_as_seen(read, caller, rows)
    return page(shown, paging, lambda view: view, key=lambda view: view.id)


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
            enrollment=enrollment_as_seen(caller, enrollment_view(row, inst.runs.link(row["run_id"]), names)),
        ),
        key=lambda row: f"{row['id']} {row['visit_n']}",
    )
