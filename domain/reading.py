"""Decides what a condition reads: the associated objects to load, and the keys of the candidate index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from domain.conditions import (
    All,
    Any,
    Condition,
    EventCondition,
    EventPropertyCondition,
    ListCondition,
    Not,
    Of,
    Operand,
    OutputCondition,
    ParameterCondition,
    PropertyCondition,
    PropertyValue,
    Related,
    RelatedCondition,
    SubscriptionCondition,
    WorkflowCondition,
)
from domain.names import association_key, event_key, property_key


def objects_read(condition: Condition, object: str) -> frozenset[str]:
    """The object types whose associated records must be loaded to judge ``condition`` on a record of ``object``."""
    return frozenset(other for _, other in _hops(condition, object))


def keys_read(condition: Condition, object: str) -> frozenset[str]:
    """The interest keys (``domain.names``) whose change may change the answer, apart from time."""
    hops = {association_key(near, other) for near, other in _hops(condition, object)}
    return frozenset(hops | set(_keys(condition, object)))


def _hops(condition: Condition, object: str) -> Iterator[tuple[str, str]]:
    """Every step from an object to an associated one."""
    match condition:
        case All():
            for part in condition.all:
                yield from _hops(part, object)
        case Any():
            for part in condition.any:
                yield from _hops(part, object)
        case Not():
            yield from _hops(condition.not_, object)
        case PropertyCondition():
            yield from _hop(condition.of, object)
            yield from _value_hop(condition.value, object)
        case RelatedCondition():
            yield from _hop(condition.related, object)
            yield from _hops(condition.where, condition.related.object)
        case EventCondition():
            yield from _hop(condition.of, object)
            if condition.where is not None:
                yield from _hops(condition.where, object)
        case EventPropertyCondition() | OutputCondition() | ParameterCondition():
            yield from _value_hop(condition.value, object)
        case ListCondition() | WorkflowCondition() | SubscriptionCondition():
            return
        case _ as never:
            assert_never(never)


def _hop(of: Of | Related | None, object: str) -> Iterator[tuple[str, str]]:
    if of is not None:
        yield object, of.object


def _value_hop(value: Operand, object: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, PropertyValue):
        yield from _hop(value.of, object)


def _keys(condition: Condition, object: str) -> Iterator[str]:
    """Every property and event that is read."""
    match condition:
        case All():
            for part in condition.all:
                yield from _keys(part, object)
        case Any():
            for part in condition.any:
                yield from _keys(part, object)
        case Not():
            yield from _keys(condition.not_, object)
        case PropertyCondition():
            left = condition.of.object if condition.of else object
            yield property_key(left, condition.property)
            yield from _value_keys(condition.value, left)
        case RelatedCondition():
            yield from _keys(condition.where, condition.related.object)
        case EventCondition():
            yield event_key(condition.event)
            if condition.where is not None:
                yield from _keys(condition.where, object)
        case EventPropertyCondition() | OutputCondition() | ParameterCondition():
            yield from _value_keys(condition.value, object)
        case ListCondition() | WorkflowCondition() | SubscriptionCondition():
            return
        case _ as never:
            assert_never(never)


def _value_keys(value: Operand, left: str) -> Iterator[str]:
    """A property without ``of`` belongs to the record the left side is read from."""
    if isinstance(value, PropertyValue):
        yield property_key(value.of.object if value.of else left, value.property)
