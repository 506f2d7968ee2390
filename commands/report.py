"""How the report of a workflow is told on the screen."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from commands.output import table


class By(StrEnum):
    """What a report over time counts by."""

    DAY = "day"
    WEEK = "week"


ALWAYS = ("entered", "waiting", "done", "skipped", "failed", "left", "sent")
WHERE_ANY = (
    "delivered",
    "bounced",
    "complained",
    "unknown",
    "opened",
    "opened_by_machine",
    "clicked",
    "replied",
    "unsubscribed",
)
"""Figures that are shown where a step has any, so that the table stays as wide as a screen."""


def report_text(found: Any) -> str:
    """A report as the API answers it: totals, goals, the figures of each step, and why some did not do it."""
    totals = found["totals"]
    rows = [{name: _sum(value) for name, value in step.items()} for step in found["steps"]]
    figures = [*ALWAYS, *(figure for figure in WHERE_ANY if any(row[figure] for row in rows))]
    columns = ("step", "kind", *figures)
    version = f"v{found['version']}" if found["version"] is not None else "(never published)"
    head = f"{found['workflow']} {version}: {totals['enrolled']} enrolled, {totals['active']} active"
    ends = f"{totals['ended']} ended" + _by_reason(totals["by_reason"])
    lines = [f"{head}, {ends}", *_goals(totals), table([tuple(row[name] for name in columns) for row in rows], columns)]
    lines += [f"{step['step']}: {step['timed_out']} timed out" for step in found["steps"] if step["timed_out"]]
    lines += [
        f"{step['step']}: {sum(step[figure].values())} {figure}{_by_reason(step[figure])}"
        for step in found["steps"]
        for figure in ("skipped", "failed", "left")
        if step[figure]
    ]
    return "\n".join(lines)


def over_time_text(found: Any) -> str:
    """Totals by day or week as the API answers them, the oldest first."""
    rows = [
        (each["first"], each["enrolled"], each["ended"], each["goal"], _by_reason(each["by_reason"]).strip(" ()"))
        for each in found["periods"]
    ]
    head = f"{found['workflow']} by {found['by']}, days of {found['zone']}"
    return f"{head}\n{table(rows, (found['by'], 'enrolled', 'ended', 'goal', 'ended by'))}"


def _sum(figure: Any) -> Any:
    return sum(figure.values()) if isinstance(figure, dict) else figure


def _goals(totals: Any) -> list[str]:
    """How many of all who entered reached a goal and which, and how many after an email; nothing where there is none.

    Where several goals can be reached by one enrollment, they add up to more than reached any.
    """
    if totals["conversion"] is None or not totals["by_goal"]:
        return []
    reached = f"{totals['goal']} of {totals['enrolled']} enrolled reached a goal"
    emailed = f"{totals['converted']} of {totals['records']} records reached one after an email"
    return [
        f"{reached}, {totals['conversion']:.1%}{_by_reason(totals['by_goal'])}",
        f"{emailed}, {totals['email_conversion']:.1%}",
    ]


def _by_reason(counts: dict[str, int]) -> str:
    """`` (3 no_address, 1 bounced)``, the most frequent first; nothing where there is none."""
    found = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return f" ({', '.join(f'{count} {reason}' for reason, count in found)})" if found else ""
