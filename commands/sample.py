"""`followthrough sample …`: the sample of companies, contacts, opportunities and two workflows."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.client import connect
from commands.output import AsJson, ExitCode, Failed, show, speaking

sample = typer.Typer(help="The sample data.", no_args_is_help=True)


@sample.callback()
def _group() -> None:
    """The sample data."""


@sample.command("load")
def load_sample(
    if_fresh: Annotated[bool, typer.Option("--if-fresh", help="Do nothing where it was loaded before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Load the sample and let something happen with it; again doubles nothing."""
    from examples.loader import SampleIncomplete, load
    from gateways.clock import SystemClock

    def say(line: str) -> None:
        if not as_json:
            typer.echo(line)

    with speaking(as_json), connect() as api:
        try:
            did = load(api, say, now=SystemClock().now(), if_fresh=if_fresh)
        except SampleIncomplete as incomplete:
            raise Failed(ExitCode.REFUSED, str(incomplete)) from None
        show({"loaded": did}, "the sample is loaded" if did else "the sample was loaded before", as_json=as_json)
