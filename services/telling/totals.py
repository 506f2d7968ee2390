"""The totals of a workflow: how enrollments ended, which goals were reached, and how many were converted."""

from __future__ import annotations

from collections.abc import Sequence

from domain.base import Frozen
from domain.errors import NotFound
from services.versions import Content, load_content
from store import totals as store
from store.database import Read, Row


class Totals(Frozen):
    """All enrollments of the workflow, and whether they did what it is for.

    ``enrolled``, ``active``, ``ended`` and ``goal`` count enrollments, so a record that entered twice counts twice;
    ``records`` counts each record that ever entered once. ``goal`` is how many reached a goal, whether it ended them or
    led them to another step; ``by_goal`` says which, those of the current version and those reached before.

    ``conversion`` is the plain one: ``goal`` of ``enrolled``. ``email_conversion`` is what HubSpot calls the conversion
    rate: ``converted`` of ``records``. A record is converted when it reaches a goal after this workflow sent it an
    email, in this or an earlier enrollment; a notification to a user is no such email, a transactional email is one
    (HubSpot counts marketing email only). It is converted once however often it enters, and stays so. Who reaches a
    goal without an email is in ``goal`` alone. Who went through to the end is converted by a goal reached later too,
    which is in ``converted`` alone; who left for another reason is not. Both rates are null before anybody entered.
    """

    enrolled: int
    records: int
    active: int
    ended: int
    by_reason: dict[str, int]
    goal: int
    by_goal: dict[str, int]
    conversion: float | None
    converted: int
    email_conversion: float | None


class GoalReport(Frozen):
    """One goal: ``reached`` by so many enrollments, so many records ``converted``; the rates are as in the totals.

    ``current``: the goal is in the version now published. An enrollment may reach several, where some lead on.
    """

    goal: str
    name: str
    current: bool
    reached: int
    conversion: float | None
    converted: int
    email_conversion: float | None


async def make_totals(read: Read, workflow_id: str, content: Content | None) -> tuple[Totals, list[GoalReport]]:
    """The totals over all versions, and each goal of the current version, then those only older ones had."""
    ends = await store.count_ends(read, workflow_id)
    records = await store.count_entered(read, workflow_id)
    reached = await store.count_goals(read, workflow_id)
    of_any = await store.count_any_goal(read, workflow_id, reached)
    enrolled = sum(row["total"] for row in ends)
    ended = {row["end_reason"]: row["total"] for row in ends if row["status"] == "ended"}
    goals = _goals(content, reached, enrolled=enrolled, records=records)
    totals = Totals(
        enrolled=enrolled,
        records=records,
        active=enrolled - sum(ended.values()),
        ended=sum(ended.values()),
        by_reason=ended,
        goal=of_any.reached,
        by_goal={goal.goal: goal.reached for goal in goals},
        conversion=_rate(of_any.reached, enrolled),
        converted=of_any.converted,
        email_conversion=_rate(of_any.converted, records),
    )
    return totals, goals


async def list_behind_total(
    read: Read, workflow: Row, total: store.Total, *, after: str | None, limit: int
) -> list[Row]:
    """The enrollments that a number of the totals or of a goal counts; as many as it says, over all pages.

    Raises:
        NotFound: nobody ever reached such a goal and the current version has none.
    """
    rows = await store.list_total(read, workflow["id"], total, after=after, limit=limit)
    if not rows and total.goal is not None and not await _is_goal(read, workflow, total.goal):
        raise NotFound(f"workflow {workflow['slug']} has no goal {total.goal}")
    return rows


async def _is_goal(read: Read, workflow: Row, goal: str) -> bool:
    if workflow["version"] is not None:
        content = await load_content(read, workflow["id"], workflow["version"])
        if any(each.id == goal for each in content.definition.exit.goals):
            return True
    return any(count.goal == goal for count in await store.count_goals(read, workflow["id"]))


def _goals(
    content: Content | None, counts: Sequence[store.GoalCount], *, enrolled: int, records: int
) -> list[GoalReport]:
    names = {goal.id: goal.name for goal in content.definition.exit.goals} if content else {}
    found = {count.goal: count for count in counts if count.goal is not None}
    none = store.GoalCount(goal=None, reached=0, converted=0)
    return [
        GoalReport(
            goal=goal,
            name=names.get(goal) or goal,
            current=goal in names,
            reached=(count := found.get(goal, none)).reached,
            conversion=_rate(count.reached, enrolled),
            converted=count.converted,
            email_conversion=_rate(count.converted, records),
        )
        for goal in [*names, *sorted(found.keys() - names.keys())]
    ]


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
