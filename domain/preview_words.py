"""Decides how it reads what would happen at a step, in the clocks of the zone."""

from __future__ import annotations

from domain.foresight import Foreseen
from domain.plan import PlanStep
from domain.steps import MATCHED, TIMED_OUT, Step, WaitStep
from domain.telling import SKIPS
from domain.value_words import instant_words

OPEN = {
    "missing": "waits until there is a date",
    "entry_event": "waits until a time that the event which lets in says; none is known yet",
}


def foreseen_words(found: Foreseen, planned: PlanStep, step: Step, zone: str) -> str:
    """What happens at the step and when, as half a sentence about it: ``leaves 2026-12-01 10:00 (Europe/Oslo)``."""
    if found.outcome == "skipped":
        return f"skipped: {SKIPS.get(found.reason or '', found.reason)}"
    if found.outcome == "open":
        return OPEN.get(found.reason or "", "waits, nobody knows until when")
    assert found.leaves_at is not None, "only what is open has no end"
    when = instant_words(found.leaves_at, zone)
    if found.held_until is not None:
        by = "a day without messages" if found.held_by == "pause_date" else "its hours"
        return f"sent from {when} on, held back by {by}, and what follows with it"
    match planned.kind:
        case "action":
            return f"happens {when}"
        case "delay" if found.reason == "late":
            return f"goes on at once, late: its time came before the step above was done ({when})"
        case "delay" if found.reason is not None:
            return f"goes on at once: the date is {'missing' if found.reason == 'missing' else 'past'}"
        case "delay":
            return f"until {when}"
        case "wait":
            return _wait_words(found, step, when)
        case "end":
            return "ends here" + (f": {found.reason}" if found.reason else "")
        case "goto":
            return "goes on elsewhere"
    return f"takes the way {found.edge!r}, as values stand now"


def _wait_words(found: Foreseen, step: Step, when: str) -> str:
    if found.edge == MATCHED:
        at_once = found.leaves_at == found.arrives_at
        return "goes on at once: the condition holds" if at_once else f"until {when}, when the condition comes true"
    assert found.edge == TIMED_OUT
    assert isinstance(step, WaitStep)
    what = f"{step.for_event.event} happens" if step.for_event is not None else "the condition holds"
    return f"until {what}, at the latest {when}"
