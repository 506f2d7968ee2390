"""`followthrough verify`: lays everything an installation keeps side by side and tells what has no twin."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

import typer

from commands.installation import read_settings
from commands.output import AsJson, ExitCode, Failed, show, speaking, table
from domain.errors import Unavailable
from domain.verification import MEANINGS, Finding
from settings import Settings

SHOWN = 20
"""Findings of one kind that are written out for people."""

KEPT = 1000
"""Findings of one kind that ``--json`` has; all are counted."""

TOLD_EVERY = 10_000


class Results:
    """What was looked at and what was found; memory stays bounded however much that is."""

    def __init__(self) -> None:
        self.looked_at: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.findings: list[Finding] = []

    def tell(self, what: str, count: int) -> None:
        """Count what was looked at, and say on stderr how far it is."""
        before, after = self.looked_at[what], self.looked_at[what] + count
        self.looked_at[what] = after
        if after // TOLD_EVERY > before // TOLD_EVERY:
            typer.echo(f"{after} {what} …", err=True)

    def keep(self, finding: Finding) -> None:
        """Count a finding, and keep it while there are few of its kind."""
        self.counts[finding.odd] += 1
        if self.counts[finding.odd] <= KEPT:
            self.findings.append(finding)

    def document(self) -> dict[str, Any]:
        """Everything, for scripts."""
        odd = [{"kind": kind, "count": count, **MEANINGS[kind].model_dump()} for kind, count in self.counts.items()]  # type: ignore[index]
        return {
            "agrees": not self.counts,
            "looked_at": dict(self.looked_at),
            "kinds": odd,
            "findings": [{"kind": each.odd, **each.model_dump(exclude={"odd"})} for each in self.findings],
        }

    def text(self) -> str:
        """The same in words."""
        lines = ["looked at " + ", ".join(f"{count} {what}" for what, count in self.looked_at.items())]
        for kind, meaning in MEANINGS.items():
            if not self.counts[kind]:
                continue
            these = [each for each in self.findings if each.odd == kind][:SHOWN]
            rows = [(each.what, each.enrollment, each.step, each.detail) for each in these]
            lines += ["", f"{kind}: {self.counts[kind]}", f"  {meaning.says}", f"  {meaning.do}"]
            lines.append(table(rows, ("what", "enrollment", "step", "detail")))
            if self.counts[kind] > SHOWN:
                lines.append(f"… and {self.counts[kind] - SHOWN} more (--json has up to {KEPT} of a kind)")
        return "\n".join([*lines, "" if self.counts else "everything has its twin"]).rstrip()


def verify(
    histories: Annotated[int, typer.Option(min=0, help="How many histories to read, the newest enrollments'.")] = 100,
    workflow: Annotated[str | None, typer.Option(help="Histories of this workflow only, by slug.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Histories of enrollments since then only (UTC).")] = None,
    outbox: Annotated[bool, typer.Option("--outbox", help="Also compare the files of the local outbox.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare ledger, messages, visits, enrollments and Temporal's runs; tell what has no twin. Changes nothing."""
    with speaking(as_json):
        settings = read_settings()
        results = Results()

        async def look() -> None:
            async for finding in _findings(settings, results, histories, workflow, since, outbox):
                results.keep(finding)

        try:
            asyncio.run(look())
        except Unavailable as error:
            place = f"{settings.temporal_address}, namespace {settings.temporal_namespace}"
            raise Failed(ExitCode.NOT_REACHABLE, f"{error}: {place}") from None
        show(results.document(), results.text(), as_json=as_json)
        if results.counts:
            raise typer.Exit(ExitCode.DISAGREES)


async def _findings(
    settings: Settings, results: Results, newest: int, workflow: str | None, since: datetime | None, outbox: bool
) -> AsyncIterator[Finding]:
    from datetime import UTC

    from assemble import assembled
    from gateways.outbox import OutboxFiles
    from gateways.temporal_histories import TemporalHistories
    from services.telling.verifying import Verifying, verify_tables
    from services.telling.verifying_files import verify_files
    from services.telling.verifying_runs import verify_histories, verify_runs

    channels = _channels(settings) if outbox else frozenset()
    async with assembled(settings, "verify") as (inst, client):
        verifying = Verifying(inst=inst, history_days=settings.history_days, tell=results.tell)
        async for finding in verify_tables(verifying):
            yield finding
        histories = TemporalHistories(client)
        async for finding in verify_runs(verifying, histories):
            yield finding
        since = since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since
        async for finding in verify_histories(verifying, histories, newest=newest, workflow=workflow, since=since):
            yield finding
        if outbox:
            async for finding in verify_files(verifying, OutboxFiles(settings.data_dir / "outbox"), channels):
                yield finding


def _channels(settings: Settings) -> frozenset[str]:
    """The channels whose messages become files.

    Raises:
        Failed: none does.
    """
    urls = {"email": settings.mail_url, "sms": settings.sms_url}
    found = frozenset(channel for channel, url in urls.items() if url.get_secret_value().startswith("outbox:"))
    if not found:
        raise Failed(
            ExitCode.USAGE, "--outbox: messages go to providers (FOLLOWTHROUGH_MAIL_URL, SMS_URL), not to files"
        )
    return found
