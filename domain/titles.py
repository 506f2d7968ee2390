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
            return f"Wait {_until(step)}"
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


def _until(step: DelayStep) -> str:
    match step.until:
        case None:
            return duration_words(step.for_) if step.for_ is not None else ""
        case UntilClock():
            return " ".join(["until", *(step.until.weekdays or []), step.until.time])
        case UntilDate():
            return f"until {step.until.date} {step.until.time}"
        case UntilProperty():
            return f"until {step.until.property}"
        case UntilAnchor():
            return f"until {anchor_words(step.until.anchor, step.until.time)}"
        case UntilEntryEvent():
            return f"until {step.until.entry_event}"
    assert_never(step.until)
