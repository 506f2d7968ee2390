"""Whether an enrollment has a reason to leave, and which counts (rules L1 and L3)."""

from __future__ import annotations

from domain.base import Frozen
from domain.definition import Definition
from domain.facts import Facts, Seen
from domain.judging import judge
from domain.messages import EndReason


class Departure(Frozen):
    """A reason that holds: ``detail`` is the goal's id, ``seen`` the values it was judged on."""

    reason: EndReason
    detail: str | None = None
    seen: tuple[Seen, ...] = ()


def departure(definition: Definition, facts: Facts) -> Departure | None:
    """The reason that counts, or None: a goal before suppression before the exit condition, goals in list order."""
    for goal in definition.exit.goals:
        verdict = judge(goal.where, facts)
        if verdict.holds:
            return Departure(reason="goal", detail=goal.id, seen=verdict.seen)
    if definition.entry.suppress is not None and (verdict := judge(definition.entry.suppress, facts)).holds:
        return Departure(reason="suppressed", seen=verdict.seen)
    if definition.exit.when is not None and (verdict := judge(definition.exit.when, facts)).holds:
        return Departure(reason="exit_condition", seen=verdict.seen)
    return None
