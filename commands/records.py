"""`followthrough record …` and `followthrough import`."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from commands.client import Client, connect
from commands.files import Force, check_target, read_yaml, write_text
from commands.output import AsJson, ExitCode, Failed, show, speaking, table
from commands.rejections import SHOWN, import_text, rejected_csv

record = typer.Typer(help="Look at a record, or change it.", no_args_is_help=True)

POLL_S = 0.3

Reference = Annotated[
    str,
    typer.Argument(metavar="RECORD", help="contact/<id>, or contact/email/<address>: object, unique property, value."),
]


@record.command("get")
def get_record(reference: Reference, as_json: AsJson = False) -> None:
    """Show a record with its associations."""
    with speaking(as_json), connect() as api:
        found = find(api, reference)
        rows = [*sorted(found["properties"].items()), ("version", found["version"])]
        rows += [(f"→ {link['object']}", link["id"]) for link in found["associations"]]
        text = f"{found['object']} {found['id']}\n{table(rows, ('property', 'value'))}"
        show(found, text, as_json=as_json)


@record.command("set")
def set_record(
    reference: Reference,
    values: Annotated[list[str], typer.Argument(metavar="PROPERTY=VALUE…", help="Nothing after = clears.")],
    as_json: AsJson = False,
) -> None:
    """Set properties of a record; a value that is JSON (a number, true, a list, a text in quotes) is sent as such."""
    with speaking(as_json), connect() as api:
        properties = dict(read_assignment(each) for each in values)
        found = find(api, reference)
        try:
            made = api.patch(f"/records/{found['object']}/{found['id']}", {"properties": properties})
        except Failed as failed:
            raise _understood(failed, values) from None
        show(made, f"{made['object']} {made['id']} is at version {made['version']}", as_json=as_json)


def import_file(
    object: Annotated[str, typer.Argument(help="contact, company, opportunity, ticket or a custom object.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The CSV file.")],
    mapping: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Which column is which property (YAML).")],
    key: Annotated[str, typer.Option(help="The unique property that tells records apart.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and count; write nothing.")] = False,
    wake: Annotated[bool, typer.Option("--wake/--no-wake", help="Whether triggers and waits look at it.")] = True,
    on_bad_value: Annotated[str, typer.Option(help="reject_row or leave_out.")] = "reject_row",
    rejected: Annotated[Path | None, typer.Option(help="Write every rejected row to this CSV file.")] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Import a CSV file; ends with 5 when rows were rejected."""
    with speaking(as_json), connect() as api:
        if rejected is not None:
            check_target(rejected, force=force)
        fields = {
            "mapping": json.dumps(read_yaml(mapping)),
            "key": key,
            "wake": str(wake).lower(),
            "dry_run": str(dry_run).lower(),
            "on_bad_value": on_bad_value,
        }
        job = _upload(api, object, fields, file=file, mapping=mapping)
        job = follow(api, job["id"], quiet=as_json)
        wanted = job["total"] if as_json or rejected is not None else SHOWN
        rows = list(api.items(f"/jobs/{job['id']}/rows", at_most=wanted, outcome="rejected"))
        show({**job, "rejected": rows}, import_text(job, rows), as_json=as_json)
        if rejected is not None:
            write_text(rejected, rejected_csv(job, rows), force=force)
        if job["status"] != "done":
            raise Failed(ExitCode.REFUSED, f"the import ended as {job['status']}: {job['error']}")
    if job["counts"].get("rejected"):
        raise typer.Exit(ExitCode.PARTLY_REJECTED)


def _upload(api: Client, object: str, fields: dict[str, str], *, file: Path, mapping: Path) -> Any:
    """Send the file; the job. Mistakes are told with their place in the files that were given.

    Raises:
        Failed: refused.
    """
    places = {"/mapping": str(mapping), "/file": str(file), "/key": "--key"}
    try:
        with file.open("rb") as content:
            return api.upload(f"/records/{object}/import", fields, (file.name, content))
    except Failed as failed:
        lines = [_placed(line, places) for line in failed.lines]
        raise Failed(failed.code, str(failed), lines=lines, problem=failed.problem) from None


def _placed(line: str, places: dict[str, str]) -> str:
    for prefix, place in places.items():
        rest = line.removeprefix(prefix)
        if rest != line and rest[0] in "/:":
            return f"{place}: {rest}" if rest[0] == "/" else f"{place}{rest}"
    return line


def find(api: Client, reference: str) -> Any:
    """The record that ``object/id`` or ``object/property/value`` names."""
    match reference.split("/", 2):
        case [object, id]:
            return api.get(f"/records/{quote(object)}/{quote(id, safe='')}")
        case [object, property, value]:
            found = _search(api, object, property, value)
            if len(found) != 1:
                some = "more than one" if found else "no"
                raise Failed(ExitCode.NOT_FOUND, f"there is {some} {object} with {property} {value}")
            return api.get(f"/records/{quote(object)}/{found[0]['id']}")
    raise Failed(ExitCode.USAGE, f"{reference}: write object/id or object/property/value")


def follow(api: Client, job_id: str, *, doing: str = "Importing", quiet: bool) -> Any:
    """Wait for a job to end, with a progress bar; the job."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        bar = progress.add_task(doing, total=None)
        while True:
            job = api.get(f"/jobs/{job_id}")
            progress.update(bar, total=job["total"] or None, completed=job["done"])
            if job["status"] in ("done", "failed", "cancelled"):
                return job
            time.sleep(POLL_S)


def read_assignment(written: str) -> tuple[str, Any]:
    """Name and value of ``name=value``; nothing after = is None.

    Raises:
        Failed: it is written otherwise.
    """
    name, equals, value = written.partition("=")
    if not equals or not name:
        raise Failed(ExitCode.USAGE, f"{written}: write property=value")
    return name, _json_or_text(value) if value else None


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value, parse_constant=_refuse)
    except ValueError:
        return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _understood(failed: Failed, values: list[str]) -> Failed:
    """The refusal with what was understood, for each value of a wrong type, and how another one is written."""
    wrong = {error["path"] for error in (failed.problem or {}).get("errors", ()) if error["code"] == "wrong_type"}
    lines = list(failed.lines)
    for each in values:
        name, _, written = each.partition("=")
        if f"/properties/{name}" not in wrong:
            continue
        value = _json_or_text(written)
        if isinstance(value, str):
            lines.append(f"{name}: understood as the text {json.dumps(value, ensure_ascii=False)}")
        else:
            text = shlex.quote(f"{name}={json.dumps(written, ensure_ascii=False)}")
            lines.append(f"{name}: understood as {_kind(value)} {written}; for the text write {text}")
    return Failed(failed.code, str(failed), lines=lines, problem=failed.problem)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "the truth value"
    return "the number" if isinstance(value, int | float) else "the list or object"


def _search(api: Client, object: str, property: str, value: str) -> list[Any]:
    """Up to two records with this value: as a text, or as the number it is where the property holds numbers."""

    def ask(wanted: Any) -> list[Any]:
        where = {"property": property, "op": "is", "value": wanted}
        return list(api.post(f"/records/{quote(object)}/search", {"where": where, "limit": 2})["items"])

    try:
        return ask(value)
    except Failed as failed:
        wrong = {error["code"] for error in (failed.problem or {}).get("errors", ())}
        if wrong != {"wrong_type"} or isinstance(number := _json_or_text(value), str):
            raise
    return ask(number)
