"""Decides whether somebody would come to an action before an instant, as things stand now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.anchors import is_past
from domain.business_days import IsFree, no_holidays
from domain.delays import Clock, due
from domain.facts import Facts
from domain.landing import Landing
from domain.plan import Plan, PlanStep
from domain.splitting import spread
from domain.steps import PAST, TIMED_OUT, DelayStep, Step, WaitStep, is_anchored
from domain.windows import Quiet, held_until


@dataclass(frozen=True, kw_only=True)
class Way:
    """The way of one enrollment through a version, looked at as of ``facts.now``.

    ``began``: when the visit it keeps began; ``turn``: how long after the first its turn comes where many are past
    their time; ``anchor_at``: the instant anchored delays count from, and ``since``: since when they do;
    ``is_free``: by which business days are counted. ``quiet``: what messages keep to; where they are held back, ``id``
    and ``spread_minutes`` say when the turn of each comes.
    """

    plan: Plan
    steps: Mapping[str, Step]
    landing: Landing
    began: datetime | None
    turn: timedelta
    zone: str
    facts: Facts
    since: datetime
    quiet: Quiet
    id: str
    spread_minutes: int
    anchor_at: datetime | None = None
    is_free: IsFree = no_holidays

    def acts_by(self, until: datetime) -> bool:
        """Whether an action lies on the way, with what it lets pass before, at ``until`` or sooner.

        Where something is decided, any way counts. Of a wait only that its time is over: nobody knows what happens.
        """
        seen: set[str] = set()
        waiting = [(self.landing.step, self.facts.now)]
        while waiting:
            id, at = waiting.pop()
            if id is None or id in seen or at > until:
                continue
            seen.add(id)
            step = self.plan.steps[id]
            if self._is_action(step):
                if self._acts_at(step, at) <= until:
                    return True
                continue
            waiting += self._onward(step, at)
        return False

    def _acts_at(self, step: PlanStep, at: datetime) -> datetime:
        """When an action that is come to at an instant happens: a message when its window lets it leave."""
        if not step.sends:
            return at
        hold = held_until(self.quiet, at, self.zone, spread(f"{self.id}:{step.id}", self.spread_minutes))
        return hold.until if hold is not None else at

    def _is_action(self, step: PlanStep) -> bool:
        return step.kind == "action" and step.enabled and not self._is_passed(step)

    def _is_passed(self, step: PlanStep) -> bool:
        return step.id in self.landing.pass_over and not (self.landing.keeps and step.id == self.landing.step)

    def _onward(self, step: PlanStep, at: datetime) -> Iterator[tuple[str | None, datetime]]:
        """Where the way may lead from a step that is come to at an instant, and when."""
        if not step.enabled:
            yield step.next, at
        elif self._is_passed(step):
            yield step.way_again(self.landing.pass_over[step.id]), at
        elif step.kind in ("delay", "wait"):
            over = self._over(self.steps[step.id], at)
            if over is not None and is_anchored(self.steps[step.id]) and self._is_past(step, over):
                yield step.way(PAST), at
            elif over is not None:
                yield step.edges.get(TIMED_OUT, step.next), max(over, at)
            if step.kind == "delay" and not is_anchored(self.steps[step.id]):
                # Where a date that is past or missing leads.
                yield from ((target, at) for target in step.edges.values())
        elif step.kind == "goto":
            yield step.to, at
        elif step.kind != "end":
            for target in step.edges.values() or (step.next,):
                yield target, at

    def _is_past(self, step: PlanStep, over: datetime) -> bool:
        """Whether an anchored delay is passed by; one that this version plans earlier than now has nobody waiting."""
        keeps = self.landing.keeps and step.id == self.landing.step
        return over < self.facts.now if keeps else is_past(over, self.since)

    def _over(self, step: Step, at: datetime) -> datetime | None:
        """When a step that lasts is over, which was come to at ``at`` or is kept since before; None: nobody knows."""
        keeps = self.landing.keeps and step.id == self.landing.step
        began = self.began if keeps and self.began is not None else at
        clock = Clock(entered_at=began, now=at, zone=self.zone, is_free=self.is_free, anchor_at=self.anchor_at)
        over: datetime | None
        if isinstance(step, WaitStep):
            over = due(step.timeout, clock, self.facts).at if step.timeout is not None else None
        elif isinstance(step, DelayStep):
            found = due(step, clock, self.facts)
            goes_on = found.missing and step.if_missing in ("continue", "skip_sends") and not is_anchored(step)
            over = at if goes_on else found.at
        else:
            return at
        if over is None or over > at or is_anchored(step):
            return over
        return at + self.turn if keeps else at
