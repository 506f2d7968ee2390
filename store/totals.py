"""The numbers of a workflow as a whole: its enrollments, the goals they reached, and the enrollments behind each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import (
    CTE,
    ColumnElement,
    RowMapping,
    Select,
    Subquery,
    case,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)

from domain.base import Frozen
from store.database import Read
from store.report import SENT
from store.tables import enrollments, goals_reached, late_goals, messages, workflows

PeriodFigure: TypeAlias = Literal["enrolled", "ended", "goal"]
TotalFigure: TypeAlias = Literal["enrolled", "records", "active", "ended", "goal", "converted"]


class Total(Frozen):
    """One number of the whole workflow; ``reason`` narrows ended, ``goal`` narrows goal and converted to one.

    ``within``: only those who entered, ended or first reached a goal from the first instant on and before the second.
    """

    figure: TotalFigure
    reason: str | None = None
    goal: str | None = None
    within: tuple[datetime, datetime] | None = None


class GoalCount(Frozen):
    """How many enrollments reached a goal (None: any), and how many records were converted by it."""

    goal: str | None
    reached: int
    converted: int


async def count_ends(read: Read, workflow_id: str) -> list[RowMapping]:
    """Rows ``status, end_reason, total``."""
    columns = (enrollments.c.status, enrollments.c.end_reason)
    counted = select(*columns, func.count().label("total")).where(enrollments.c.workflow_id == workflow_id)
    return await read.all(counted.group_by(*columns))


async def count_entered(read: Read, workflow_id: str) -> int:
    """How many records ever entered, each once."""
    entered = select(func.count(enrollments.c.record_id.distinct())).where(enrollments.c.workflow_id == workflow_id)
    return int(await read.scalar(entered))


async def count_goals(read: Read, workflow_id: str) -> list[GoalCount]:
    """The numbers of each goal that was reached."""
    found = _asked_once(workflow_id)
    return [GoalCount(**row) for row in await read.all(_counts(found).add_columns(found.c.goal).group_by(found.c.goal))]


async def count_any_goal(read: Read, workflow_id: str, each: Sequence[GoalCount]) -> GoalCount:
    """How many enrollments reached a goal, and how many records were converted, by whichever of ``each``."""
    if len(each) == 1:
        return each[0].model_copy(update={"goal": None})
    row = await read.one(_counts(_asked_once(workflow_id)))
    assert row is not None, "a count without groups has one row"
    return GoalCount(goal=None, **row)


async def count_over_time(
    read: Read, workflow_id: str, figure: PeriodFigure, edges: Sequence[datetime]
) -> list[RowMapping]:
    """Rows ``period, reason, total``: how many entered, ended or first reached a goal between two ``edges`` each.

    ``period`` counts from 0; ``edges``, two at least, ascend. ``reason`` is None but of those who ended.
    """
    mine = enrollments.c.workflow_id == workflow_id
    match figure:
        case "enrolled":
            source = select(enrollments.c.started_at.label("at"), null().label("reason")).where(mine)
        case "ended":
            source = select(enrollments.c.ended_at.label("at"), enrollments.c.end_reason.label("reason")).where(mine)
        case "goal":
            found = _reached(workflow_id)
            first = select(func.min(found.c.reached_at).label("at"), null().label("reason"))
            source = first.where(found.c.inside.is_not(None)).group_by(found.c.inside)
    each = source.subquery()
    period = _period(each.c.at, edges).label("period")
    within = (each.c.at >= edges[0], each.c.at < edges[-1])
    counted = select(period, each.c.reason, func.count().label("total")).where(*within)
    return await read.all(counted.group_by(period, each.c.reason))


def _period(at: ColumnElement[datetime], edges: Sequence[datetime], begin: int = 0) -> ColumnElement[int]:
    """Between which two edges an instant lies, found by halving: databases know neither our zones nor our weeks."""
    if len(edges) == 2:
        return literal(begin)
    middle = len(edges) // 2
    before, after = _period(at, edges[: middle + 1], begin), _period(at, edges[middle:], begin + middle)
    return case((at < edges[middle], before), else_=after)


def _counts(found: CTE) -> Select[int, int]:
    return select(
        func.count(found.c.inside.distinct()).label("reached"),
        func.count(found.c.emailed.distinct()).label("converted"),
    )


async def list_total(read: Read, workflow_id: str, total: Total, *, after: str | None, limit: int) -> list[RowMapping]:
    """The enrollments a number counts, with their workflow's ``slug``, newest first.

    Of a number that counts records, each record is there by its first enrollment that counts. ``after`` is the id the
    page before ended with.
    """
    wanted = [enrollments.c.workflow_id == workflow_id, *_behind(workflow_id, total)]
    if after is not None:
        wanted.append(enrollments.c.id < after)
    source = enrollments.join(workflows, workflows.c.id == enrollments.c.workflow_id)
    page = select(enrollments, workflows.c.slug).select_from(source).where(*wanted)
    return await read.all(page.order_by(enrollments.c.id.desc()).limit(limit))


def _behind(workflow_id: str, total: Total) -> list[ColumnElement[bool]]:
    match total.figure:
        case "enrolled":
            return _within(enrollments.c.started_at, total)
        case "records":
            first = select(func.min(enrollments.c.id)).where(enrollments.c.workflow_id == workflow_id)
            return [enrollments.c.id.in_(first.group_by(enrollments.c.record_id))]
        case "active":
            return [enrollments.c.status != "ended"]
        case "ended":
            ended = [enrollments.c.status == "ended", *_within(enrollments.c.ended_at, total)]
            return ended if total.reason is None else [*ended, enrollments.c.end_reason == total.reason]
        case "goal" | "converted":
            return [enrollments.c.id.in_(_reaching(workflow_id, total))]


def _reaching(workflow_id: str, total: Total) -> Select[str]:
    found = _asked_once(workflow_id)
    mine: ColumnElement[bool] = found.c.enrollment_id.is_not(None)
    if total.goal is not None:
        mine = found.c.goal == total.goal
    if total.figure == "goal":
        inside = select(found.c.inside).where(mine, found.c.inside.is_not(None))
        first = _within(func.min(found.c.reached_at), total)
        return inside.group_by(found.c.inside).having(*first) if first else inside
    return select(func.min(found.c.enrollment_id)).where(mine, found.c.emailed.is_not(None)).group_by(found.c.emailed)


def _within(at: ColumnElement[datetime], total: Total) -> list[ColumnElement[bool]]:
    return [] if total.within is None else [at >= total.within[0], at < total.within[1]]


def _asked_once(workflow_id: str) -> CTE:
    """What was reached, for who asks whether an email came before: PostgreSQL would ask anew wherever that is named."""
    return select(_reached(workflow_id)).cte("reached").prefix_with("MATERIALIZED")


def _reached(workflow_id: str) -> Subquery:
    """``enrollment_id, goal, reached_at, inside, emailed``: each goal each enrollment, or its record later, reached.

    ``inside`` is the enrollment where it was reached before the end; ``emailed`` the record where the workflow had sent
    it an email by then, in whichever of its enrollments.
    """
    written = select(
        goals_reached.c.enrollment_id,
        goals_reached.c.goal,
        goals_reached.c.record_id,
        goals_reached.c.reached_at,
        false().label("late"),
    ).where(goals_reached.c.workflow_id == workflow_id)
    # Whoever reached one before they were written down ended by it.
    is_written = exists().where(
        goals_reached.c.enrollment_id == enrollments.c.id, goals_reached.c.goal == enrollments.c.end_detail
    )
    ended_by = (enrollments.c.workflow_id == workflow_id, enrollments.c.end_reason == "goal")
    unwritten = select(
        enrollments.c.id, enrollments.c.end_detail, enrollments.c.record_id, enrollments.c.ended_at, false()
    ).where(*ended_by, enrollments.c.end_detail.is_not(None), ~is_written)
    later = select(
        late_goals.c.enrollment_id, late_goals.c.goal, late_goals.c.record_id, late_goals.c.reached_at, true()
    ).where(late_goals.c.workflow_id == workflow_id)
    all_of = union_all(written, unwritten, later).subquery()
    inside = case((all_of.c.late, None), else_=all_of.c.enrollment_id).label("inside")
    was_sent = _was_emailed(workflow_id, all_of.c.record_id, all_of.c.reached_at)
    emailed = case((was_sent, all_of.c.record_id), else_=None).label("emailed")
    return select(all_of.c.enrollment_id, all_of.c.goal, all_of.c.reached_at, inside, emailed).subquery()


def _was_emailed(workflow_id: str, record_id: ColumnElement[str], by: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether the workflow had sent a record an email by then; what goes to users and fixed addresses is none.

    Asked for each goal that was reached: they are far fewer than the messages.
    """
    # Of messages older than both columns nobody can say.
    is_theirs = or_(messages.c.contact_id.is_not(None), messages.c.claimed_at.is_(None))
    passages = enrollments.alias("passages")
    return exists().where(
        passages.c.record_id == record_id,
        passages.c.workflow_id == workflow_id,
        messages.c.enrollment_id == passages.c.id,
        messages.c.channel == "email",
        messages.c.status.in_(SENT),
        messages.c.sent_at <= by,
        is_theirs,
    )
