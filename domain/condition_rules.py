"""Whether a condition refers to what exists and asks what can be answered; what is not built yet is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from domain.comparison_rules import (
    PARAMETER_TYPES,
    Subject,
    check_comparison,
    check_length,
    check_of,
    check_untyped,
    known_parameter,
)
from domain.conditions import (
    All,
    Any,
    Condition,
    Count,
    EventCondition,
    EventPropertyCondition,
    ListCondition,
    Not,
    OutputCondition,
    ParameterCondition,
    PropertyCondition,
    RelatedCondition,
    SubscriptionCondition,
    WorkflowCondition,
)
from domain.events import event_name_problem
from domain.examination import Examination
from domain.facts import EVENTS_PER_NAME
from domain.output_rules import check_event_step, check_output
from domain.reader import join, similar
from domain.schema import PropertyDefinition

__all__ = ["PARAMETER_TYPES", "Subject", "check_condition", "check_length", "check_of"]

MOST_PARTS = 250
"""Parts of one condition; SQLite nests a statement no deeper than 1000."""
MOST_VALUES = 10_000
"""Values in the lists of one condition; a statement may have some 32,000, and some stand in it twice."""
RECORDS_COUNTED = 1_000_000
"""A count of associated records stays below."""


def check_condition(x: Examination, condition: Condition, path: str, subject: Subject) -> None:
    """Tell every problem of a condition that could be read."""
    parts, values = _size(condition)
    if parts > MOST_PARTS:
        x.tell(path, "plan_too_large", f"the condition has {parts} parts, more than {MOST_PARTS}; use a list or 'in'")
    if values > MOST_VALUES:
        x.tell(path, "plan_too_large", f"the condition lists {values} values, more than {MOST_VALUES}; use a list")
    _check(x, condition, path, subject)


def _size(condition: Condition) -> tuple[int, int]:
    """How many parts a condition has, itself included, and how many values stand in lists of them."""
    inner: list[Condition] = []
    values = 0
    match condition:
        case All():
            inner = condition.all
        case Any():
            inner = condition.any
        case Not():
            inner = [condition.not_]
        case RelatedCondition():
            inner = [condition.where]
        case EventCondition(where=where) if where is not None:
            inner = [where]
        case PropertyCondition(value=list() as written) | EventPropertyCondition(value=list() as written):
            values = len(written)
        case _:
            pass
    sizes = [_size(part) for part in inner]
    return 1 + sum(parts for parts, _ in sizes), values + sum(each for _, each in sizes)


def _check(x: Examination, condition: Condition, path: str, subject: Subject) -> None:
    match condition:
        case All():
            for i, part in enumerate(condition.all):
                _check(x, part, join(path, "all", i), subject)
        case Any():
            for i, part in enumerate(condition.any):
                _check(x, part, join(path, "any", i), subject)
        case Not():
            _check(x, condition.not_, join(path, "not"), replace(subject, negated=not subject.negated))
        case PropertyCondition():
            _check_property(x, condition, path, subject)
        case RelatedCondition():
            _check_related(x, condition, path, subject)
        case ParameterCondition():
            _check_parameter(x, condition, path, subject)
        case EventCondition():
            _check_event(x, condition, path, subject)
        case EventPropertyCondition():
            _check_event_property(x, condition, path, subject)
        case ListCondition():
            if not x.spoiled(join(path, "list")):
                x.known_list(condition.list, subject.object, join(path, "list"))
        case WorkflowCondition():
            _check_workflow(x, condition, path, subject)
        case OutputCondition():
            _check_output(x, condition, path, subject)
        case SubscriptionCondition():
            _check_subscription(x, condition, path, subject)
        case _ as never:
            assert_never(never)


def _check_property(x: Examination, condition: PropertyCondition, path: str, subject: Subject) -> None:
    object = check_of(x, condition.of, join(path, "of"), subject)
    if object is None:
        return
    definition = x.known_property(object, condition.property, join(path, "property"))
    if definition is not None:
        check_comparison(x, definition, condition, path, replace(subject, left=object))


def _check_parameter(x: Examination, condition: ParameterCondition, path: str, subject: Subject) -> None:
    found = known_parameter(x, condition.parameter, join(path, "parameter"), subject)
    if found is not None:
        definition = PropertyDefinition(name=found.name, type=PARAMETER_TYPES[found.type], label=found.name)
        check_comparison(x, definition, condition, path, subject)


def _check_related(x: Examination, condition: RelatedCondition, path: str, subject: Subject) -> None:
    related = condition.related
    object = check_of(x, related, join(path, "related"), subject)
    if condition.count is not None:
        _check_count(x, condition.count, join(path, "count"), "records", most=RECORDS_COUNTED)
    if object is not None:
        negated = subject.negated != (related.match == "none" and condition.count is None)
        inner = replace(subject, object=object, near=False, at_event=False, negated=negated)
        _check(x, condition.where, join(path, "where"), inner)


def _check_event(x: Examination, condition: EventCondition, path: str, subject: Subject) -> None:
    if subject.at_event:
        x.refuse(path, "a condition on events inside the where of an event")
        return
    if (words := event_name_problem(condition.event)) is not None and not x.spoiled(join(path, "event")):
        x.tell(join(path, "event"), "wrong_value", words)
    if condition.count is not None:
        _check_count(x, condition.count, join(path, "count"), "events", most=EVENTS_PER_NAME)
    if condition.within is not None:
        check_length(x, condition.within, join(path, "within"))
    elif _is_negative(condition, subject) and not x.spoiled(join(path, "within")):
        words = "that something did not happen, or not so often, needs a time: add within, for example {days: 30}"
        x.tell(path, "negation_without_time", words)
    _check_whose(x, condition, path, subject)
    object = check_of(x, condition.of, join(path, "of"), subject)
    if condition.where is not None and object is not None:
        inner = replace(subject, at_event=True, negated=False)
        _check(x, condition.where, join(path, "where"), inner)


def _is_negative(condition: EventCondition, subject: Subject) -> bool:
    """Whether the condition may hold because events are missing; negated, a lower bound becomes an upper one."""
    negated = subject.negated != (condition.of is not None and condition.of.match == "none")
    count = condition.count or Count(at_least=1)
    return (count.at_least or 0) > 0 if negated else count.at_most is not None


def _check_whose(x: Examination, condition: EventCondition, path: str, subject: Subject) -> None:
    """``step`` and ``scope: enrollment`` are about somebody who entered."""
    outside = subject.place == "trigger"
    if condition.scope == "enrollment" and outside:
        words = "a trigger looks at records that have not entered, so scope can only be ever"
        x.tell(join(path, "scope"), "wrong_value", words)
    if condition.step is None:
        return
    steps = x.definition.steps_by_id()
    if outside:
        x.tell(join(path, "step"), "wrong_value", "a trigger looks at records that have not passed any step yet")
    elif condition.step not in steps:
        words = f"there is no step {condition.step!r}{similar(condition.step, steps)}"
        x.tell(join(path, "step"), "unknown_step", words)
    else:
        check_event_step(x, condition.event, condition.step, path)


def _check_event_property(x: Examination, condition: EventPropertyCondition, path: str, subject: Subject) -> None:
    if subject.at_event:
        check_untyped(x, condition.event_property, condition, path, subject)
    else:
        x.tell(path, "wrong_value", "event_property stands only in the where of an event")


def _check_output(x: Examination, condition: OutputCondition, path: str, subject: Subject) -> None:
    check_output(x, condition.step, path, at_step=subject.at_step)
    check_untyped(x, condition.output, condition, path, subject)


def _check_workflow(x: Examination, condition: WorkflowCondition, path: str, subject: Subject) -> None:
    if not subject.near:
        x.refuse(path, "what an associated record did in a workflow")
        return
    known = {*x.catalogue.workflows, x.definition.slug}
    if condition.workflow not in known and not x.spoiled(join(path, "workflow")):
        words = f"there is no workflow {condition.workflow!r}{similar(condition.workflow, known)}"
        x.tell(join(path, "workflow"), "unknown_workflow", words)


def _check_subscription(x: Examination, condition: SubscriptionCondition, path: str, subject: Subject) -> None:
    if subject.object != "contact":
        words = f"only contacts subscribe; ask for those of the {subject.object} with related: {{object: contact}}"
        x.tell(path, "wrong_value", words)
    elif not x.spoiled(join(path, "subscription")):
        x.known_subscription(condition.subscription, join(path, "subscription"))


def _check_count(x: Examination, count: Count, path: str, things: str, *, most: int) -> None:
    low, high = count.at_least, count.at_most
    if low is None and high is None:
        x.tell(path, "missing_field", "a count needs at_least, at_most or both")
    elif (low or 0) < 0 or (high is not None and high < (low or 0)):
        x.tell(path, "wrong_value", "a count goes from at_least up to at_most and is never negative")
    elif max(low or 0, high or 0) >= most:
        x.tell(path, "wrong_value", f"a count of {things} stays below {most}: no more are looked at")
