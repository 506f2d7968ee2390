"""Whether what is asked of an earlier step's outputs can be there."""

from __future__ import annotations

from domain.examination import Examination
from domain.reader import join, similar
from domain.steps import ActionStep, WaitStep


def check_output(x: Examination, step: str, path: str) -> None:
    """Tell when there is no such step, or one that gives nothing; ``path`` is that of what names it."""
    steps = x.definition.steps_by_id()
    if step not in steps:
        x.tell(join(path, "step"), "unknown_step", f"there is no step {step!r}{similar(step, steps)}")
    elif not isinstance(steps[step], ActionStep | WaitStep):
        x.tell(join(path, "step"), "wrong_value", f"the step {step!r} gives no outputs; actions and waits do")
