"""`followthrough verify`: lays everything an installation keeps side by side, tells what has no twin, may repair it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.installation import read_settings
from commands.output import AsJson, ExitCode, Failed, show, speaking, table
from domain.errors import Unavailable
from domain.verification import MEANINGS, Finding, Meaning, Odd
from gateways.ciphers import NotDecrypted
from settings import Settings

if TYPE_CHECKING:
    from temporalio.client import Client

    from services.installation import Installation

SHOWN = 20
"""Findings of one kind that are written out for people."""

KEPT = 1000
"""Findings of one kind that ``--json`` has; all are counted."""

TOLD_EVERY = 10_000

TOGETHER = 50
"""Findings repaired together."""


class Results:
    """What was looked at, what was found and what was done about it; memory stays bounded however much that is."""

    def __init__(self) -> None:
        self.looked_at: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.repaired: Counter[str] = Counter()
        self.findings: list[tuple[Finding, str | None]] = []
        self.caught_up: str | None = None

    @property
    def left(self) -> int:
        """How many findings nothing was done about."""
        return self.counts.total() - self.repaired.total()

    def tell(self, what: str, count: int) -> None:
        """Count what was looked at, and say on stderr how far it is."""
        before, after = self.looked_at[what], self.looked_at[what] + count
        self.looked_at[what] = after
        if after // TOLD_EVERY > before // TOLD_EVERY:
            typer.echo(f"{after} {what} …", err=True)

    def keep(self, finding: Finding, done: str | None = None) -> None:
        """Count a finding, and keep it while there are few of its kind. ``done``: how it was repaired."""
        self.counts[finding.odd] += 1
        self.repaired[finding.odd] += done is not None
        if self.counts[finding.odd] <= KEPT:
            self.findings.append((finding, done))

    def document(self) -> dict[str, Any]:
        """Everything, for scripts."""
        odd = [
            {"kind": kind, "count": count, "repaired": self.repaired[kind], **MEANINGS[kind].model_dump()}  # type: ignore[index]
            for kind, count in self.counts.items()
        ]
        found = [
            {"kind": each.odd, **each.model_dump(exclude={"odd"}), "repaired": done} for each, done in self.findings
        ]
        return {
            "agrees": not self.left,
            "looked_at": dict(self.looked_at),
            "kinds": odd,
            "findings": found,
            "caught_up": self.caught_up,
        }

    def text(self) -> str:
        """The same in words."""
        lines = ["looked at " + ", ".join(f"{count} {what}" for what, count in self.looked_at.items())]
        for kind, meaning in MEANINGS.items():
            if self.counts[kind]:
                lines += ["", *self._of_kind(kind, meaning)]
        if self.caught_up is not None:
            lines += ["", self.caught_up]
        if not self.counts:
            return "\n".join([*lines, "", "everything has its twin"])
        if self.repaired:
            lines += ["", f"{self.repaired.total()} repaired, {self.left} left"]
        return "\n".join(lines)

    def _of_kind(self, kind: Odd, meaning: Meaning) -> list[str]:
        count, repaired = self.counts[kind], self.repaired[kind]
        told = f", {repaired} repaired" if repaired else ""
        lines = [f"{kind}: {count}{told}", f"  {meaning.says}"]
        lines += [f"  {meaning.do}"] if repaired < count else []
        if meaning.mends is not None and not repaired:
            lines.append(f"  verify --repair {meaning.mends}.")
        these = [each for each in self.findings if each[0].odd == kind][:SHOWN]
        heads = ("what", "enrollment", "step", "detail", *(["repaired"] if repaired else []))
        rows = [(each.what, each.enrollment, each.step, each.detail, done)[: len(heads)] for each, done in these]
        lines.append(table(rows, heads))
        if count > SHOWN:
            lines.append(f"… and {count - SHOWN} more (--json has up to {KEPT} of a kind)")
        return lines


def verify(
    histories: Annotated[int, typer.Option(min=0, help="How many histories to read, the newest enrollments'.")] = 100,
    workflow: Annotated[str | None, typer.Option(help="Histories of this workflow only, by slug.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Histories of enrollments since then only (UTC).")] = None,
    outbox: Annotated[bool, typer.Option("--outbox", help="Also compare the files of the local outbox.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what is safe to repair; the rest is told as without.")
    ] = False,
    restored: Annotated[
        bool,
        typer.Option(
            "--restored", help="With --repair: Temporal was restored from an earlier backup than the database."
        ),
    ] = False,
    all_missing: Annotated[
        bool, typer.Option("--all-missing", help="With --repair: start runs again although Temporal knows none at all.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare ledger, messages, visits, enrollments and Temporal's runs; tell what has no twin.

    Without --repair it changes nothing.
    """
    with speaking(as_json):
        if (restored or all_missing) and not repair:
            raise Failed(ExitCode.USAGE, "--restored and --all-missing say how to repair: they go with --repair")
        settings = read_settings()
        scope = Scope(
            newest=0 if restored else histories, workflow=workflow, since=since, outbox=outbox,
            repair=repair, restored=restored, all_missing=all_missing,
        )  # fmt: skip
        results = asyncio.run(verified(settings, scope))
        show(results.document(), results.text(), as_json=as_json)
        if results.left:
            raise typer.Exit(ExitCode.DISAGREES)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What to compare and what to do about it; as the options say."""

    newest: int = 100
    workflow: str | None = None
    since: datetime | None = None
    outbox: bool = False
    repair: bool = False
    restored: bool = False
    all_missing: bool = False


async def verified(settings: Settings, scope: Scope) -> Results:
    """Compare, and repair where the scope says so.

    Raises:
        Failed: Temporal does not answer; its histories are encrypted with a key that is not there; or it knows not one
            run, and nobody said that this is as it should be.
    """
    from assemble import assembled
    from services.relaying.repairing import catch_up, knows_no_run, repair

    place = f"{settings.temporal_address}, namespace {settings.temporal_namespace}"
    results = Results()
    try:
        async with assembled(settings, "verify") as (inst, client):
            if scope.repair and not scope.all_missing and await knows_no_run(inst):
                raise Failed(
                    ExitCode.REFUSED,
                    f"Temporal at {place} knows not one run of the active enrollments. If it is the right one and lost"
                    " them all, --all-missing starts them again where the database says they stand",
                )
            async for found in _portions(_findings(settings, inst, client, results, scope)):
                done = await repair(inst, found) if scope.repair else [None] * len(found)
                for finding, words in zip(found, done, strict=True):
                    results.keep(finding, words)
            if scope.restored:
                told = await catch_up(inst)
                results.caught_up = (
                    f"{told.told} runs will be asked to look again, {told.anew} begin anew where the database says"
                )
    except Unavailable as error:
        raise Failed(ExitCode.NOT_REACHABLE, f"{error}: {place}") from None
    except NotDecrypted as error:
        raise Failed(ExitCode.REFUSED, f"the histories of runs cannot be read: {error}") from None
    return results


async def _portions(findings: AsyncIterator[Finding]) -> AsyncIterator[list[Finding]]:
    portion: list[Finding] = []
    async for finding in findings:
        portion.append(finding)
        if len(portion) == TOGETHER:
            yield portion
            portion = []
    if portion:
        yield portion


async def _findings(
    settings: Settings, inst: Installation, client: Client, results: Results, scope: Scope
) -> AsyncIterator[Finding]:
    from gateways.outbox import OutboxFiles
    from gateways.temporal_histories import TemporalHistories
    from services.telling.verifying import Verifying, verify_tables
    from services.telling.verifying_files import verify_files
    from services.telling.verifying_runs import verify_histories, verify_runs

    channels = _channels(settings) if scope.outbox else frozenset()
    verifying = Verifying(inst=inst, history_days=settings.history_days, tell=results.tell)
    if scope.restored:
        # No worker is at work that could end a run.
        verifying = replace(verifying, to_end=timedelta(0))
    async for finding in verify_tables(verifying):
        yield finding
    histories = TemporalHistories(client)
    async for finding in verify_runs(verifying, histories):
        yield finding
    since = scope.since
    since = since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since
    read = verify_histories(verifying, histories, newest=scope.newest, workflow=scope.workflow, since=since)
    async for finding in read:
        yield finding
    if scope.outbox:
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
