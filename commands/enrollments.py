"""`followthrough enroll`, `followthrough enrollment …` and `followthrough messages`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from commands.bulk import audience, enroll_many, unenroll_many
from commands.client import Client, connect
from commands.output import AsJson, ExitCode, Failed, show, speaking, table
from commands.records import find
from commands.story import called, story

enrollment = typer.Typer(help="Follow an enrollment, hold, move or end it.", no_args_is_help=True)

EnrollmentId = Annotated[str, typer.Argument(metavar="ID", help="The enrollment.")]


def enroll(
    slug: Annotated[str, typer.Argument(help="The workflow.")],
    reference: Annotated[
        str | None,
        typer.Argument(metavar="[RECORD]", help="contact/<id>, or contact/email/<address>; for many leave it out."),
    ] = None,
    where: Annotated[str | None, typer.Option(metavar="JSON", help="Whoever satisfies a condition.")] = None,
    list_slug: Annotated[str | None, typer.Option("--list", metavar="LIST", help="Whoever is on a list.")] = None,
    ids: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Whoever a file names, one id a line.")
    ] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Of many: how many may enter a minute.")] = None,
    opportunity: Annotated[str | None, typer.Option(help="The opportunity it is about: its id, or as RECORD.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let a record enter a workflow, or many at once; ends with 1 when the one does not."""
    with speaking(as_json):
        wanted = audience(where, list_slug, ids)
        if (reference is None) == (not wanted):
            raise Failed(ExitCode.USAGE, "say who: RECORD, or one of --where, --list and --ids")
        if wanted and opportunity is not None:
            raise Failed(ExitCode.USAGE, "--opportunity is about one record, not about many")
        with connect() as api:
            if reference is None:
                enroll_many(api, slug, wanted, rate=rate, as_json=as_json)
            else:
                enroll_one(api, slug, reference, opportunity, as_json=as_json)


def unenroll_all(
    slug: Annotated[str, typer.Argument(help="The workflow.")],
    where: Annotated[str | None, typer.Option(metavar="JSON", help="Whoever satisfies a condition.")] = None,
    list_slug: Annotated[str | None, typer.Option("--list", metavar="LIST", help="Whoever is on a list.")] = None,
    ids: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Whoever a file names, one record id a line.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take many records out of a workflow; one enrollment alone: `followthrough enrollment unenroll`."""
    with speaking(as_json):
        wanted = audience(where, list_slug, ids)
        if not wanted:
            raise Failed(ExitCode.USAGE, "say who: one of --where, --list and --ids")
        with connect() as api:
            unenroll_many(api, slug, wanted, as_json=as_json)


def enroll_one(api: Client, slug: str, reference: str, opportunity: str | None, *, as_json: bool) -> None:
    """Let one record enter and tell the decision; ends with 1 when it does not."""
    found = find(api, reference)
    body: dict[str, Any] = {"record": {"object": found["object"], "id": found["id"]}}
    if opportunity is not None:
        body["opportunity_id"] = find(api, opportunity)["id"] if "/" in opportunity else opportunity
    made = api.post(f"/workflows/{quote(slug, safe='')}/enrollments", body)
    text = f"{made['decision']}: {found['object']} {found['id']} {made['words']}"
    if made["enrollment_id"]:
        text += f"\nfollow it: followthrough enrollment show {made['enrollment_id']}"
    if made["temporal"]:
        text += f"\nits run:   {made['temporal']['ui_url']}"
    show(made, text, as_json=as_json)
    if made["decision"] not in ("enrolled", "absorbed_update"):
        raise typer.Exit(ExitCode.REFUSED)


@enrollment.command("show")
def show_enrollment(enrollment_id: EnrollmentId, as_json: AsJson = False) -> None:
    """Show where it stands and what happened to it."""
    with speaking(as_json), connect() as api:
        path = f"/enrollments/{quote(enrollment_id, safe='')}"
        found, timeline = api.get(path), api.get(f"{path}/timeline")
        show({**found, "timeline": timeline}, story(found, timeline), as_json=as_json)


@enrollment.command("list")
def list_enrollments(
    workflow: Annotated[str | None, typer.Option(help="Only of this workflow.")] = None,
    status: Annotated[str | None, typer.Option(help="starting, active, paused or ended.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List enrollments, newest first."""
    with speaking(as_json), connect() as api:
        found = list(api.items("/enrollments", at_most=limit, workflow=workflow, status=status))
        rows = [
            (e["id"], e["workflow"], called(e["record"]), called(e["bound"]), e["status"], e["step"], e["wakes_at"],
             e["end_reason"])
            for e in found
        ]  # fmt: skip
        heads = ("enrollment", "workflow", "record", "about", "status", "step", "wakes at", "ended")
        show(found, table(rows, heads), as_json=as_json)


@enrollment.command("unenroll")
def unenroll(enrollment_id: EnrollmentId, as_json: AsJson = False) -> None:
    """Take the record out at once."""
    with speaking(as_json), connect() as api:
        made = api.post(f"/enrollments/{quote(enrollment_id, safe='')}/unenroll")
        show(made, f"{made['id']} {made['end_words']}", as_json=as_json)


@enrollment.command("pause")
def pause(enrollment_id: EnrollmentId, as_json: AsJson = False) -> None:
    """Hold it at its next step."""
    _operate(enrollment_id, "pause", as_json)


@enrollment.command("resume")
def resume(enrollment_id: EnrollmentId, as_json: AsJson = False) -> None:
    """Let it go on."""
    _operate(enrollment_id, "resume", as_json)


@enrollment.command("skip-wait")
def skip_wait(enrollment_id: EnrollmentId, as_json: AsJson = False) -> None:
    """Let it go on from the delay or wait it stands in."""
    _operate(enrollment_id, "skip-wait", as_json)


@enrollment.command("move-to")
def move_to(
    enrollment_id: EnrollmentId,
    step: Annotated[str, typer.Argument(metavar="STEP", help="The id of a step of its version.")],
    as_json: AsJson = False,
) -> None:
    """Let it go on at another step."""
    _operate(enrollment_id, "move-to", as_json, {"step": step})


@enrollment.command("retry")
def retry(
    enrollment_id: EnrollmentId,
    step: Annotated[str | None, typer.Option(help="The step to begin at; else the first that failed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Have one that failed begin again there; of one inside, try at once what waits for another try."""
    with speaking(as_json), connect() as api:
        made = api.post(f"/enrollments/{quote(enrollment_id, safe='')}/retry", {} if step is None else {"step": step})
        text = f"{made['decision']}: {made['words']}"
        if made["decision"] == "enrolled":
            again = made["enrollment_id"]
            text = f"begins again as {again}\nfollow it: followthrough enrollment show {again}"
        if made["decision"] == "tried_again":
            text = f"{made['enrollment_id']} {made['words']}"
        show(made, text, as_json=as_json)
        if made["decision"] not in ("enrolled", "tried_again"):
            raise typer.Exit(ExitCode.REFUSED)


def _operate(enrollment_id: str, what: str, as_json: bool, body: dict[str, Any] | None = None) -> None:
    with speaking(as_json), connect() as api:
        made = api.post(f"/enrollments/{quote(enrollment_id, safe='')}/{what}", body)
        where = f", at the step {made['step']}" if made["step"] else ""
        show(made, f"{made['id']} is {made['status']}{where}", as_json=as_json)


def messages(
    workflow: Annotated[str | None, typer.Option(help="Only of this workflow.")] = None,
    channel: Annotated[str | None, typer.Option(help="email or sms.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List the emails and text messages that workflows sent, newest first."""
    with speaking(as_json), connect() as api:
        found = list(api.items("/messages", at_most=limit, workflow=workflow, channel=channel))
        rows = [(m["created_at"], m["channel"], m["status"], m["recipient"], m["subject"] or m["text"]) for m in found]
        show(found, table(rows, ("when", "channel", "status", "to", "subject or text")), as_json=as_json)
