"""The few lines Temporal UI shows about a run: where it stands, until when, where it came from. Names only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.messages import NEXT_ROUND
    from domain.plan import Plan

TRAIL = 5
"""Steps shown of those a run came through; it keeps one more, to tell that there were more."""


def details(
    plan: Plan,
    record: str,
    step: str | None,
    trail: Sequence[str],
    wake_at: datetime | None,
    ending: str | None,
    unknown: Sequence[str],
    *,
    held: bool = False,
    moved: str | None = None,
    waits_for: str | None = None,
) -> str:
    """A small Markdown table."""
    where = ending or (f"{plan.steps[step].label} (`{step}`)" if step else "at the end")
    rows = [("Workflow", f"{plan.name} v{plan.version}"), ("Record", record), ("Stands at", where)]
    if moved is not None and ending is None:
        rows.append(("Moved there", moved))
    if held and ending is None:
        rows.append(("Held", "paused, until somebody resumes it"))
    if waits_for is not None and ending is None:
        rows.append(("Waits", waits_for))
    if wake_at is not None and ending is None:
        rows.append(("Sleeps until", moment(wake_at)))
    if trail:
        rows.append(("Came through", _way(plan, trail)))
    if unknown:
        rows.append(("Unknown signals", ", ".join(unknown)))
    return rows_table(rows)


def rows_table(rows: Sequence[tuple[str, str]]) -> str:
    """Names and texts as Markdown."""
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {_cell(text)} |" for name, text in rows)])


def ending(plan: Plan, reason: str, detail: str | None, at: datetime) -> str:
    """How the run ended: ``over: reached goal Won at 2026-03-02 09:00:00 UTC``."""
    if reason == "goal" and detail is not None:
        why = _goal(plan, detail)
    else:
        why = reason.replace("_", " ") + (f" ({detail})" if detail else "")
    return f"over: {why} at {moment(at)}"


def moved_by(plan: Plan, reason: str | None, detail: str | None) -> str:
    """What took the run where it stands: ``reached goal Booked``, ``for round 2``, or ``by hand``."""
    if reason == NEXT_ROUND:
        return f"for round {detail}"
    return _goal(plan, detail) if reason == "goal" and detail is not None else "by hand"


def by_version(plan: Plan) -> str:
    """The same of a run that goes on in another version."""
    return f"to version {plan.version}"


def _goal(plan: Plan, goal: str) -> str:
    return f"reached goal {plan.goals.get(goal, goal)}"


def _way(plan: Plan, trail: Sequence[str]) -> str:
    """The names of the last steps, in order; a first ``…`` stands for those left out."""
    names = [plan.steps[step].name for step in trail[-TRAIL:]]
    return " → ".join((["…"] if len(trail) > TRAIL else []) + names)


def moment(at: datetime) -> str:
    """An instant as Temporal UI shows it."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _cell(text: str) -> str:
    """A name may hold what ends a cell."""
    return text.replace("|", "\\|").replace("\n", " ")
