"""`followthrough workflow …` and `followthrough report`: definitions as files, published and reported on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from commands.client import Client, connect
from commands.files import Force, check_target, read_yaml, write_text
from commands.moving import moved_text, preview_text
from commands.output import AsJson, ExitCode, Failed, show, speaking, table
from commands.records import find, follow
from commands.report import By, over_time_text, report_text

workflow = typer.Typer(help="Definitions: validate, push, pull, publish, turn on and off, pause.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A definition (YAML 1.2).")]
Slug = Annotated[str, typer.Argument(metavar="SLUG", help="The workflow.")]


@workflow.command("list")
def list_workflows(
    search: Annotated[str, typer.Option(help="Words that all stand in name, slug, folder or description.")] = "",
    folder: Annotated[str, typer.Option(help="This folder and those below it.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the workflows."""
    asked = {name: value for name, value in (("search", search), ("folder", folder)) if value}
    with speaking(as_json), connect() as api:
        found = list(api.items("/workflows", at_most=1000, **asked))
        rows = [(each["slug"], each["version"], _state(each), each["folder"], each["name"]) for each in found]
        show(found, table(rows, ("workflow", "version", "state", "folder", "name")), as_json=as_json)


@workflow.command("folders")
def folders(as_json: AsJson = False) -> None:
    """List the folders, with how many workflows lie in each and below it."""
    with speaking(as_json), connect() as api:
        found = api.get("/folders")["items"]
        rows = [(each["folder"] or "(none)", each["workflows"], each["below"], each["on"]) for each in found]
        show(found, table(rows, ("folder", "workflows", "with those below", "on")), as_json=as_json)


@workflow.command("file")
def file_workflow(
    slug: Slug,
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Such as Marketing/Webinars.")],
    as_json: AsJson = False,
) -> None:
    """Put a workflow into a folder; it runs as it does."""
    with speaking(as_json), connect() as api:
        made = api.put(f"/workflows/{quote(slug, safe='')}/folder", {"folder": folder})
        show(made, f"{slug} lies in {made['folder'] or 'no folder'}", as_json=as_json)


@workflow.command("validate")
def validate(file: File, as_json: AsJson = False) -> None:
    """Show every problem of a definition; nothing is stored."""
    with speaking(as_json), connect() as api:
        document = _read(file)
        found = api.post(f"/workflows/{_slug(document) or 'new'}/validate", document)
        show(found, _problems(found["problems"]) or "no problems", as_json=as_json)
    if found["problems"]:
        raise typer.Exit(ExitCode.REFUSED)


@workflow.command("push")
def push(file: File, as_json: AsJson = False) -> None:
    """Save a definition as the draft."""
    with speaking(as_json), connect() as api:
        made = _push(api, _read(file))
        show(made, _saved(made, "draft saved"), as_json=as_json)


@workflow.command("pull")
def pull(
    slug: Slug,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write to this file instead of the screen.")] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write the draft of a workflow as YAML."""
    from gateways.yaml_files import write_document

    with speaking(as_json), connect() as api:
        if out is not None:
            check_target(out, force=force)
        draft = api.get(f"/workflows/{quote(slug, safe='')}")["definition"]
        text = write_document(draft)
        if out is not None:
            write_text(out, text, force=force)
        show(draft, text.rstrip("\n") if out is None else f"written to {out}", as_json=as_json)


@workflow.command("publish")
def publish(
    target: Annotated[str, typer.Argument(metavar="FILE|SLUG", help="A file is pushed first.")],
    move: Annotated[bool, typer.Option("--move", help="Take those inside along to the new version.")] = False,
    existing_records: Annotated[
        bool, typer.Option("--existing-records", help="Also take in everybody who matches a filter trigger already.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Publish nothing; show where those inside would go.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish a new version and turn the workflow on."""
    with speaking(as_json), connect() as api:
        slug = str(_push(api, _read(Path(target)))["slug"]) if _is_file(target) else target
        path = f"/workflows/{quote(slug, safe='')}/publish"
        if dry_run:
            found = api.post(path, {"in_flight": "move", "dry_run": True})
            show(found, preview_text(found), as_json=as_json)
            return
        body: dict[str, Any] = {"in_flight": "move"} if move else {}
        made = api.post(path, {**body, "existing_records": True} if existing_records else body)
        told = "\n".join([f"{slug}: version {made['version']} is published and on", *_warnings(made)])
        if made["job_id"] is not None:
            told += f"\njob {made['job_id']} takes in whoever matches already"
        if made["move_job_id"] is not None:
            job = follow(api, made["move_job_id"], doing="Moving", quiet=as_json)
            made, told = {**made, "move": job}, f"{told}\n{moved_text(job)}"
        show(made, told, as_json=as_json)


@workflow.command("settings")
def settings(
    slug: Slug,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", exists=True, dir_okay=False, help="What to change (YAML)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the settings that hold now, or change them: those inside are timed anew at once."""
    with speaking(as_json), connect() as api:
        path = f"/workflows/{quote(slug, safe='')}/settings"
        found = api.get(path) if file is None else api.patch(path, _read(file))
        shown = {**found["settings"], **{f"anchor.{name}": value for name, value in found["anchor"].items()}}
        rows = list(shown.items())
        told = [table(rows, ("setting", "value")), *(_warnings(found) if file is not None else ())]
        show(found, "\n".join(told), as_json=as_json)


@workflow.command("preview")
def preview(
    slug: Slug,
    reference: Annotated[str, typer.Argument(metavar="RECORD", help="contact/<id>, or contact/email/<address>.")],
    at: Annotated[str | None, typer.Option("--at", help="When it would enter, with offset; now, if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show when each step would happen if a record entered; nobody enters."""
    with speaking(as_json), connect() as api:
        record = find(api, reference)
        body: dict[str, Any] = {"record": {"object": record["object"], "id": record["id"]}}
        found = api.post(f"/workflows/{quote(slug, safe='')}/preview", {**body, **({"at": at} if at else {})})
        rows = [(step["step"], step["kind"], step["words"]) for step in found["steps"]]
        ends = "… and more" if found["is_cut"] else "and again in the next year" if found["comes_round"] else ""
        show(found, "\n".join(part for part in (table(rows, ("step", "kind", "when")), ends) if part), as_json=as_json)


@workflow.command("hooks")
def hooks(slug: Slug, as_json: AsJson = False) -> None:
    """Show where its webhook triggers are called, and the secrets calls are signed with."""
    with speaking(as_json), connect() as api:
        found = api.get(f"/workflows/{quote(slug, safe='')}/hooks")["items"]
        rows = [(hook["trigger"], hook["path"], hook["secret"]) for hook in found]
        show(found, table(rows, ("trigger", "path", "secret")), as_json=as_json)


@workflow.command("clone")
def clone(
    slug: Slug,
    new_slug: Annotated[str, typer.Argument(metavar="NEW-SLUG", help="What the clone is called.")],
    name: Annotated[str | None, typer.Option("--name", help="Its name; Copy of …, if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Store the draft as one of another workflow, which is off until it is published."""
    with speaking(as_json), connect() as api:
        body = {"slug": new_slug, **({"name": name} if name else {})}
        made = api.post(f"/workflows/{quote(slug, safe='')}/clone", body)
        show(made, _saved(made, "cloned"), as_json=as_json)


@workflow.command("step")
def step(
    slug: Slug,
    step_id: Annotated[str, typer.Argument(metavar="STEP", help="The step, by its id.")],
    on: Annotated[bool | None, typer.Option("--on/--off", help="Off: passed over, and kept.")] = None,
    note: Annotated[str | None, typer.Option("--note", help="A comment for colleagues.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="What it is called.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Take it out, with all that stands inside it.")] = False,
    and_after: Annotated[bool, typer.Option("--and-after", help="With --delete: also all below it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Change or delete one step of the draft; publish to make it hold."""
    given = {"enabled": on, "note": note, "name": name}
    values = {field: value for field, value in given.items() if value is not None}
    if delete == bool(values) or (and_after and not delete):
        raise typer.BadParameter("say what to change (--on, --off, --note, --name), or --delete [--and-after]")
    with speaking(as_json), connect() as api:
        path = f"/workflows/{quote(slug, safe='')}"
        match = {"If-Match": api.send("GET", path).headers["ETag"]}
        path += f"/steps/{quote(step_id, safe='')}"
        if delete:
            made = api.send("DELETE", path, params={"and_after": str(and_after).lower()}, headers=match).json()
        else:
            made = api.send("PATCH", path, json=values, headers=match).json()
        show(made, _saved(made, "draft saved"), as_json=as_json)


@workflow.command("turn-on")
def turn_on(slug: Slug, as_json: AsJson = False) -> None:
    """Let records enter again."""
    _turn(slug, "on", as_json)


@workflow.command("turn-off")
def turn_off(slug: Slug, as_json: AsJson = False) -> None:
    """Let nobody enter; those inside finish."""
    _turn(slug, "off", as_json)


@workflow.command("pause")
def pause(slug: Slug, as_json: AsJson = False) -> None:
    """Let nobody enter, and hold those inside at their next step."""
    _post(slug, "pause", "paused", as_json)


@workflow.command("resume")
def resume(slug: Slug, as_json: AsJson = False) -> None:
    """Let those inside go on."""
    _post(slug, "resume", "resumed", as_json)


def report(
    slug: Slug,
    by: Annotated[By | None, typer.Option(help="Day by day or week by week instead of step by step.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="With --by: the first day, 2026-11-01.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="With --by: the last day.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of those who entered, step by step or over time."""
    with speaking(as_json), connect() as api:
        path = f"/workflows/{quote(slug, safe='')}/report"
        if by is None and (first or last):
            raise Failed(ExitCode.USAGE, "--from and --to go with --by day or --by week")
        if by is None:
            found = api.get(path)
            show(found, report_text(found), as_json=as_json)
            return
        found = api.get(f"{path}/over-time", **{"by": by.value, "from": first, "to": last})
        show(found, over_time_text(found), as_json=as_json)


def _state(each: dict[str, Any]) -> str:
    return ("on" if each["is_on"] else "off") + (", paused" if each["is_paused"] else "")


def _turn(slug: str, how: str, as_json: bool) -> None:
    _post(slug, f"turn-{how}", how, as_json)


def _post(slug: str, what: str, told: str, as_json: bool) -> None:
    with speaking(as_json), connect() as api:
        made = api.post(f"/workflows/{quote(slug, safe='')}/{what}")
        show(made, f"{slug} is {told}", as_json=as_json)


def _is_file(target: str) -> bool:
    """Whether a file is meant, not a slug.

    Raises:
        Failed: a file is meant and there is none.
    """
    if Path(target).is_file():
        return True
    if "/" in target or Path(target).suffix:
        raise Failed(ExitCode.USAGE, f"there is no file {target}; write a definition's file, or the slug of a workflow")
    return False


def _read(file: Path) -> dict[str, Any]:
    document = read_yaml(file)
    if not isinstance(document, dict):
        raise Failed(ExitCode.REFUSED, f"{file}: a definition is a mapping: slug, name, object, steps …")
    return document


def _slug(document: dict[str, Any]) -> str | None:
    """The slug of a definition; None where it has none, or one that cannot stand in an address."""
    from domain.definition import SLUG

    slug = document.get("slug")
    return slug if isinstance(slug, str) and re.fullmatch(SLUG, slug) else None


def _push(api: Client, document: dict[str, Any]) -> Any:
    slug = _slug(document)
    if slug is None:
        # No workflow can have it, but the answer tells what else is wrong.
        return api.post("/workflows", document)
    path = f"/workflows/{slug}"
    try:
        known = api.send("GET", path)
    except Failed as failed:
        if failed.code is not ExitCode.NOT_FOUND:
            raise
        return api.post("/workflows", document)
    return api.send("PUT", path, json=document, headers={"If-Match": known.headers["ETag"]}).json()


def _saved(made: Any, told: str) -> str:
    problems = _problems(made["problems"])
    return f"{made['slug']}: {told}" + (f", not ready to publish:\n{problems}" if problems else "")


def _warnings(made: Any) -> list[str]:
    return [f"warning: {each['path']}: {each['message']}" for each in made["warnings"]]


def _problems(problems: list[Any]) -> str:
    return "\n".join(f"  {each['path'] or '/'}: {each['message']} ({each['code']})" for each in problems)
