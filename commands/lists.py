"""`followthrough list …`: lists of records and who is on them."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from commands.client import connect
from commands.output import AsJson, ExitCode, Failed, show, speaking, table
from commands.records import find

lists = typer.Typer(help="Lists of records: make, show, fill.", no_args_is_help=True)

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="The list.")]
Records = Annotated[list[str], typer.Argument(metavar="RECORD…", help="object/id or object/property/value.")]


@lists.command("ls")
def list_lists(as_json: AsJson = False) -> None:
    """List the lists."""
    with speaking(as_json), connect() as api:
        found = list(api.items("/lists", at_most=1000))
        rows = [(each["slug"], each["object"], _kind(each), each["members"], each["name"]) for each in found]
        show(found, table(rows, ("list", "object", "kind", "members", "name")), as_json=as_json)


@lists.command("create")
def create(
    slug: Slug,
    object: Annotated[str, typer.Option("--object", help="The object type of its records.")] = "contact",
    name: Annotated[str | None, typer.Option("--name", help="What people call it.")] = None,
    where: Annotated[
        str | None, typer.Option("--where", help="A condition as JSON: its members follow it (a dynamic list).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a list: static, or with --where dynamic."""
    with speaking(as_json), connect() as api:
        body: dict[str, Any] = {"slug": slug, "object": object}
        if name is not None:
            body["name"] = name
        if where is not None:
            body["where"] = _condition(where)
        made = api.post("/lists", body)
        filled = "; its members are being found" if made["is_filling"] else ""
        show(made, f"{slug}: {_kind(made)} list of {object}{filled}", as_json=as_json)


@lists.command("show")
def show_list(
    slug: Slug,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show so many members.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show a list and its first members."""
    with speaking(as_json), connect() as api:
        path = f"/lists/{quote(slug, safe='')}"
        found = api.get(path)
        members = list(api.items(f"{path}/members", at_most=limit))
        filling = ", being filled" if found["is_filling"] else ""
        count = f"{found['members']} member{'' if found['members'] == 1 else 's'}"
        head = f"{found['name']}: {_kind(found)} list of {found['object']}, {count}{filling}"
        rows = [(each["id"], *list(each["properties"].values())[:3]) for each in members]
        lines = [" ".join(str(cell) for cell in row) for row in rows]
        show({**found, "records": members}, "\n  ".join([head, *lines]), as_json=as_json)


@lists.command("add")
def add(slug: Slug, records: Records, as_json: AsJson = False) -> None:
    """Put records on a static list."""
    _each("PUT", slug, records, "added to", as_json)


@lists.command("remove")
def remove(slug: Slug, records: Records, as_json: AsJson = False) -> None:
    """Take records off a static list."""
    _each("DELETE", slug, records, "removed from", as_json)


def _each(method: str, slug: str, records: list[str], done: str, as_json: bool) -> None:
    with speaking(as_json), connect() as api:
        ids = [find(api, reference)["id"] for reference in records]
        for id in ids:
            api.send(method, f"/lists/{quote(slug, safe='')}/members/{quote(id, safe='')}")
        show({"list": slug, "records": ids}, f"{len(ids)} {done} {slug}", as_json=as_json)


def _condition(written: str) -> Any:
    """The condition of ``--where``; whether it means anything is the API's to say.

    Raises:
        Failed: it is no JSON object.
    """
    try:
        found = json.loads(written)
    except ValueError as error:
        raise Failed(ExitCode.USAGE, f"--where is no JSON ({error})") from None
    if not isinstance(found, dict):
        raise Failed(ExitCode.USAGE, f"--where is no condition: {written}")
    return found


def _kind(each: Any) -> str:
    return "static" if each["where"] is None else "dynamic"
