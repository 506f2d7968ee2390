"""Whether an enrollment has a reason to leave, and which counts (rules L1 and L3)."""

from __future__ import annotations

from collections.abc import Collection

from domain.base import Frozen
from domain.conditions import Condition
from domain.definition import Definition, FilterTrigger
from domain.facts import Facts, Seen
from domain.judging import judge
from domain.messages import EndReason


class Departure(Frozen):
    """A reason that holds: ``detail`` is the id of the goal or trigger, ``seen`` the values it was judged on.

    ``go_to``: the step a goal leads to instead of out.
    """

    reason: EndReason
    detail: str | None = None
    seen: tuple[Seen, ...] = ()
    go_to: str | None = None


def departure(definition: Definition, facts: Facts, reached: Collection[str] = ()) -> Departure | None:
    """The reason that counts, or None: a goal before suppression before the exit condition, goals in list order.

    ``reached``: goals the enrollment has reached already; one that jumps does so once.
    """
    for goal in definition.exit.goals:
        if goal.go_to is not None and goal.id in reached:
            continue
        verdict = judge(goal.where, facts, counts="enrollment")
        if verdict.holds:
            return Departure(reason="goal", detail=goal.id, seen=verdict.seen, go_to=goal.go_to)
    suppress = definition.entry.suppress
    if suppress is not None and (verdict := judge(suppress, facts, counts="ever")).holds:
        return Departure(reason="suppressed", seen=verdict.seen)
    when = definition.exit.when
    if when is not None and (verdict := judge(when, facts, counts="enrollment")).holds:
        return Departure(reason="exit_condition", seen=verdict.seen)
    return None


def leaving_conditions(definition: Definition) -> list[Condition]:
    """Every condition that makes an enrollment leave, or a goal of it lead elsewhere, by holding."""
    found = [goal.where for goal in definition.exit.goals]
    return found + [c for c in (definition.exit.when, definition.entry.suppress) if c is not None]


def staying_triggers(definition: Definition) -> list[FilterTrigger]:
    """The triggers whose condition must go on holding for whoever they let in."""
    if not definition.exit.when_entry_no_longer_holds:
        return []
    return [trigger for trigger in definition.entry.triggers if isinstance(trigger, FilterTrigger)]


def staying_trigger(definition: Definition, id: str | None) -> FilterTrigger | None:
    """The one of them that let somebody in by this id; None: nothing has to go on holding."""
    return next((trigger for trigger in staying_triggers(definition) if trigger.id == id), None)


def no_longer_matches(trigger: FilterTrigger, facts: Facts) -> Departure | None:
    """The reason of whoever a filter let in and does not match it any more; ``facts`` are those of its subject."""
    verdict = judge(trigger.where, facts, counts="ever")
    if verdict.holds:
        return None
    return Departure(reason="no_longer_matches", detail=trigger.id, seen=verdict.seen)
