"""Decides whether a condition holds on facts, and keeps the values it looked at.

Null and missing are the same, ``not`` is total, a wrong type makes a comparison false. Judging stops as soon as the
answer is known, so ``seen`` lists the comparisons that were made and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import assert_never

from domain.base import Json
from domain.conditions import (
    All,
    Any,
    Condition,
    Count,
    EntryEventValue,
    EventCondition,
    EventPropertyCondition,
    ListCondition,
    Match,
    Not,
    Of,
    OutputCondition,
    OutputValue,
    ParameterCondition,
    ParameterValue,
    PropertyCondition,
    PropertyValue,
    Related,
    RelatedCondition,
    SubscriptionCondition,
    WorkflowCondition,
)
from domain.facts import Associated, Facts, RecordFacts, Seen, Verdict
from domain.instants import Moment
from domain.operators import NEGATIVE, PRESENCE, ConditionNotAvailable, comparable, holds, is_number, operand, reads_as
from domain.schema import PropertyType, Schema
from domain.words import words

SEEN_TEXT = 200
"""Longer texts are cut in what is kept of a judgement."""
SEEN_VALUES = 10
"""So many values of a set of associated records are kept."""


def judge(condition: Condition, facts: Facts) -> Verdict:
    """Whether ``condition`` holds on ``facts``, with every comparison made on the way.

    Raises:
        ConditionNotAvailable: the condition is of a kind that validation refuses in this version.
    """
    scope = _Scope(
        schema=facts.schema_,
        record=facts.record,
        associated=facts.associated,
        bound=facts.bound,
        parameters=facts.parameters,
        moment=Moment(now=facts.now, zone=facts.zone),
    )
    return Verdict(holds=_holds(condition, scope), seen=tuple(scope.seen))


@dataclass(frozen=True, slots=True)
class _Scope:
    """What one judgement reads, and the list it writes down what it saw in."""

    schema: Schema
    record: RecordFacts
    associated: dict[str, tuple[Associated, ...]]
    bound: RecordFacts | None
    parameters: dict[str, Json]
    moment: Moment
    seen: list[Seen] = field(default_factory=list)

    def read(self, record: RecordFacts, name: str) -> tuple[PropertyType, Json]:
        """Type and value of a property; one the schema does not know reads as a missing text."""
        found = self.schema.property(record.object, name)
        return (found.type, record.properties.get(name)) if found else (PropertyType.STRING, None)

    def set_of(self, of: Of | Related, *, counted: bool = False) -> tuple[RecordFacts, ...]:
        """The associated records meant; the bound record stands in when neither match, label nor count says which."""
        bound = self.bound
        if of.match is None and of.label is None and not counted and bound is not None and bound.object == of.object:
            return (bound,)
        found = self.associated.get(of.object, ())
        records = tuple(one.record for one in found if of.label is None or one.label == of.label)
        return records[:1] if of.match == "latest" and not counted else records

    def within(self, record: RecordFacts) -> _Scope:
        """The scope of an associated record: its own associated records are out of reach."""
        return replace(self, record=record, associated={}, bound=None, seen=[])


def _holds(condition: Condition, scope: _Scope) -> bool:
    match condition:
        case All():
            return all(_holds(part, scope) for part in condition.all)
        case Any():
            return any(_holds(part, scope) for part in condition.any)
        case Not():
            return not _holds(condition.not_, scope)
        case PropertyCondition():
            return _property_holds(condition, scope)
        case RelatedCondition():
            return _related_holds(condition, scope)
        case ParameterCondition():
            value = scope.parameters.get(condition.parameter)
            held = _compare(condition, type_of(value, condition), value, scope, scope.record)
            return _noted(condition, value, held, scope)
        case EventCondition() | EventPropertyCondition():
            raise ConditionNotAvailable("events")
        case OutputCondition():
            raise ConditionNotAvailable("outputs of steps")
        case ListCondition():
            raise ConditionNotAvailable("lists")
        case WorkflowCondition():
            raise ConditionNotAvailable("other workflows")
        case SubscriptionCondition():
            raise ConditionNotAvailable("subscriptions")
        case _ as never:
            assert_never(never)


def _property_holds(condition: PropertyCondition, scope: _Scope) -> bool:
    if condition.of is None:
        type_, value = scope.read(scope.record, condition.property)
        return _noted(condition, value, _compare(condition, type_, value, scope, scope.record), scope)
    records = scope.set_of(condition.of)

    def one_holds(record: RecordFacts) -> bool:
        return _compare(condition, *scope.read(record, condition.property), scope, record)

    held = _matches(condition.of.match, records, one_holds)
    values = [_short(scope.read(record, condition.property)[1]) for record in records[:SEEN_VALUES]]
    return _noted(condition, values[0] if len(records) == 1 else values, held, scope)


def _related_holds(condition: RelatedCondition, scope: _Scope) -> bool:
    """All of ``where`` on the same record; a count asks how many records it holds on, whatever ``match`` says."""
    records = scope.set_of(condition.related, counted=condition.count is not None)

    def one_holds(record: RecordFacts) -> bool:
        inner = scope.within(record)
        held = _holds(condition.where, inner)
        if len(records) == 1:
            scope.seen.extend(inner.seen)
        return held

    if condition.count is None:
        return _noted(condition, len(records), _matches(condition.related.match, records, one_holds), scope)
    found = sum(one_holds(record) for record in records)
    return _noted(condition, found, _is_within(condition.count, found), scope)


def _is_within(count: Count, found: int) -> bool:
    low = 0 if count.at_least is None else count.at_least
    return found >= low and (count.at_most is None or found <= count.at_most)


def _matches(match_: Match | None, records: Iterable[RecordFacts], one_holds: Callable[[RecordFacts], bool]) -> bool:
    """Any (also of the latest, which is one at most), all (false when there is none), or none of the records."""
    if match_ == "none":
        return not any(one_holds(record) for record in records)
    if match_ == "all":
        answers = [one_holds(record) for record in records]
        return bool(answers) and all(answers)
    return any(one_holds(record) for record in records)


def _compare(
    condition: PropertyCondition | ParameterCondition,
    type_: PropertyType,
    left: Json,
    scope: _Scope,
    record: RecordFacts,
) -> bool:
    """One comparison of a value read from ``record``."""
    op, value = condition.op, condition.value
    if op in PRESENCE:
        return (left is not None) == (op == "known")
    if left is None:
        return op in NEGATIVE and condition.include_blank
    match value:
        case PropertyValue(of=None):
            return _compare_with(condition, type_, left, scope, record)
        case PropertyValue(of=Of() as of):
            others = scope.set_of(of)
            return _matches(of.match, others, lambda other: _compare_with(condition, type_, left, scope, other))
        case ParameterValue():
            return holds(type_, op, left, operand(type_, op, scope.parameters.get(value.parameter), scope.moment))
        case EntryEventValue():
            raise ConditionNotAvailable("the event that caused entry")
        case OutputValue():
            raise ConditionNotAvailable("outputs of steps")
        case _:
            return holds(type_, op, left, operand(type_, op, value, scope.moment))


def _compare_with(
    condition: PropertyCondition | ParameterCondition,
    type_: PropertyType,
    left: Json,
    scope: _Scope,
    other: RecordFacts,
) -> bool:
    """Compare with the property of another record (or of the same one) that the value names."""
    assert isinstance(condition.value, PropertyValue)
    right_type, right = scope.read(other, condition.value.property)
    if not comparable(type_, right_type) or not reads_as(right_type, right):
        return False
    return holds(type_, condition.op, left, operand(type_, condition.op, right, scope.moment))


def type_of(value: Json, condition: ParameterCondition) -> PropertyType:
    """The type a parameter is compared as: its JSON type, and for a text what the operator asks for."""
    if isinstance(value, bool):
        return PropertyType.BOOL
    if is_number(value):
        return PropertyType.NUMBER
    if isinstance(value, list):
        return PropertyType.MULTI_ENUM
    if condition.op in ("on", "before", "after", "between", "within_last", "within_next", "more_than_ago"):
        return (
            PropertyType.DATE if isinstance(value, str) and len(value) == len("2027-01-31") else PropertyType.DATETIME
        )
    return PropertyType.STRING


def _noted(condition: Condition, value: Json, held: bool, scope: _Scope) -> bool:
    scope.seen.append(Seen(what=words(condition, scope.schema, scope.record.object), value=_short(value), holds=held))
    return held


def _short(value: Json) -> Json:
    return value[:SEEN_TEXT] + "…" if isinstance(value, str) and len(value) > SEEN_TEXT else value
