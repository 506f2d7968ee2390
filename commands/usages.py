"""`followthrough usages …`: where something is used."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.client import connect
from commands.output import AsJson, show, speaking, table

KINDS = "property, list, email, user, team, subscription, workflow, secret or event"


def usages(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"What it is: {KINDS}.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which one: contact.score, vips, kim@example.com, …")],
    as_json: AsJson = False,
) -> None:
    """Show which workflows, lists, emails, channels, teams and users use something."""
    with speaking(as_json), connect() as api:
        found = api.get("/usages", **{kind: name})["items"]
        rows = [
            (each["kind"], each["slug"], _version(each), each["step"] or "", each["where"], each["path"])
            for each in found
        ]
        text = table(rows, ("in", "name", "version", "step", "where", "path")) if found else "nothing uses it"
        show(found, text, as_json=as_json)


def _version(each: dict[str, object]) -> object:
    if each["kind"] != "workflow":
        return ""
    return each["version"] if each["version"] is not None else "draft"
