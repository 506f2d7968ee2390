"""`followthrough event …`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from commands.client import connect
from commands.output import AsJson, ExitCode, Failed, show, speaking, table
from commands.records import Reference, find, read_assignment

event = typer.Typer(help="Say that something happened to a record, or look what did.", no_args_is_help=True)


@event.command("send")
def send_event(
    name: Annotated[str, typer.Argument(metavar="EVENT", help="form.submitted, …, or custom.<name>.")],
    reference: Reference,
    values: Annotated[list[str] | None, typer.Argument(metavar="[PROPERTY=VALUE]…", help="What it carries.")] = None,
    event_id: Annotated[str | None, typer.Option("--id", help="Your own id; twice the same is one event.")] = None,
    at: Annotated[str | None, typer.Option(help="When it happened, as 2026-11-22T10:00:00Z; default now.")] = None,
    create: Annotated[bool, typer.Option("--create", help="Make a record that cannot be found by its value.")] = False,
    as_json: AsJson = False,
) -> None:
    """Record an event; triggers, waits and conditions see it."""
    with speaking(as_json), connect() as api:
        properties = {name: value for name, value in map(read_assignment, values or []) if value is not None}
        body: dict[str, Any] = {"event": name, "record": _named(reference, create), "properties": properties}
        if event_id is not None:
            body["event_id"] = event_id
        if at is not None:
            body["occurred_at"] = at
        try:
            made = api.post("/events", body)
        except Failed as failed:
            raise _hinted(failed) from None
        known = ": it was recorded before, nothing was done" if made["status"] == "duplicate" else ""
        # Of a duplicate a key that may not read records is not told whose it is.
        of = f" of {made['record']['object']} {made['record']['id']}" if "record" in made else ""
        show(made, f"{made['status']}{known}\n{made['event']} {made['id']}{of}", as_json=as_json)


@event.command("list")
def list_events(
    reference: Annotated[str | None, typer.Option("--record", metavar="RECORD", help="Only of this record.")] = None,
    name: Annotated[str | None, typer.Option("--event", help="Only of this name.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List events, newest first."""
    with speaking(as_json), connect() as api:
        record = None if reference is None else find(api, reference)["id"]
        found = list(api.items("/events", at_most=limit, record=record, event=name))
        rows = [
            (e["occurred_at"], e["event"], f"{e['record']['object']} {e['record']['id']}",
             ", ".join(f"{key}={value}" for key, value in e["properties"].items()))
            for e in found
        ]  # fmt: skip
        show(found, table(rows, ("when", "event", "record", "properties")), as_json=as_json)


def _named(reference: str, create: bool) -> dict[str, Any]:
    """The record as the API wants it named; one that is to be made cannot be looked up before."""
    match reference.split("/", 2):
        case [object, id]:
            if create:
                raise Failed(ExitCode.USAGE, f"{reference}: --create needs object/property/value")
            return {"object": object, "id": id}
        case [object, property, value]:
            return {"object": object, "by": {property: value}, "create": create}
    raise Failed(ExitCode.USAGE, f"{reference}: write object/id or object/property/value")


def _hinted(failed: Failed) -> Failed:
    """The refusal; a record that is not found by its value could have been made."""
    if failed.problem is None or not failed.problem["type"].endswith(":record_not_found"):
        return failed
    return Failed(failed.code, f"{failed}: add --create to make it", lines=failed.lines, problem=failed.problem)
