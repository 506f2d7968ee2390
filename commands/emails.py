"""`followthrough email …`: emails that steps share, as files, tried before anybody gets them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from commands.client import connect
from commands.files import read_yaml
from commands.output import AsJson, ExitCode, Failed, show, speaking, table
from commands.records import find

email = typer.Typer(help="Emails that steps share: list, show, push, test.", no_args_is_help=True)

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="The email.")]
Record = Annotated[
    str | None,
    typer.Option("--record", metavar="RECORD", help="For whom it is written: an id, or object:property=value."),
]

SENDER = ("from_name", "from_address", "reply_to")


@email.command("list")
def list_emails(as_json: AsJson = False) -> None:
    """List the emails, archived ones included."""
    with speaking(as_json), connect() as api:
        found = list(api.items("/emails", at_most=1000))
        rows = [(each["slug"], each["version"], "archived" if each["archived"] else "", each["name"]) for each in found]
        show(found, table(rows, ("email", "version", "use", "name")), as_json=as_json)


@email.command("show")
def show_email(slug: Slug, record: Record = None, as_json: AsJson = False) -> None:
    """Show what an email says, or with --record what that record would get."""
    with speaking(as_json), connect() as api:
        if record is None:
            found = api.get(_path(slug))
            show(found, _told(found), as_json=as_json)
            return
        seen = api.post(f"{_path(slug)}/preview", {"record": _reference(find(api, record))})
        problems = "\n".join(f"  {each['message']} ({each['code']})" for each in seen["problems"])
        show(seen, f"it cannot be written for this record:\n{problems}" if problems else _seen(seen), as_json=as_json)
    if seen["problems"]:
        raise typer.Exit(ExitCode.REFUSED)


@email.command("push")
def push(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="An email (YAML 1.2).")],
    as_json: AsJson = False,
) -> None:
    """Save an email; content that differs becomes a new version, which steps send from then on."""
    with speaking(as_json), connect() as api:
        document = read_yaml(file)
        if not isinstance(document, dict) or not isinstance(document.get("slug"), str):
            raise Failed(ExitCode.REFUSED, f"{file}: an email is a mapping with a slug: slug, subject, html …")
        try:
            api.get(_path(document["slug"]))
        except Failed as failed:
            if failed.code is not ExitCode.NOT_FOUND:
                raise
            made = api.post("/emails", document)
        else:
            made = api.patch(_path(document["slug"]), {name: v for name, v in document.items() if name != "slug"})
        show(made, f"{made['slug']}: version {made['version']}", as_json=as_json)


@email.command("test")
def send_test(
    slug: Slug,
    to: Annotated[list[str], typer.Option("--to", metavar="ADDRESS", help="Where the test goes; may be repeated.")],
    record: Record = None,
    as_json: AsJson = False,
) -> None:
    """Send an email as a test: marked as one, through the real mail service, and counted nowhere."""
    with speaking(as_json), connect() as api:
        body: dict[str, Any] = {"to": to}
        if record is not None:
            body["record"] = _reference(find(api, record))
        made = api.post(f"{_path(slug)}/test", body)
        rows = [(each["to"], each["outcome"], each["detail"]) for each in made["items"]]
        show(made, table(rows, ("to", "outcome", "detail")), as_json=as_json)
    if any(each["outcome"] != "sent" for each in made["items"]):
        raise typer.Exit(ExitCode.PARTLY_REJECTED)


def _path(slug: str) -> str:
    return f"/emails/{quote(slug, safe='')}"


def _reference(record: Any) -> dict[str, Any]:
    return {"object": record["object"], "id": record["id"]}


def _told(found: Any) -> str:
    rows = [
        ("version", found["version"]),
        ("subject", found["subject"]),
        *((name, found[name]) for name in SENDER),
        ("used by", ", ".join(found["used_by"]) or None),
    ]
    return f"{table(rows, (found['slug'], found['name']))}\n\n{found['text'] or found['html']}"


def _seen(seen: Any) -> str:
    return f"{seen['subject']}\n\n{seen['text']}"
