"""The report of a workflow, and the enrollments behind each of its numbers."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.csv_files import MOST_LINES, SHOWN, Cell, Format, csv_answer
from api.deps import EnrollmentsRead, Inst, Reading
from api.instants import WrittenDay
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
from store.database import Row
from store.listing import Filters, list_decisions
from store.totals import Total, TotalFigure

router = APIRouter(prefix="/workflows", tags=["reports"], route_class=StorableRoute)

FirstDay = Annotated[WrittenDay | None, Query(alias="from", description="The first day, in the zone of the workflow.")]
LastDay = Annotated[WrittenDay | None, Query(alias="to", description="The last day, itself included.")]

STEP_COLUMNS = tuple(StepReport.model_fields)
ENROLLMENT_COLUMNS = (
    "enrollment", "version", "object", "record", "name", "status", "step", "started_at", "ended_at", "end_reason",
    "end_words",
)  # fmt: skip
VISIT_COLUMNS = ("step", "n", "entered_at", "left_at", "outcome", "reason", *ENROLLMENT_COLUMNS)


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


@router.get("/{slug}/report/enrollments", response_model=Page[EnrollmentView], responses=SHOWN)
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
    format: Format = "json",
) -> Page[EnrollmentView] | Response:
    """The enrollments that a number of the totals, of a goal or of a day counts: over all pages as many as it says.

    Of `records` and `converted`, which count records, each record is listed by its first enrollment that counts.
    `from` and `to` narrow enrolled, ended and goal to the days from the one to the other. As CSV up to 10,000 in one
    file: `limit` and `cursor` do not count.
    """
    if (reason is not None and figure != "ended") or (goal is not None and figure not in ("goal", "converted")):
        raise Invalid("reason narrows ended, goal narrows goal and converted")
    workflow = await workflow_or_404(read, slug)
    within = await days_of(read, workflow, first, last)
    if within is not None and (figure not in OF_PERIODS or goal is not None):
        raise Invalid(f"from and to narrow {', '.join(OF_PERIODS)}")
    total = Total(figure=figure, reason=reason, goal=goal, within=within)
    after, limit = (None, MOST_LINES) if format == "csv" else (paging.after, paging.fetch)
    rows = await list_behind_total(read, workflow, total, after=after, limit=limit)
    names = await names_of(read, caller, rows)

    def view(row: Row) -> EnrollmentView:
        return enrollment_as_seen(caller, enrollment_view(row, inst.runs.link(row["run_id"]), names))

    if format == "csv":
        return csv_answer(f"{slug}-{figure}", ENROLLMENT_COLUMNS, [_enrollment(view(row)) for row in rows])
    return page(rows, paging, view, key=lambda row: str(row["id"]))


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


@router.get("/{slug}/report/{step}/{figure}", response_model=Page[VisitBehind], responses=SHOWN)
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
    format: Format = "json",
) -> Page[VisitBehind] | Response:
    """The visits that a number counts, each with its enrollment: over all pages exactly as many as the number says.

    As CSV up to 10,000 in one file: `limit` and `cursor` do not count.
    """
    after: tuple[str, ...] = ()
    limit = MOST_LINES
    if format == "json":
        after, limit = paging.place(parts=3, number=1), paging.fetch
    workflow = await workflow_or_404(read, slug)
    number = Number(step=step, figure=figure, reason=reason)
    rows = await list_behind(read, workflow, number, after=after, limit=limit)
    names = await names_of(read, caller, rows)

    def view(row: Row) -> VisitBehind:
        return VisitBehind(
            step=step,
            n=row["visit_n"],
            entered_at=row["visit_entered_at"],
            left_at=row["visit_left_at"],
            outcome=row["visit_outcome"],
            reason=row["visit_reason"],
            enrollment=enrollment_as_seen(caller, enrollment_view(row, inst.runs.link(row["run_id"]), names)),
        )

    if format == "csv":
        return csv_answer(f"{slug}-{step}-{figure}", VISIT_COLUMNS, [_visit(view(row)) for row in rows])
    return page(rows, paging, view, key=lambda row: f"{row['id']} {row['visit_n']} {row['message_id']}")


def _enrollment(view: EnrollmentView) -> list[Cell]:
    """An enrollment as a line."""
    record, ended = view.record, view.ended_at
    when: list[Cell] = [view.started_at.isoformat(), ended.isoformat() if ended is not None else None]
    who: list[Cell] = [view.id, view.version, record.object, record.id, record.name, view.status, view.step]
    return [*who, *when, view.end_reason, view.end_words]


def _visit(view: VisitBehind) -> list[Cell]:
    """A visit as a line, with its enrollment behind it."""
    left = view.left_at.isoformat() if view.left_at is not None else None
    visit: list[Cell] = [view.step, view.n, view.entered_at.isoformat(), left, view.outcome, view.reason]
    return [*visit, *_enrollment(view.enrollment)]


def _sum(figure: Any) -> Cell:
    """One number of what is counted by reason."""
    return sum(figure.values()) if isinstance(figure, dict) else cast(Cell, figure)
