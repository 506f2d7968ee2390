"""How the report of a workflow is told on the screen."""

from __future__ import annotations

from typing import Any

from commands.output import table


def report_text(found: Any) -> str:
    """A report as the API answers it: totals, goals, the figures of each step, and why some were skipped or failed."""
    totals = found["totals"]
    figures = (
        "entered",
        "waiting",
        "done",
        "skipped",
        "failed",
        "left",
        "sent",
        "unknown",
        "opened",
        "clicked",
        "unsubscribed",
    )
    rows = [
        (step["step"], step["kind"], *(sum(v.values()) if isinstance(v := step[f], dict) else v for f in figures))
        for step in found["steps"]
    ]
    version = f"v{found['version']}" if found["version"] is not None else "(never published)"
    head = f"{found['workflow']} {version}: {totals['enrolled']} enrolled, {totals['active']} active"
    ends = f"{totals['ended']} ended" + _by_reason(totals["by_reason"])
    lines = [f"{head}, {ends}", *_goals(totals), table(rows, ("step", "kind", *figures))]
    lines += [f"{step['step']}: {step['timed_out']} timed out" for step in found["steps"] if step["timed_out"]]
    lines += [
        f"{step['step']}: {sum(step[figure].values())} {figure}{_by_reason(step[figure])}"
        for step in found["steps"]
        for figure in ("skipped", "failed")
        if step[figure]
    ]
    return "\n".join(lines)


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
