"""The report of a workflow, and the enrollments behind each of its numbers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.csv_files import SHOWN, Cell, Format, csv_answer
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
from domain.periods import By
from services.telling.over_time import FIGURES as OF_PERIODS
from services.telling.over_time import OverTime, days_of, make_over_time
from services.telling.report import Figure, Number, Report, StepReport, list_behind, make_report
from services.telling.totals import list_behind_total
from store.listing import Filters, list_decisions
from store.totals import Total, TotalFigure

router = APIRouter(prefix="/workflows", tags=["reports"], route_class=StorableRoute)

FirstDay = Annotated[date | None, Query(alias="from", description="The first day, in the zone of the workflow.")]
LastDay = Annotated[date | None, Query(alias="to", description="The last day, itself included.")]

STEP_COLUMNS = tuple(StepReport.model_fields)


@router.get("/{slug}/report", response_model=Report, responses=SHOWN)
async def show_report(slug: Slug, read: Reading, _: EnrollmentsRead, format: Format = "json") -> Report | Response:
    """Per step what became of those who came to it; in total how enrollments ended; over all versions.

    As CSV the steps, a line each.
    """
    found = await make_report(read, await workflow_or_404(read, slug))
    if format == "json":
        return found
    rows = [[_sum(getattr(step, name)) for name in STEP_COLUMNS] for step in found.steps]
    return csv_answer(f"{slug}-report", STEP_COLUMNS, rows)


@router.get("/{slug}/report/over-time", response_model=OverTime, responses=SHOWN)
async def show_over_time(
    slug: Slug,
    read: Reading,
    inst: Inst,
    _: EnrollmentsRead,
    by: Annotated[By, Query(description="Days, or weeks from Monday.")] = "day",
    first: FirstDay = None,
    last: LastDay = None,
    format: Format = "json",
) -> OverTime | Response:
    """How many entered, ended and reached a goal, day by day or week by week, in the zone of the workflow.

    `report/enrollments` with `from` and `to` of a period lists who they were.
    """
    found = await make_over_time(read, inst, await workflow_or_404(read, slug), by, first=first, last=last)
    if format == "json":
        return found
    reasons = sorted({reason for period in found.periods for reason in period.by_reason})
    heads = ("first", "last", "enrolled", "ended", "goal", *reasons)
    rows: list[list[Cell]] = [
        [str(p.first), str(p.last), p.enrolled, p.ended, p.goal, *(p.by_reason.get(reason, 0) for reason in reasons)]
        for p in found.periods
    ]
    return csv_answer(f"{slug}-by-{by}", heads, rows)


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
    first: FirstDay = None,
    last: LastDay = None,
) -> Page[EnrollmentView]:
    """The enrollments that a number of the totals, of a goal or of a day counts: over all pages as many as it says.

    Of `records` and `converted`, which count records, each record is listed by its first enrollment that counts.
    `from` and `to` narrow enrolled, ended and goal to the days from the one to the other.
    """
    if (reason is not None and figure != "ended") or (goal is not None and figure not in ("goal", "converted")):
        raise Invalid("reason narrows ended, goal narrows goal and converted")
    workflow = await workflow_or_404(read, slug)
    within = await days_of(read, workflow, first, last)
    if within is not None and (figure not in OF_PERIODS or goal is not None):
        raise Invalid(f"from and to narrow {', '.join(OF_PERIODS)}")
    total = Total(figure=figure, reason=reason, goal=goal, within=within)
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
    reason: Annotated[
        str | None, Query(max_length=60, description="Narrow skipped, failed or left to one reason.")
    ] = None,
) -> Page[VisitBehind]:
    """The visits that a number counts, each with its enrollment: over all pages exactly as many as the number says."""
    after = paging.place(parts=3, number=1)
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
        key=lambda row: f"{row['id']} {row['visit_n']} {row['message_id']}",
    )


def _sum(figure: Any) -> Cell:
    """One number of what is counted by reason."""
    return sum(figure.values()) if isinstance(figure, dict) else cast(Cell, figure)
