"""Whom a change of live values concerns: who stands in a step that goes by what changed (rules R8 and R12)."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from domain.conditions import Offset
from domain.definition import WorkflowSettings
from domain.live import Live
from domain.plan import PlanStep
from domain.steps import ActionStep, DelayStep, Step, Until, UntilAnchor, WaitStep

Part: TypeAlias = Literal["timezone", "holidays", "anchor", "window", "pause_dates"]
"""A live value that somebody may wait by. By when a workflow turns off and by the spread nobody does."""

PARTS: frozenset[Part] = frozenset(get_args(Part))
CLOCK: frozenset[Part] = frozenset({"timezone"})
WORKDAYS: frozenset[Part] = frozenset({"timezone", "holidays"})
DATE: frozenset[Part] = frozenset({"timezone", "anchor"})
QUIET: frozenset[Part] = frozenset({"timezone", "window", "pause_dates"})
NOTHING: frozenset[Part] = frozenset()


def changed_parts(before: Live, after: Live) -> frozenset[Part]:
    """What differs of all that somebody may wait by."""
    old, new = before.settings, after.settings
    found = {name for name in PARTS - {"anchor"} if getattr(old, name) != getattr(new, name)}
    return frozenset(found | ({"anchor"} if before.anchor != after.anchor else set()))


def from_account(settings: WorkflowSettings) -> frozenset[Part]:
    """What a workflow leaves to the defaults of the account."""
    own = {name for name in PARTS if name not in ("timezone", "anchor") and getattr(settings, name) is not None}
    return PARTS - own if settings.timezone in ("account", "record") else PARTS - own - CLOCK


def waits_by(step: Step | None, planned: PlanStep | None) -> frozenset[Part]:
    """By what somebody who stands at a step waits there; everything where the step is not known."""
    match step:
        case DelayStep():
            return _length(step.for_, step.until, business_days=step.business_days)
        case WaitStep():
            timeout, by = step.timeout, CLOCK if step.until_true is not None else NOTHING
            if timeout is None:
                return by
            return by | _length(timeout.length, timeout.until, business_days=timeout.business_days)
        case ActionStep() if planned is not None:
            return QUIET if planned.sends else NOTHING
        case None:
            return PARTS
    return NOTHING


def _length(length: Offset | None, until: Until | None, *, business_days: bool) -> frozenset[Part]:
    if until is not None:
        return DATE if isinstance(until, UntilAnchor) else CLOCK
    if business_days:
        return WORKDAYS
    # Hours and less are the same on every clock.
    return CLOCK if length is not None and (length.weeks or length.days) else NOTHING
