"""Whether what is asked of an earlier step's outputs, or of what became of what it made, can be there."""

from __future__ import annotations

from collections.abc import Mapping

from domain.definition import Definition
from domain.examination import Examination
from domain.problems import ProblemCode
from domain.reader import join, similar
from domain.steps import ActionStep, WaitStep


def check_event_step(x: Examination, event: str, step: str, path: str) -> None:
    """Tell when an event cannot be about what a step made; ``path`` is that of what names it, which exists."""
    makers = sorted(name for name, spec in x.catalogue.actions.items() if event in spec.events)
    named = x.definition.steps_by_id()[step]
    if makers and not (isinstance(named, ActionStep) and named.action in makers):
        words = f"the step {step!r} makes nothing that {event} is about; name one with {' or '.join(makers)}"
        x.tell(join(path, "step"), "wrong_value", words)


ONLY_AT_STEPS = (
    "only branches and waits ask for the output of a step: elsewhere nobody may have come to it yet. Let a branch "
    "ask, and a set_property keep what it found"
)


def check_output(x: Examination, step: str, path: str, *, at_step: bool = True) -> None:
    """Tell when there is no such step, or one that gives nothing; ``path`` is that of what names it.

    ``at_step``: a step of the workflow asks, not what lets in or ends.
    """
    if not at_step:
        x.tell(path, "not_available", ONLY_AT_STEPS)
        return
    wrong = output_problem(step, giving_steps(x.definition))
    if wrong is not None:
        x.tell(join(path, "step"), *wrong)


def giving_steps(definition: Definition) -> dict[str, bool]:
    """The steps of a definition by id, and whether they give outputs."""
    return {id: isinstance(step, ActionStep | WaitStep) for id, step in definition.steps_by_id().items()}


def output_problem(step: str, steps: Mapping[str, bool]) -> tuple[ProblemCode, str] | None:
    """Why nobody can ask for an output of this step, as a code and words; ``steps`` as ``giving_steps`` tells them."""
    if step not in steps:
        return "unknown_step", f"there is no step {step!r}{similar(step, steps)}"
    if not steps[step]:
        return "wrong_value", f"the step {step!r} gives no outputs; actions and waits do"
    return None
