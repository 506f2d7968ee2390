"""`followthrough suppression …`: addresses and numbers that nothing is sent to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

import typer

from commands.client import connect
from commands.output import AsJson, Failed, show, speaking, table

suppression = typer.Typer(help="Addresses and numbers that nothing is sent to.", no_args_is_help=True)

Addresses = Annotated[
    list[str], typer.Argument(metavar="ADDRESS…", help="An email address, or a number such as +4722123456.")
]


class Reason(StrEnum):
    """Why nothing is sent there."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPTED_OUT = "opted_out"


class AnyReason(StrEnum):
    """The same, and what contacts said themselves."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPTED_OUT = "opted_out"
    UNSUBSCRIBED = "unsubscribed"


@suppression.command("list")
def list_suppressions(
    address: Annotated[str | None, typer.Argument(metavar="[ADDRESS]", help="Only those of this one.")] = None,
    reason: Annotated[AnyReason | None, typer.Option("--reason", help="Only those for this reason.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List them in alphabetical order."""
    with speaking(as_json), connect() as api:
        wanted = reason.value if reason is not None else None
        found = list(api.items("/suppressions", at_most=limit, address=address, reason=wanted))
        rows = [(each["address"], each["reason"], each["source"], each["since"]) for each in found]
        show(found, table(rows, ("address", "reason", "source", "since")), as_json=as_json)


@suppression.command("add")
def add(
    addresses: Addresses,
    reason: Annotated[Reason, typer.Option("--reason", help="bounced, complained, or opted_out for a number.")],
    source: Annotated[str | None, typer.Option("--source", help="How that became known.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send nothing to addresses any more, whoever has them; who is on the list already stays as it is."""
    with speaking(as_json), connect() as api:
        made, lines = [], []
        for address in addresses:
            body = {"address": address, "reason": reason.value, "source": source}
            with _about(address, addresses):
                answer = api.send("POST", "/suppressions", json=body)
            kept = answer.json()
            made.append(kept)
            known = "" if answer.status_code == 201 else f", known since {kept['since']}"
            lines.append(f"nothing is sent to {kept['address']} ({kept['reason']}{known})")
        show(made, "\n".join(lines), as_json=as_json)


@suppression.command("lift")
def lift(
    addresses: Addresses,
    reason: Annotated[AnyReason | None, typer.Option("--reason", help="Only as far as this reason goes.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send to addresses again; contacts that carry the reason carry it no more."""
    with speaking(as_json), connect() as api:
        query = {"reason": reason.value} if reason is not None else {}
        for address in addresses:
            with _about(address, addresses):
                api.send("DELETE", f"/suppressions/{quote(address, safe='')}", params=query)
        said = f", as far as {reason.value} goes" if reason is not None else ""
        lines = [f"messages go to {address} again{said}" for address in addresses]
        show([{"address": address} for address in addresses], "\n".join(lines), as_json=as_json)


@contextmanager
def _about(address: str, addresses: Sequence[str]) -> Iterator[None]:
    """A refusal of one of many says which, and that those before it are done."""
    try:
        yield
    except Failed as no:
        before = addresses.index(address)
        done = f" (the {before} before it {'is' if before == 1 else 'are'} done)" if before else ""
        raise Failed(no.code, f"{address}: {no}{done}", lines=no.lines, problem=no.problem) from None
