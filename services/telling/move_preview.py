"""What moving those inside to the draft would do, without storing anything: who stands where, and where they would go.

Answered by the functions the move itself uses (``services.running.landing``, ``services.jobs.bulk_moving``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from domain.base import Frozen
from domain.landing import Landing
from domain.leaving import Departure
from domain.problems import Problem
from domain.reading import NOTHING
from domain.soon import Way
from domain.splitting import spread
from services.authoring.drafts import prepare
from services.installation import Installation
from services.jobs.bulk_moving import judge_in, see_in
from services.running.clocks import free_days
from services.running.holding import quiet_for
from services.running.inside import Inside
from services.running.landing import Planned, plan_moves
from services.running.steps import step_needs
from services.running.waits import wait_needs
from services.versions import Content, content_of
from services.workflow_views import find
from store.database import Read
from store.moving import count_older, inside_older

PAGE = 200
MOST = 2000
"""Of how many it is told where they would go: somebody waits for the answer."""

SOON = timedelta(hours=1)
"""Whoever comes to an action within this time is counted."""


class Target(Frozen):
    """Where ``count`` of those at a step would go: to ``step``, or out for the reason ``ends``."""

    step: str | None
    ends: str | None
    count: int


class StepPreview(Frozen):
    """Those inside an older version at one step; None: they have not begun, or are about to end.

    ``acting``: how many would come to an action within the hour; where something is decided, by any of its ways.
    """

    step: str | None
    name: str
    inside: int
    targets: tuple[Target, ...]
    acting: int


class MovePreview(Frozen):
    """What publishing with ``move`` would do: the number of the version, and those inside step by step.

    ``steps`` counts the ``looked_at`` of those ``inside`` who entered first; ``MOST`` at most.
    """

    version: int
    warnings: tuple[Problem, ...]
    steps: tuple[StepPreview, ...]
    inside: int
    looked_at: int


async def preview_move(read: Read, inst: Installation, slug: str, *, move: bool, now: datetime) -> MovePreview:
    """Where everybody inside would go if the draft were published now; nowhere unless they ``move``.

    Raises:
        NotFound: there is no such workflow.
        Invalid: the draft has problems; ``errors`` lists them all.
    """
    workflow = await find(read, slug)
    draft = await prepare(read, inst, workflow)
    content = content_of(draft.definition, draft.plan)
    tally = _Tally(read, inst, content, now, is_paused=workflow["is_paused"])
    after, looked_at = "", 0
    while move and looked_at < MOST:
        limit = min(PAGE, MOST - looked_at)
        page = await inside_older(read, workflow["id"], draft.version, after=after, limit=limit)
        for planned in await plan_moves(read, page, content):
            await tally.add(planned)
        looked_at += len(page)
        if len(page) < limit:
            break
        after = page[-1].id
    inside = await count_older(read, workflow["id"], draft.version) if move else 0
    return MovePreview(
        version=draft.version, warnings=draft.warnings, steps=tally.steps(), inside=inside, looked_at=looked_at
    )


def target_of(planned: Planned, reason: Departure | None) -> tuple[str | None, str | None]:
    """The step somebody would go to, or the reason for which it would end."""
    if reason is not None:
        return (reason.go_to, None) if reason.go_to is not None else (None, reason.reason)
    if planned.place.failed is not None:
        return None, "failed"
    return planned.landing.step, None if planned.landing.step is not None else "completed"


class _Tally:
    """Counts who stands where and would go where, one after the other."""

    def __init__(self, read: Read, inst: Installation, content: Content, now: datetime, *, is_paused: bool) -> None:
        self._read = read
        self._inst = inst
        self._is_paused = is_paused
        self._content = content
        self._now = now
        self._names: dict[str | None, str] = {None: ""}
        self._targets: defaultdict[str | None, Counter[tuple[str | None, str | None]]] = defaultdict(Counter)
        self._acting: Counter[str | None] = Counter()
        definition, steps = content.definition, content.steps.values()
        self._needs = reduce(or_, (step_needs(s, definition) | wait_needs(s, definition) for s in steps), NOTHING)

    async def add(self, planned: Planned) -> None:
        """Count one of those inside."""
        at = None if planned.place.entering else planned.place.step
        if at is not None:
            self._names[at] = planned.old.steps[at].name
        seen = await see_in(self._read, planned.enrollment, self._content, needs=self._needs, now=self._now)
        reason = await judge_in(self._read, seen)
        target = target_of(planned, reason)
        self._targets[at][target] += 1
        # Who is led elsewhere by a goal does what comes there, whatever it did.
        landing = planned.landing if reason is None else Landing(step=target[0])
        if target[1] is None and seen is not None and self._acts(planned, landing, seen):
            self._acting[at] += 1

    def steps(self) -> tuple[StepPreview, ...]:
        """In the order of the new version, behind them those that are gone from it."""
        order = {step: n for n, step in enumerate(self._content.plan.steps)}
        return tuple(
            StepPreview(
                step=at,
                name=self._names[at],
                inside=targets.total(),
                targets=tuple(Target(step=to, ends=ends, count=n) for (to, ends), n in targets.most_common()),
                acting=self._acting[at],
            )
            for at, targets in sorted(
                self._targets.items(), key=lambda each: (order.get(each[0] or "", len(order)), each[0] or "")
            )
        )

    def _acts(self, planned: Planned, landing: Landing, seen: Inside) -> bool:
        """Whether somebody would come to an action soon."""
        enrollment, definition = planned.enrollment, self._content.definition
        if self._is_paused or enrollment.status == "paused":
            return False
        way = Way(
            plan=self._content.plan,
            steps=self._content.steps,
            landing=landing,
            began=planned.place.visit.entered_at if planned.place.visit is not None else None,
            turn=spread(enrollment.id, definition.settings.spread_minutes),
            zone=seen.zone,
            facts=seen.facts,
            since=enrollment.origin_since or enrollment.started_at,
            anchor_at=seen.anchor_at,
            is_free=free_days(self._inst, definition, seen.account),
            quiet=quiet_for(definition, seen.account),
            id=enrollment.id,
            spread_minutes=definition.settings.spread_minutes,
        )
        return way.acts_by(self._now + SOON)
