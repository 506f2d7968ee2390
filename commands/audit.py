"""`followthrough audit`: who changed the set-up, and when."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.client import connect
from commands.files import Force, check_target, write_text
from commands.output import AsJson, show, speaking, table
from commands.tasks import user_of

WIDTH = 80
"""Signs of what became of something; ``--json`` and ``--csv`` show it whole."""


def audit(
    kind: Annotated[str | None, typer.Option(help="Only of this kind: workflow, pipeline, key, user, …")] = None,
    what: Annotated[str | None, typer.Option(help="Only of this sort, e.g. workflow.published.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only of this slug, name, address or id.")] = None,
    user: Annotated[str | None, typer.Option(help="Only by keys of this user, by id or address.")] = None,
    key: Annotated[str | None, typer.Option(help="Only by the key of this id.")] = None,
    since: Annotated[str | None, typer.Option(metavar="INSTANT", help="Only from then on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="INSTANT", help="Only before it.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the newest 10,000 of them there.")] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Show who changed workflows, pipelines, consent, keys and the rest of the set-up, newest first."""
    with speaking(as_json), connect() as api:
        whose = user_of(api, user)["id"] if user is not None else None
        narrow = {"kind": kind, "what": what, "subject": subject, "user": whose, "key": key,
                  "since": since, "until": until}  # fmt: skip
        if csv is not None:
            check_target(csv, force=force)
            given = {name: value for name, value in narrow.items() if value is not None}
            write_text(csv, api.send("GET", "/audit", params={**given, "format": "csv"}).text, force=force)
            show({"file": str(csv)}, f"written to {csv}", as_json=as_json)
            return
        found = list(api.items("/audit", at_most=limit, **narrow))
        rows = [(each["at"], _who(each["by"]), each["what"], each["subject"], _became(each)) for each in found]
        show(found, table(rows, ("at", "by", "what", "of", "became")), as_json=as_json)


def _who(by: Any) -> str:
    names = [name for name in (by["user_name"], by["key_name"]) if name]
    return " with ".join(names) if names else f"the {by['kind']}"


def _became(entry: Any) -> str:
    if entry["after"] is None:
        return "gone"
    text = ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in entry["after"].items())
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
