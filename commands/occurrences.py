"""`followthrough workflow occurrences` and `… run-missed`: when scheduled workflows happened, and happen next."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from commands.client import connect
from commands.output import AsJson, show, speaking, table
from commands.records import follow
from commands.workflows import Slug

Local = Annotated[str, typer.Argument(metavar="TIME", help="The occurrence, as it is listed: 2027-03-04T09:00.")]

SHOWN = 100


def occurrences(slug: Slug, as_json: AsJson = False) -> None:
    """Show when a scheduled workflow happened, newest first, and when it does next."""
    with speaking(as_json), connect() as api:
        path = f"/workflows/{quote(slug, safe='')}"
        ahead = api.get(path)["next_occurrence"]
        found = list(api.items(f"{path}/occurrences", at_most=SHOWN))
        rows = [(each["local"], each["words"], _entered(each["job"])) for each in found]
        coming = f"next: {ahead['local']} ({ahead['schedule']})" if ahead is not None else "next: none"
        text = f"{coming}\n{table(rows, ('occurrence', 'state', 'entered'))}" if rows else coming
        show({"next": ahead, "items": found}, text, as_json=as_json)


def run_missed(slug: Slug, time: Local, as_json: AsJson = False) -> None:
    """Let in now whoever matches now, for an occurrence that was missed."""
    with speaking(as_json), connect() as api:
        made = api.post(f"/workflows/{quote(slug, safe='')}/occurrences/{quote(time, safe='')}/run")
        job = follow(api, made["job"]["id"], doing="Enrolling", quiet=as_json)
        show({**made, "job": job}, f"{slug} {time}: {_entered(job)} entered of {job['total']}", as_json=as_json)


def _entered(job: dict[str, Any] | None) -> str:
    """How many entered by the job of an occurrence, and that it is not over."""
    if job is None:
        return ""
    entered = str(job["counts"].get("enrolled", 0))
    return entered if job["status"] == "done" else f"{entered}, {job['status']}"
