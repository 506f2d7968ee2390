"""What a step may write into a property as a value of its own: whether it can hold it, and what it becomes.

A value is a literal, an instant by the clock of the step (``{now: {days: 1}}``), what an earlier step gave, a
parameter of the enrollment, or another property, which each action reads by rules of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from activities.action import InsideContext
from domain.base import Json, utc_text
from domain.catalogue import ConfigScope, Finding
from domain.comparison_rules import TOO_LONG, is_too_long
from domain.conditions import NowValue, OutputValue, ParameterValue
from domain.instants import local_date, shifted
from domain.output_rules import output_problem
from domain.reader import join, similar
from domain.schema import PropertyDefinition, PropertyType
from domain.values import ValueProblem, normalise
from store.visits import outputs

DATES = frozenset({PropertyType.DATE, PropertyType.DATETIME})
"""Types that hold a moment."""


class _AnyAddress:
    """Address syntax is knowledge of a gateway; when a definition is saved a literal address is taken as it is."""

    def problem(self, written: str) -> str | None:
        return None


def now_findings(definition: PropertyDefinition, value: NowValue, path: str) -> Iterable[Finding]:
    """Find why a property cannot hold a moment that is counted from now."""
    if definition.type not in DATES:
        words = f"an instant cannot be written into a {definition.type} property"
        yield Finding(path=path, code="wrong_type", message=words)
    if is_too_long(value.now):
        yield Finding(path=join(path, "now"), code="wrong_value", message=TOO_LONG)


def literal_findings(
    definition: PropertyDefinition, value: Json | Sequence[str], scope: ConfigScope, path: str
) -> Iterable[Finding]:
    """Find why a property cannot hold a literal."""
    value = as_json(value)
    try:
        normalise(definition, value, addresses=_AnyAddress())
    except ValueProblem as problem:
        code = problem.code if problem.code in ("wrong_type", "unknown_option") else "wrong_value"
        yield Finding.model_validate({"path": path, "code": code, "message": problem.message})
        return
    if definition.type is PropertyType.USER and value and scope.users is not None and value not in scope.users:
        yield Finding(path=path, code="unknown_user", message=f"there is no active user with the id {value!r}"[:300])


def given_findings(value: OutputValue | ParameterValue, scope: ConfigScope, path: str) -> Iterable[Finding]:
    """Find a step that gives nothing, and a parameter that is not declared."""
    if isinstance(value, ParameterValue):
        known = [each.name for each in scope.parameters]
        if value.parameter not in known:
            words = f"the workflow has no parameter {value.parameter!r}{similar(value.parameter, known)}"
            yield Finding(path=join(path, "parameter"), code="unknown_variable", message=words)
    elif (wrong := output_problem(value.step, scope.steps)) is not None:
        yield Finding(path=join(path, "step"), code=wrong[0], message=wrong[1])


async def given(context: InsideContext, value: OutputValue | ParameterValue) -> Json:
    """What an earlier step gave, or whoever enrolled; None where that is nothing."""
    enrollment = context.passed.enrollment
    if isinstance(value, ParameterValue):
        return enrollment.parameters.get(value.parameter)
    found = (await outputs(context.tx, enrollment)).get(value.step)
    return found.get(value.output) if isinstance(found, dict) else None


def as_json(value: Json | Sequence[str]) -> Json:
    """A literal of a config as it is stored."""
    return [*value] if isinstance(value, list | tuple) else value  # type: ignore[return-value]


def from_now(context: InsideContext, definition: PropertyDefinition | None, value: NowValue) -> Json:
    """The moment that is meant, as the property holds it."""
    return as_held(context, definition, shifted(context.passed.call.now, value.now, context.passed.facts.zone))


def as_held(context: InsideContext, definition: PropertyDefinition | None, at: datetime) -> Json:
    """An instant as a property of dates holds it: a date is the day in the workflow's zone."""
    is_date = definition is not None and definition.type is PropertyType.DATE
    return local_date(at, context.passed.facts.zone).isoformat() if is_date else utc_text(at)
