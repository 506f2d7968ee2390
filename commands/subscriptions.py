"""`followthrough subscriptions …`: what contacts agree to be sent."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from commands.client import connect
from commands.output import AsJson, ExitCode, Failed, show, speaking, table
from commands.records import Reference, find

subscriptions = typer.Typer(help="What contacts agree to be sent.", no_args_is_help=True)

HEADS = ("subscription", "state", "source", "legal basis", "since")


@subscriptions.command("types")
def list_types(as_json: AsJson = False) -> None:
    """List the subscription types, archived ones included."""
    with speaking(as_json), connect() as api:
        found = list(api.items("/subscription-types", at_most=1000))
        rows = [
            (each["slug"], each["name"], "archived" if each["archived"] else "", each["description"]) for each in found
        ]
        show(found, table(rows, ("subscription", "name", "use", "description")), as_json=as_json)


@subscriptions.command("show")
def show_subscriptions(reference: Reference, as_json: AsJson = False) -> None:
    """Show what a contact agreed to, for every type."""
    with speaking(as_json), connect() as api:
        found = api.get(_path(find(api, reference)))
        show(found, _told(found), as_json=as_json)


@subscriptions.command("set")
def set_subscriptions(
    reference: Reference,
    states: Annotated[
        list[str],
        typer.Argument(metavar="TYPE=STATE…", help="A state is subscribed, unsubscribed or not_specified."),
    ],
    source: Annotated[str | None, typer.Option("--source", help="Where the contact said so.")] = None,
    legal_basis: Annotated[str | None, typer.Option("--legal-basis", help="Why messages may be sent.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write down what a contact agrees to; types that are not named stay as they are."""
    with speaking(as_json), connect() as api:
        body: dict[str, Any] = {"subscriptions": dict(_read_state(each) for each in states)}
        if source is not None:
            body["source"] = source
        if legal_basis is not None:
            body["legal_basis"] = legal_basis
        made = api.send("PUT", _path(find(api, reference)), json=body).json()
        show(made, _told(made), as_json=as_json)


def _path(record: Any) -> str:
    return f"/records/{quote(record['object'], safe='')}/{quote(record['id'], safe='')}/subscriptions"


def _read_state(written: str) -> tuple[str, str]:
    slug, sign, state = written.partition("=")
    if not (slug and sign and state):
        raise Failed(ExitCode.USAGE, f"{written}: write type=state, like newsletter=subscribed")
    return slug, state


def _told(found: Any) -> str:
    rows = [
        (each["subscription"], each["state"], each["source"], each["legal_basis"], each["changed_at"])
        for each in found["items"]
    ]
    return table(rows, HEADS)
