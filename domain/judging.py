"""Decides whether a condition holds on facts, and keeps the values it looked at.

Null and missing are the same, ``not`` is total, a wrong type makes a comparison false. Judging stops as soon as the
answer is known, so ``seen`` lists the comparisons that were made and no others.
"""

from __future__ import annotations

from typing import assert_never

from domain.base import Json
from domain.comparing import compare, compare_untyped, matches
from domain.conditions import (
    All,
    Any,
    Condition,
    Count,
    CountScope,
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
from domain.facts import NOT_SPECIFIED, EventFacts, Facts, RecordFacts, Seen, Verdict
from domain.scope import Scope
from domain.words import words

SEEN_TEXT = 200
"""Longer texts are cut in what is kept of a judgement."""
SEEN_VALUES = 10
"""So many values of a set of associated records are kept."""


def judge(condition: Condition, facts: Facts, *, counts: CountScope | None = None) -> Verdict:
    """Whether ``condition`` holds on ``facts``, with every comparison made on the way.

    ``counts``: which events count where the condition does not say; None: those since the entry of whoever is inside,
    and all of anybody else.
    """
    scope = Scope.of(facts, counts)
    return Verdict(holds=_holds(condition, scope), seen=tuple(scope.seen))


def judge_event(
    where: Condition | None, event: EventFacts, facts: Facts, *, counts: CountScope | None = None
) -> Verdict:
    """Whether ``event`` is one that ``where`` asks for; ``facts`` are those of the record it is asked about."""
    if where is None:
        return Verdict(holds=True)
    scope = Scope.of(facts, counts).at_event(event)
    return Verdict(holds=_holds(where, scope), seen=tuple(scope.seen))


def _holds(condition: Condition, scope: Scope) -> bool:
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
        case EventCondition():
            return _event_holds(condition, scope)
        case ParameterCondition():
            return _untyped_holds(condition, scope.facts.parameters.get(condition.parameter), scope)
        case EventPropertyCondition():
            event = scope.event
            return _untyped_holds(condition, event.properties.get(condition.event_property) if event else None, scope)
        case ListCondition():
            member = condition.list in scope.facts.lists.get(scope.record.id, frozenset())
            return _noted(condition, member, member == (condition.op == "member"), scope)
        case WorkflowCondition():
            return _workflow_holds(condition, scope)
        case OutputCondition():
            return _untyped_holds(condition, scope.facts.outputs.get(condition.step, {}).get(condition.output), scope)
        case SubscriptionCondition():
            states = scope.facts.subscriptions.get(scope.record.id, {})
            state = states.get(condition.subscription, NOT_SPECIFIED)
            return _noted(condition, state, (state == condition.value) == (condition.op == "is"), scope)
        case _ as never:
            assert_never(never)


def _property_holds(condition: PropertyCondition, scope: Scope) -> bool:
    if condition.of is None:
        type_, value = scope.read(scope.record, condition.property)
        return _noted(condition, value, compare(condition, type_, value, scope, scope.record), scope)
    records = scope.set_of(condition.of)

    def one_holds(record: RecordFacts) -> bool:
        return compare(condition, *scope.read(record, condition.property), scope, record)

    held = matches(condition.of.match, records, one_holds)
    values = [_short(scope.read(record, condition.property)[1]) for record in records[:SEEN_VALUES]]
    return _noted(condition, values[0] if len(records) == 1 else values, held, scope)


def _related_holds(condition: RelatedCondition, scope: Scope) -> bool:
    """All of ``where`` on the same record; a count asks how many records it holds on, whatever ``match`` says."""
    records = scope.set_of(condition.related, counted=condition.count is not None)

    def one_holds(record: RecordFacts) -> bool:
        inner = scope.within(record)
        held = _holds(condition.where, inner)
        if len(records) == 1:
            scope.seen.extend(inner.seen)
        return held

    if condition.count is None:
        return _noted(condition, len(records), matches(condition.related.match, records, one_holds), scope)
    found = sum(one_holds(record) for record in records)
    return _noted(condition, found, _is_within(condition.count, found), scope)


def _event_holds(condition: EventCondition, scope: Scope) -> bool:
    """How many events of one record; with ``of`` its ``match`` says which of the records must have so many."""
    records = scope.set_of(condition.of) if condition.of else (scope.record,)
    found = {record.id: _count(condition, record, scope) for record in records}
    count = condition.count or Count(at_least=1)
    match_ = condition.of.match if condition.of else None
    held = matches(match_, records, lambda record: _is_within(count, found[record.id]))
    numbers: list[Json] = [found[record.id] for record in records[:SEEN_VALUES]]
    return _noted(condition, numbers[0] if len(records) == 1 else numbers, held, scope)


def _count(condition: EventCondition, record: RecordFacts, scope: Scope) -> int:
    """How many events of a record a condition means."""
    where = condition.where
    events = scope.events_of(record, condition)
    return sum(1 for event in events if where is None or _holds(where, scope.at_event(event)))


def _workflow_holds(condition: WorkflowCondition, scope: Scope) -> bool:
    """What an associated record did is out of reach."""
    facts = scope.facts
    statuses = frozenset() if scope.is_associated else facts.workflows.get(condition.workflow, frozenset())
    said: list[Json] = [*sorted(statuses)]
    return _noted(condition, said, condition.status in statuses, scope)


def _is_within(count: Count, found: int) -> bool:
    low = 0 if count.at_least is None else count.at_least
    return found >= low and (count.at_most is None or found <= count.at_most)


def _untyped_holds(
    condition: ParameterCondition | EventPropertyCondition | OutputCondition, value: Json, scope: Scope
) -> bool:
    return _noted(condition, value, compare_untyped(condition, value, scope), scope)


def _noted(condition: Condition, value: Json, held: bool, scope: Scope) -> bool:
    scope.seen.append(Seen(what=words(condition, scope.schema, scope.record.object), value=_short(value), holds=held))
    return held


def _short(value: Json) -> Json:
    return value[:SEEN_TEXT] + "…" if isinstance(value, str) and len(value) > SEEN_TEXT else value
