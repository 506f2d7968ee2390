"""Decides which way a value branch goes."""

from __future__ import annotations

from domain.base import Json
from domain.delays import subject_of
from domain.facts import Facts, Seen
from domain.plan import OTHERWISE
from domain.steps import ValueBranchStep


def choose_case(step: ValueBranchStep, facts: Facts) -> tuple[str, Seen]:
    """The way whose values hold the property's current value, or the output, with what was seen."""
    value: Json
    if step.output is not None and step.step is not None:
        what, value = f"{step.output} of step {step.step}", facts.outputs.get(step.step, {}).get(step.output)
    else:
        subject = subject_of(step.of, facts)
        what = step.property or ""
        value = subject.properties.get(what) if subject is not None else None
    edge = next((case.id for case in step.cases if any(_is_same(value, each) for each in case.values)), OTHERWISE)
    return edge, Seen(what=what, value=value, holds=edge != OTHERWISE)


def _is_same(value: Json, written: Json) -> bool:
    """True and 1 are not the same here."""
    return value is not None and value == written and isinstance(value, bool) == isinstance(written, bool)
