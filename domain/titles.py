"""What a step is called where its definition is not at hand: the timer and activity names in Temporal UI."""

from __future__ import annotations

from typing import assert_never

from domain.catalogue import Catalogue
from domain.plan import NAME_LIMIT
from domain.steps import (
    ActionStep,
    BranchStep,
    DelayStep,
    EndStep,
    GotoStep,
    SplitStep,
    Step,
    Until,
    UntilAnchor,
    UntilClock,
    UntilDate,
    UntilEntryEvent,
    UntilProperty,
    ValueBranchStep,
    WaitStep,
)
from domain.words import anchor_words, duration_words


def title(step: Step, catalogue: Catalogue) -> str:
    """``Wait 2 days · gap``: what the step does and its own name, without any of its content."""
    return f"{_what(step, catalogue)} · {step.name or step.id}"[:NAME_LIMIT]


def _what(step: Step, catalogue: Catalogue) -> str:
    match step:
        case ActionStep():
            return catalogue.actions[step.action].title
        case DelayStep():
            return f"Wait {_length(step)}"
        case WaitStep():
            return "Wait"
        case BranchStep():
            return "Branch"
        case ValueBranchStep():
            return f"Branch by {step.property or step.output}"
        case SplitStep():
            return "Split"
        case GotoStep():
            return f"Go to {step.to}"
        case EndStep():
            return "End"
    assert_never(step)


def _length(step: DelayStep) -> str:
    if step.until is not None:
        return f"until {until_what(step.until)}"
    return duration_words(step.for_) if step.for_ is not None else ""


def until_what(until: Until) -> str:
    """The instant a delay leads to: ``7 days before the date at 09:00``."""
    match until:
        case UntilClock():
            return " ".join([*(until.weekdays or []), until.time])
        case UntilDate():
            return f"{until.date} {until.time}"
        case UntilProperty():
            return until.property
        case UntilAnchor():
            return anchor_words(until.anchor, until.time)
        case UntilEntryEvent():
            return until.entry_event
    assert_never(until)
