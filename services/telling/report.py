"""The report of a workflow: per step what became of those who came to it, in total how enrollments ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

from domain.base import Frozen
from domain.errors import Invalid, NotFound
from services.telling.totals import GoalReport, Totals, make_totals
from services.versions import Content, load_content
from store import behind
from store import report as store
from store.database import Read, Row

Figure: TypeAlias = Literal[
    "entered",
    "waiting",
    "done",
    "timed_out",
    "skipped",
    "failed",
    "left",
    "sent",
    "delivered",
    "bounced",
    "complained",
    "unknown",
    "opened",
    "opened_by_machine",
    "clicked",
    "replied",
    "unsubscribed",
]
FIGURES: tuple[Figure, ...] = get_args(Figure)
OF_VISITS: tuple[Figure, ...] = ("entered", "done", "skipped", "failed", "left")
"""Those of visits, which have reasons."""


class StepReport(Frozen):
    """What became of the visits of one step; a record that comes to a step twice counts twice.

    ``entered`` is the sum of waiting, done, skipped, failed and left; ``timed_out`` is the part of ``done`` that waited
    in vain. ``skipped`` and ``failed`` are by reason and by failure class; ``left`` are those who went while they stood
    here, by why: ``goal`` is how many reached one from here, ``exit_condition`` how many met the exit, and so on.

    ``sent`` and ``unknown`` count messages. Of those sent, ``delivered`` are known to have arrived (who complained has
    it), ``bounced`` came back, ``complained`` was called unwanted; ``opened``, ``clicked``, ``replied`` and
    ``unsubscribed`` are those which a person opened, and so on, once each; ``opened_by_machine`` those which a program
    opened, be it before a person or alone. ``current``: the step is in the version now published.
    """

    step: str
    name: str
    kind: str
    current: bool
    entered: int
    waiting: int
    done: int
    timed_out: int
    skipped: dict[str, int]
    failed: dict[str, int]
    left: dict[str, int]
    sent: int
    delivered: int
    bounced: int
    complained: int
    unknown: int
    opened: int
    opened_by_machine: int
    clicked: int
    replied: int
    unsubscribed: int


class Report(Frozen):
    """The whole report; ``decisions`` counts entry decisions, the refusals included.

    Every number can be opened: `GET …/report/enrollments` lists those behind the totals and the goals, `GET
    …/report/decisions` those behind the decisions, `GET …/report/{step}/{figure}` the visits behind a step's.
    """

    workflow: str
    version: int | None
    totals: Totals
    goals: list[GoalReport]
    decisions: dict[str, int]
    steps: list[StepReport]


async def make_report(read: Read, workflow: Row) -> Report:
    """The report of a workflow's row, over all its versions; a workflow never published has no steps yet."""
    version: int | None = workflow["version"]
    content = None if version is None else await load_content(read, workflow["id"], version)
    counts = await store.count_visits(read, workflow["id"])
    sent = await store.count_messages(read, workflow["id"])
    totals, goals = await make_totals(read, workflow["id"], content)
    return Report(
        workflow=workflow["slug"],
        version=version,
        totals=totals,
        goals=goals,
        decisions=await store.count_decisions(read, workflow["id"]),
        steps=[_step(step, content, counts, sent) for step in _steps(content, counts)],
    )


class Number(Frozen):
    """One number of the report; ``reason`` narrows skipped, failed or left to one of theirs."""

    step: str
    figure: Figure
    reason: str | None = None


async def list_behind(read: Read, workflow: Row, number: Number, *, after: Sequence[str], limit: int) -> list[Row]:
    """The visits that a number counts; as many as it says, over all pages.

    Raises:
        NotFound: nobody ever came to such a step and the current version has none.
        Invalid: a reason is named for a figure that has none.
    """
    if number.reason is not None and number.figure not in OF_VISITS:
        raise Invalid(f"reason narrows {', '.join(OF_VISITS)}")
    rows = await behind.list_behind(read, workflow["id"], _behind(number), after=after, limit=limit)
    if not rows and not await _is_step(read, workflow, number.step):
        raise NotFound(f"workflow {workflow['slug']} has no step {number.step}")
    return rows


async def _is_step(read: Read, workflow: Row, step: str) -> bool:
    if workflow["version"] is not None:
        content = await load_content(read, workflow["id"], workflow["version"])
        if step in content.steps:
            return True
    return any(count.step == step for count in await store.count_visits(read, workflow["id"]))


def _behind(number: Number) -> behind.Behind:
    step, reason = number.step, number.reason
    match number.figure:
        case "entered":
            return behind.Behind(step=step, reason=reason)
        case "waiting":
            return behind.Behind(step=step, waiting=True, reason=reason)
        case "timed_out":
            return behind.Behind(step=step, outcome="done", reason="timed_out")
        case "sent":
            return behind.Behind(step=step, message=store.SENT)
        case "delivered":
            return behind.Behind(step=step, message=store.ARRIVED)
        case "bounced" | "complained" | "unknown":
            return behind.Behind(step=step, message=(number.figure,))
        case "opened" | "opened_by_machine" | "clicked" | "replied" | "unsubscribed":
            return behind.Behind(step=step, reaction=store.REACTIONS[number.figure])
    return behind.Behind(step=step, outcome=number.figure, reason=reason)


def _steps(content: Content | None, counts: Sequence[store.VisitCount]) -> list[str]:
    """The steps of the current version from top to bottom, then those that only older versions had."""
    current = list(content.steps) if content else []
    return current + sorted({count.step for count in counts} - set(current))


def _step(
    step: str,
    content: Content | None,
    counts: Sequence[store.VisitCount],
    messages: Mapping[tuple[str, str], int],
) -> StepReport:
    mine = [count for count in counts if count.step == step]
    planned = content.plan.steps.get(step) if content else None

    def total(outcome: str | None) -> int:
        return sum(count.count for count in mine if count.outcome == outcome)

    def by_reason(outcome: str) -> dict[str, int]:
        found: Counter[str] = Counter()
        for count in mine:
            if count.outcome == outcome:
                found[count.reason or store.NO_REASON] += count.count
        return dict(found)

    return StepReport(
        step=step,
        name=planned.name if planned else step,
        kind=planned.kind if planned else "gone",
        current=planned is not None,
        entered=sum(count.count for count in mine),
        waiting=total(None),
        done=total("done"),
        timed_out=by_reason("done").get("timed_out", 0),
        skipped=by_reason("skipped"),
        failed=by_reason("failed"),
        left=by_reason("left"),
        sent=sum(messages.get((step, status), 0) for status in store.SENT),
        delivered=sum(messages.get((step, status), 0) for status in store.ARRIVED),
        bounced=messages.get((step, "bounced"), 0),
        complained=messages.get((step, "complained"), 0),
        unknown=messages.get((step, "unknown"), 0),
        **{name: messages.get((step, name), 0) for name in store.REACTIONS},
    )
