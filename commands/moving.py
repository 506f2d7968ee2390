"""What is told of moving those inside a workflow to a new version, before and after."""

from __future__ import annotations

from typing import Any

from commands.output import ExitCode, Failed, table

WORDS = {"moved": "go on in it", "completed": "had nothing left to do", "left": "had a reason to leave"}


def moved_text(job: Any) -> str:
    """What became of those inside.

    Raises:
        Failed: the job did not come to its end.
    """
    if job["status"] != "done":
        why = f": {job['error']}" if job["error"] else ""
        raise Failed(
            ExitCode.REFUSED, f"the version is published, but the move of those inside is {job['status']}{why}"
        )
    counts = [f"{count} {WORDS.get(outcome, outcome)}" for outcome, count in sorted(job["counts"].items()) if count]
    return f"{job['done']} of {job['total']} inside were moved: {', '.join(counts)}" if counts else "nobody was inside"


def preview_text(found: Any) -> str:
    """Where those inside would go, one line per step and target."""
    rows = [
        (each["step"], each["inside"], target["step"] or target["ends"], target["count"], each["acting_within_hour"])
        for each in found["moves"]
        for target in each["to"]
    ]
    told = f"{found['slug']}: nothing was published; it would be version {found['version']}"
    if found["looked_at"] < found["inside"]:
        told = f"{told}; {found['inside']} are inside, of whom these are the first {found['looked_at']} that entered"
    if not rows:
        return f"{told}, and nobody inside would move"
    return f"{told}\n{table(rows, ('step', 'inside', 'goes to', 'of them', 'act within the hour'))}"
