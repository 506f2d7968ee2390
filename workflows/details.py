"""The few lines Temporal UI shows about a run: where it stands, until when, where it came from. Names only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.plan import Plan


def details(
    plan: Plan,
    record: str,
    step: str | None,
    trail: Sequence[str],
    wake_at: datetime | None,
    ending: str | None,
    unknown: Sequence[str],
) -> str:
    """A small Markdown table."""
    where = ending or (f"{plan.steps[step].label} (`{step}`)" if step else "at the end")
    rows = [("Workflow", f"{plan.name} v{plan.version}"), ("Record", record), ("Stands at", where)]
    if wake_at is not None and ending is None:
        rows.append(("Sleeps until", f"{wake_at:%Y-%m-%d %H:%M:%S} UTC"))
    if trail:
        rows.append(("Came through", " → ".join(trail)))
    if unknown:
        rows.append(("Unknown signals", ", ".join(unknown)))
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {_cell(text)} |" for name, text in rows)])


def _cell(text: str) -> str:
    """A name may hold what ends a cell."""
    return text.replace("|", "\\|").replace("\n", " ")
