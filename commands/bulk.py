"""`followthrough enroll SLUG --where …` and `followthrough unenroll`: many at once, with a progress bar."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from commands.client import Client
from commands.output import ExitCode, Failed, show
from commands.records import follow


def audience(where: str | None, list_slug: str | None, ids: Path | None) -> dict[str, Any]:
    """Who is meant, as the API is asked; empty when none of the three was given.

    Raises:
        Failed: more than one was given, the condition is no JSON object, or the file holds no id.
    """
    if sum(given is not None for given in (where, list_slug, ids)) > 1:
        raise Failed(ExitCode.USAGE, "give one of --where, --list and --ids")
    if where is not None:
        try:
            condition = json.loads(where)
        except ValueError as error:
            raise Failed(ExitCode.USAGE, f"--where is not valid JSON: {error}") from None
        if not isinstance(condition, dict):
            raise Failed(ExitCode.USAGE, "--where is a condition: a JSON object")
        return {"where": condition}
    if list_slug is not None:
        return {"list": list_slug}
    if ids is None:
        return {}
    try:
        named = ids.read_text(encoding="utf-8").split()
    except ValueError:
        raise Failed(ExitCode.USAGE, f"{ids} is no text in UTF-8") from None
    if not named:
        raise Failed(ExitCode.USAGE, f"{ids} holds no id: write one a line")
    return {"ids": named}


def enroll_many(api: Client, slug: str, wanted: dict[str, Any], *, rate: int | None, as_json: bool) -> None:
    """Have them enrolled and tell what came of it.

    Raises:
        Failed: refused, or the job did not come to its end.
    """
    body = {**wanted, **({} if rate is None else {"rate_per_minute": rate})}
    job = api.post(f"/workflows/{quote(slug, safe='')}/enrollments/bulk", body)
    job = follow(api, job["id"], doing="Enrolling", quiet=as_json)
    show(job, bulk_text(slug, job), as_json=as_json)
    hold_done(job)


def unenroll_many(api: Client, slug: str, wanted: dict[str, Any], *, as_json: bool) -> None:
    """Have them taken out and tell what came of it.

    Raises:
        Failed: refused, or the job did not come to its end.
    """
    job = api.post(f"/workflows/{quote(slug, safe='')}/unenroll", wanted)
    job = follow(api, job["id"], doing="Taking out", quiet=as_json)
    out, others = (job["counts"].get(outcome, 0) for outcome in ("unenrolled", "not_active"))
    aside = f"; {others} were not in it" if others else ""
    show(job, f"{out} of {job['total']} records were taken out of {slug}{aside}", as_json=as_json)
    hold_done(job)


def hold_done(job: Any) -> None:
    """Refuse a job that did not come to its end.

    Raises:
        Failed: with how it ended.
    """
    if job["status"] != "done":
        why = f": {job['error']}" if job["error"] else ""
        raise Failed(ExitCode.REFUSED, f"the job ended as {job['status']}{why}")


def bulk_text(slug: str, job: Any) -> str:
    """What became of a bulk enrollment."""
    counts = ", ".join(f"{count} {decision}" for decision, count in sorted(job["counts"].items()) if count)
    lines = [f"{job['done']} of {job['total']} records: {counts or 'nobody to enroll'}"]
    if set(job["counts"]) - {"enrolled"}:
        lines.append(f"why: GET {job['decisions']}")
    if job["counts"].get("enrolled"):
        lines.append(f"follow them: followthrough enrollment list --workflow {slug}")
    return "\n".join(lines)
