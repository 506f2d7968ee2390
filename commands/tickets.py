"""`followthrough channel …`, `thread …` and `pipeline …`: conversations, tickets, and what runs for their stages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from commands.client import connect
from commands.files import read_yaml
from commands.output import AsJson, ExitCode, Failed, show, speaking, table

channel = typer.Typer(help="Channels: where contacts reach you.", no_args_is_help=True)
thread = typer.Typer(help="Threads: conversations with contacts.", no_args_is_help=True)
pipeline = typer.Typer(help="Pipelines: stages, and the steps that run for them.", no_args_is_help=True)

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="The channel.")]
Object = Annotated[str, typer.Argument(metavar="OBJECT", help="ticket or opportunity.")]
Pipeline = Annotated[str, typer.Argument(metavar="PIPELINE", help="Its value, such as default.")]
Stage = Annotated[str, typer.Argument(metavar="STAGE", help="Its value, such as New.")]


@channel.command("list")
def list_channels(as_json: AsJson = False) -> None:
    """List the channels."""
    with speaking(as_json), connect() as api:
        found = list(api.items("/channels", at_most=1000))
        rows = [(each["slug"], each["kind"], each["address"] or "", each["pipeline"], _doing(each)) for each in found]
        show(found, table(rows, ("channel", "kind", "address", "pipeline", "tickets")), as_json=as_json)


@channel.command("add")
def add_channel(
    slug: Slug,
    kind: Annotated[str, typer.Option("--kind", help="email, form, chat, messenger or api.")] = "email",
    address: Annotated[
        str | None, typer.Option("--address", help="The address that contacts write to, or the name of the form.")
    ] = None,
    pipeline: Annotated[str | None, typer.Option("--pipeline", help="Where its tickets go; the first one.")] = None,
    stage: Annotated[str | None, typer.Option("--stage", help="In which stage; its first open one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Connect a channel; each new conversation opens a ticket."""
    given = {"slug": slug, "kind": kind, "address": address, "pipeline": pipeline, "stage": stage}
    with speaking(as_json), connect() as api:
        made = api.post("/channels", {name: value for name, value in given.items() if value is not None})
        show(made, f"{slug}: {_doing(made)} in {made['pipeline']}", as_json=as_json)


@channel.command("switch")
def switch_channel(
    slug: Slug,
    tickets: Annotated[bool | None, typer.Option("--tickets/--no-tickets", help="Whether it opens tickets.")] = None,
    active: Annotated[bool | None, typer.Option("--on/--off", help="Whether it takes anything in.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let a channel open tickets or not, or take nothing in."""
    given = {"opens_tickets": tickets, "active": active}
    changes = {name: value for name, value in given.items() if value is not None}
    with speaking(as_json), connect() as api:
        if not changes:
            raise Failed(ExitCode.REFUSED, "say what to switch: --tickets, --no-tickets, --on or --off")
        made = api.patch(f"/channels/{quote(slug, safe='')}", changes)
        show(made, f"{slug}: {_doing(made)}", as_json=as_json)


@thread.command("list")
def list_threads(
    ticket: Annotated[str | None, typer.Option("--ticket", help="Of this ticket.")] = None,
    contact: Annotated[str | None, typer.Option("--contact", help="With this contact.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show so many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List conversations."""
    with speaking(as_json), connect() as api:
        found = list(api.items("/threads", at_most=limit, ticket=ticket, contact=contact))
        rows = [(each["id"], each["channel"], each["ticket_id"] or "", each["subject"]) for each in found]
        show(found, table(rows, ("thread", "channel", "ticket", "subject")), as_json=as_json)


@thread.command("show")
def show_thread(
    id: Annotated[str, typer.Argument(metavar="THREAD", help="Its id.")], as_json: AsJson = False
) -> None:  # fmt: skip
    """Show what was written in a conversation, by whom, and what it did to the ticket."""
    with speaking(as_json), connect() as api:
        path = f"/threads/{quote(id, safe='')}"
        head = api.get(path)
        said = list(api.items(f"{path}/messages", at_most=1000))
        lines = [line for each in said for line in _told(each)]
        show({**head, "messages": said}, "\n".join([head["subject"], *lines]), as_json=as_json)


@pipeline.command("list")
def list_pipelines(object: Object = "ticket", as_json: AsJson = False) -> None:
    """List the pipelines of an object type with their stages."""
    with speaking(as_json), connect() as api:
        found = api.get(f"/pipelines/{quote(object, safe='')}")["items"]
        rows = [(each["value"], each["label"], " → ".join(map(_stage, each["stages"]))) for each in found]
        show(found, table(rows, ("pipeline", "name", "stages")), as_json=as_json)


@pipeline.command("attach")
def attach(
    object: Object,
    pipeline: Pipeline,
    stage: Stage,
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A list of steps (YAML).")],
    include_chat: Annotated[
        bool | None, typer.Option("--include-chat/--no-chat", help="Whether also for tickets of chats; as it is.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let steps run for whatever reaches a stage."""
    with speaking(as_json), connect() as api:
        written = read_yaml(file)
        steps = written.get("steps") if isinstance(written, dict) else written
        body = {"steps": steps, "include_chat": include_chat}
        made = api.put(_automation(object, pipeline, stage), body)
        show(made, f"{made['workflow']} runs in version {made['version']} for {stage}", as_json=as_json)


@pipeline.command("remove")
def remove(object: Object, pipeline: Pipeline, stage: Stage, as_json: AsJson = False) -> None:
    """Let nothing run for a stage any more; who is inside finishes."""
    with speaking(as_json), connect() as api:
        api.send("DELETE", _automation(object, pipeline, stage))
        show({"stage": stage}, f"nothing runs for {stage} any more", as_json=as_json)


def _automation(object: str, pipeline: str, stage: str) -> str:
    return f"/pipelines/{quote(object, safe='')}/{quote(pipeline, safe='')}/stages/{quote(stage, safe='')}/automation"


def _doing(channel: dict[str, Any]) -> str:
    if not channel["active"]:
        return "switched off"
    return "opens tickets" if channel["opens_tickets"] else "opens no tickets"


def _stage(stage: dict[str, Any]) -> str:
    return f"{stage['label']}{' (closed)' if stage['closed'] else ''}"


def _told(message: dict[str, Any]) -> list[str]:
    """A message of a conversation: who, when, what it did, and its first lines."""
    who = message["author"].replace("_", " ") + (" to" if message["status"] is not None else "")
    more = ", ".join(filter(None, (message["status"], message["detail"], message["effect"])))
    text = [f"    {line}" for line in message["text"].split("\n")[:10]]
    return ["", f"{message['created_at'][:19]}  {who} {message['address'] or ''}{f' ({more})' if more else ''}", *text]
