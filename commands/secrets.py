"""`followthrough secret …`: what webhooks authenticate and sign with."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from commands.client import connect
from commands.output import AsJson, show, speaking, table

secrets = typer.Typer(help="What webhooks authenticate and sign with.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As steps name it: lower case letters, digits and _.")]


@secrets.command("list")
def list_secrets(as_json: AsJson = False) -> None:
    """List the names of secrets; their values are never shown."""
    with speaking(as_json), connect() as api:
        found = list(api.items("/secrets", at_most=1000))
        rows = [(each["name"], each["updated_at"], each["former_until"] or "") for each in found]
        show(found, table(rows, ("secret", "changed", "former value signs until")), as_json=as_json)


@secrets.command("set")
def set_secret(
    name: Name,
    overlap_hours: Annotated[
        int, typer.Option("--overlap-hours", help="For how long the former value signs as well.", min=0, max=720)
    ] = 24,
    as_json: AsJson = False,
) -> None:
    """Write a secret; its value is asked for, or read from the standard input. It stands in no history of a shell."""
    with speaking(as_json), connect() as api:
        is_asked = sys.stdin.isatty()
        value = typer.prompt("value", hide_input=True, err=True) if is_asked else sys.stdin.read().strip()
        made = api.send("PUT", f"/secrets/{name}", json={"value": value, "overlap_hours": overlap_hours}).json()
        show(made, f"secret {name} is set", as_json=as_json)


@secrets.command("delete")
def delete_secret(name: Name, as_json: AsJson = False) -> None:
    """Forget a secret; steps that name it fail from then on."""
    with speaking(as_json), connect() as api:
        api.send("DELETE", f"/secrets/{name}")
        show({"name": name}, f"secret {name} is gone", as_json=as_json)
