"""`followthrough effect …`: what was handed over to the world, and deciding where nobody knows what became of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

import typer

from commands.client import connect
from commands.output import AsJson, show, speaking, table
from commands.story import called

effect = typer.Typer(help="Look into the ledger of effects, and decide about those nobody knows.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(metavar="KEY", help="The key in the ledger: ENROLLMENT:STEP:N.")]


class Settlement(StrEnum):
    """What became of it."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    RESEND = "resend"


@effect.command("list")
def list_effects(
    state: Annotated[str | None, typer.Option(help="handed_over, retry, accepted, refused, failed or unknown.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Only of this workflow.")] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those a run waits for a decision about.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List effects, those of the newest enrollments first."""
    with speaking(as_json), connect() as api:
        found = list(
            api.items("/effects", at_most=limit, state=state, workflow=workflow, waiting="true" if waiting else None)
        )
        rows = [
            (e["key"], e["workflow"], called(e["record"]), e["channel"], e["state"], "yes" if e["waits"] else "",
             e["detail"])
            for e in found
        ]  # fmt: skip
        show(found, table(rows, ("key", "workflow", "record", "channel", "state", "waits", "detail")), as_json=as_json)


@effect.command("show")
def show_effect(key: Key, as_json: AsJson = False) -> None:
    """Show one effect, and what was decided about it."""
    with speaking(as_json), connect() as api:
        found = api.get(f"/effects/{quote(key, safe='')}")
        said = f" ({found['detail']})" if found["detail"] else ""
        lines = [f"{found['channel']} of step {found['step']} in {found['workflow']}: {found['words']}{said}"]
        lines += [f"{each['at']} somebody {each['words']}" for each in found["decisions"]]
        lines += [f"a run waits: followthrough effect settle {key} accepted|failed|resend"] if found["waits"] else []
        show(found, "\n".join(lines), as_json=as_json)


@effect.command("settle")
def settle(
    key: Key,
    settlement: Annotated[Settlement, typer.Argument(metavar="AS", help="accepted, failed or resend.")],
    note: Annotated[str | None, typer.Option(help="Why; it is kept and shown.")] = None,
    as_json: AsJson = False,
) -> None:
    """Decide about an effect that is unknown: it arrived, it did not, or it shall be sent once more."""
    with speaking(as_json), connect() as api:
        made = api.post(f"/effects/{quote(key, safe='')}/settle", {"as": settlement.value, "note": note})
        show(made, f"{key}: {made['words']}", as_json=as_json)
