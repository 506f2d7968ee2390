"""`followthrough trouble`: what failed, what does not go on, and having it begin again."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from commands.bulk import bulk_text, hold_done
from commands.client import connect
from commands.output import AsJson, show, speaking, table
from commands.records import follow
from commands.story import called


def trouble(
    workflow: Annotated[str | None, typer.Option(help="Only of this workflow.")] = None,
    step: Annotated[str | None, typer.Option(help="Only at this step.")] = None,
    class_: Annotated[
        str | None, typer.Option("--class", help="A failure class, retrying, undecided, overdue.")
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="List the enrollments instead of counting them.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="With --each: how many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show which steps failed and were not retried, and who does not go on."""
    narrowed = {"workflow": workflow, "step": step, "class": class_}
    with speaking(as_json), connect() as api:
        if each:
            listed = list(api.items("/trouble/enrollments", at_most=limit, **narrowed))
            rows = [
                (t["enrollment"]["id"], t["enrollment"]["workflow"], called(t["enrollment"]["record"]), t["step"],
                 t["class"], t["since"], t["detail"])
                for t in listed
            ]  # fmt: skip
            heads = ("enrollment", "workflow", "record", "step", "class", "since", "what was said")
            show(listed, table(rows, heads), as_json=as_json)
            return
        found = api.get("/trouble", **narrowed)["items"]
        counted = [(g["workflow"], g["step"], g["class"], g["count"], g["oldest"], g["words"]) for g in found]
        columns = ("workflow", "step", "class", "how many", "since", "what it means")
        show(found, table(counted, columns) if counted else "nothing failed, and everybody goes on", as_json=as_json)


def retry_many(
    slug: Annotated[str, typer.Argument(help="The workflow.")],
    step: Annotated[str | None, typer.Option(help="Only who failed at this step; they begin again there.")] = None,
    class_: Annotated[str | None, typer.Option("--class", help="Only what failed so, such as rejected.")] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="How many may begin a minute.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count who would.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have many begin again whose passage failed; one alone: `followthrough enrollment retry`."""
    given = {"step": step, "class": class_, "rate_per_minute": rate, "dry_run": dry_run or None}
    body = {name: value for name, value in given.items() if value is not None}
    with speaking(as_json), connect() as api:
        path = f"/workflows/{quote(slug, safe='')}/retry"
        if dry_run:
            found = api.post(path, body)
            steps = ", ".join(f"{count} at {step}" for step, count in sorted(found["steps"].items()))
            show(found, f"{found['total']} would begin again" + (f": {steps}" if steps else ""), as_json=as_json)
            return
        job = follow(api, api.post(path, body)["id"], doing="Retrying", quiet=as_json)
        show(job, bulk_text(slug, job), as_json=as_json)
        hold_done(job)
