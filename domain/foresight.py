"""Decides when each step would happen if a record entered at an instant, with everything as it stands now.

The same rules as a run's judgements use; what nobody can know is left open: an event may let a wait go on earlier, and
a value may change. Messages are told from the first minute they may leave, without the spread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from domain.anchors import anchor_instant, is_past
from domain.base import Frozen, Instant
from domain.business_days import IsFree, no_holidays
from domain.conditions import Condition
from domain.definition import Definition
from domain.delays import Clock, due
from domain.facts import Facts, Seen
from domain.instants import LATEST
from domain.judging import judge
from domain.plan import OTHERWISE, Plan, PlanStep
from domain.splitting import choose_arm
from domain.steps import (
    MATCHED,
    PAST,
    TIMED_OUT,
    BranchStep,
    DelayStep,
    SplitStep,
    UntilEntryEvent,
    ValueBranchStep,
    WaitStep,
    is_anchored,
)
from domain.turning import next_turn
from domain.value_branches import choose_case
from domain.windows import Quiet, held_until

MOST = 200
"""Steps told of one way; a loop may have no end."""

MOST_TURNS = 1000
"""Turns of one condition that are looked at."""

Outcome = Literal["done", "skipped", "open"]


class Foreseen(Frozen):
    """One step on the way. ``leaves_at`` None: nobody knows when, and with outcome ``open`` nobody knows whether.

    ``reason``: why it is skipped, or what let it go on; ``edge``: the way taken; ``held_until``: when the message may
    leave, and ``held_by`` what holds it.
    """

    step: str
    arrives_at: Instant
    leaves_at: Instant | None
    outcome: Outcome = "done"
    reason: str | None = None
    edge: str | None = None
    held_until: Instant | None = None
    held_by: str | None = None
    seen: tuple[Seen, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Foresight:
    """What a way is foreseen by. ``facts`` are those of now; ``since`` is the day a yearly date is looked for from.

    ``arms_taken``: by split the arm that the record took before.
    """

    definition: Definition
    plan: Plan
    facts: Facts
    zone: str
    quiet: Quiet
    since: date
    is_free: IsFree = no_holidays
    arms_taken: Mapping[str, str] = field(default_factory=dict)

    def way(self, at: datetime) -> Iterator[Foreseen]:
        """The steps in order, from an entry at an instant to the end of the way, of the round, or of what is known."""
        counts: dict[str, int] = {}
        skips_sends = False
        entered_at, id = at, self.plan.start
        steps = self.definition.steps_by_id()
        while id is not None:
            plan = self.plan.steps[id]
            counts[id] = counts.get(id, 0) + 1
            if plan.enabled and plan.kind in ("delay", "wait"):
                skips_sends = False
            if not plan.enabled:
                found, id = self._skipped(plan, at, "disabled"), plan.next
            elif plan.sends and skips_sends:
                found, id = self._skipped(plan, at, "skip_sends"), plan.next
            else:
                found, target = self._through(plan, steps, at, counts[id], entered_at)
                if found.reason in ("past", "missing") and _policy(steps[id], found.reason) == "skip_sends":
                    skips_sends = True
                yield found
                if found.outcome == "skipped":
                    yield from (self._skipped(self.plan.steps[name], at, "skipped_past") for name in plan.governs)
                if found.leaves_at is None:
                    return
                at, id = found.leaves_at, target
                continue
            yield found

    def _skipped(self, plan: PlanStep, at: datetime, reason: str) -> Foreseen:
        return Foreseen(step=plan.id, arrives_at=at, leaves_at=at, outcome="skipped", reason=reason)

    def _through(
        self, plan: PlanStep, steps: Mapping[str, object], at: datetime, n: int, entered_at: datetime
    ) -> tuple[Foreseen, str | None]:
        """What happens at one step that is come to at an instant, and where it leads."""
        match steps[plan.id]:
            case DelayStep() as step:
                return self._delay(plan, step, at, entered_at)
            case WaitStep() as step:
                return self._wait(plan, step, at)
            case BranchStep() | ValueBranchStep() | SplitStep() as step:
                edge, seen = self._choice(step, at)
                return Foreseen(step=plan.id, arrives_at=at, leaves_at=at, edge=edge, seen=seen), plan.way(edge)
        if plan.kind == "goto":
            passed = Foreseen(step=plan.id, arrives_at=at, leaves_at=at)
            return passed, plan.next if plan.is_used_up(n) else plan.to
        if plan.kind == "end":
            return Foreseen(step=plan.id, arrives_at=at, leaves_at=at, reason=plan.reason), None
        hold = held_until(self.quiet, at, self.zone, timedelta()) if plan.sends else None
        leaves = hold.until if hold is not None else at
        by = hold.by if hold is not None else None
        until = hold.until if hold is not None else None
        return Foreseen(step=plan.id, arrives_at=at, leaves_at=leaves, held_until=until, held_by=by), plan.next

    def _clock(self, at: datetime) -> Clock:
        anchor = self.definition.anchor
        counted = anchor_instant(anchor, self.facts, self.zone, since=self.since) if anchor is not None else None
        return Clock(entered_at=at, now=at, zone=self.zone, is_free=self.is_free, anchor_at=counted)

    def _delay(
        self, plan: PlanStep, step: DelayStep, at: datetime, entered_at: datetime
    ) -> tuple[Foreseen, str | None]:
        if isinstance(step.until, UntilEntryEvent) and self.facts.entry_event is None:
            return Foreseen(step=plan.id, arrives_at=at, leaves_at=None, outcome="open", reason="entry_event"), None
        found = due(step, self._clock(at), self.facts)
        anchored = is_anchored(step)
        if found.at is None and (anchored or step.if_missing == "wait"):
            return Foreseen(step=plan.id, arrives_at=at, leaves_at=None, outcome="open", reason="missing"), None
        if anchored and found.at is not None and is_past(found.at, entered_at):
            return self._skipped(plan, at, "skipped_past"), plan.way(PAST)
        if anchored and found.past:
            return Foreseen(step=plan.id, arrives_at=at, leaves_at=at, reason="late"), plan.next
        reason: Literal["past", "missing"] | None = "missing" if found.at is None else "past" if found.past else None
        if reason is None:
            leaves = max(at, found.at) if found.at is not None else at
            return Foreseen(step=plan.id, arrives_at=at, leaves_at=leaves), plan.next
        word = _policy(step, reason)
        passed = Foreseen(step=plan.id, arrives_at=at, leaves_at=at, reason=reason)
        if word == "exit":
            return passed, None
        return passed, plan.edges.get(reason, plan.next)

    def _wait(self, plan: PlanStep, step: WaitStep, at: datetime) -> tuple[Foreseen, str | None]:
        over = due(step.timeout, self._clock(at), self.facts).at if step.timeout is not None else None
        if step.until_true is not None and (true := self._comes_true(step.until_true, at, over)) is not None:
            done, seen = true
            passed = Foreseen(step=plan.id, arrives_at=at, leaves_at=done, edge=MATCHED, seen=seen)
            return passed, plan.way(MATCHED)
        if over is None:
            return Foreseen(step=plan.id, arrives_at=at, leaves_at=None, outcome="open", reason="forever"), None
        latest = max(at, over)
        late = Foreseen(step=plan.id, arrives_at=at, leaves_at=latest, reason="timed_out", edge=TIMED_OUT)
        return late, plan.way(TIMED_OUT)

    def _comes_true(
        self, condition: Condition, at: datetime, over: datetime | None
    ) -> tuple[datetime, tuple[Seen, ...]] | None:
        """When a condition holds first, by the passing of time alone; None: not until the wait is over."""
        latest = max(at, over) if over is not None else LATEST
        turn: datetime | None = at
        for _ in range(MOST_TURNS):
            if turn is None or turn > latest:
                return None
            facts = self._as_of(turn)
            if (verdict := judge(condition, facts)).holds:
                return turn, tuple(verdict.seen)
            turn = next_turn(condition, facts)
        return None

    def _choice(self, step: BranchStep | ValueBranchStep | SplitStep, at: datetime) -> tuple[str, tuple[Seen, ...]]:
        """The way taken as values stand now, and what was seen."""
        match step:
            case BranchStep():
                seen: list[Seen] = []
                for branch in step.branches:
                    verdict = judge(branch.where, self._as_of(at))
                    seen += verdict.seen
                    if verdict.holds:
                        return branch.id, tuple(seen)
                return OTHERWISE, tuple(seen)
            case ValueBranchStep():
                edge, found = choose_case(step, self.facts)
                return edge, (found,)
            case SplitStep():
                known = self.arms_taken.get(step.id)
                if known is not None and any(arm.id == known for arm in step.arms):
                    return known, ()
                return choose_arm(self.plan.workflow_id, step.id, self.facts.record.id, step.arms), ()

    def _as_of(self, at: datetime) -> Facts:
        return self.facts.model_copy(update={"now": at})


def _policy(step: object, reason: str) -> str:
    """What a delay says about a date that is past or missing."""
    if not isinstance(step, DelayStep):
        return "continue"
    return step.if_past if reason == "past" else step.if_missing
