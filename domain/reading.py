"""Decides what a condition reads: what is loaded to judge it, and the keys of the candidate index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from domain.base import Frozen
from domain.conditions import (
    All,
    Any,
    Condition,
    EntryEventValue,
    EventCondition,
    EventPropertyCondition,
    ListCondition,
    Not,
    Of,
    Operand,
    OutputCondition,
    OutputValue,
    ParameterCondition,
    PropertyCondition,
    PropertyValue,
    Related,
    RelatedCondition,
    SubscriptionCondition,
    WorkflowCondition,
)
from domain.names import association_key, event_key, list_key, property_key, subscription_key, workflow_key


class Needs(Frozen):
    """What must be loaded besides the record.

    ``objects``: types of associated records. ``events``: names of events; those of associated and bound records too
    where their type is in ``events_of``. ``lists``: which lists the record and everything loaded around it are
    members of. ``subscriptions``: what they agreed to be sent. ``workflows``: slugs of workflows it may have been in.
    ``entry_event``: the event that caused entry. ``outputs``: what the steps gave.
    """

    objects: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    events_of: frozenset[str] = frozenset()
    lists: bool = False
    subscriptions: bool = False
    workflows: frozenset[str] = frozenset()
    entry_event: bool = False
    outputs: bool = False

    def __or__(self, other: Needs) -> Needs:
        """Both."""
        return Needs(
            objects=self.objects | other.objects,
            events=self.events | other.events,
            events_of=self.events_of | other.events_of,
            lists=self.lists or other.lists,
            subscriptions=self.subscriptions or other.subscriptions,
            workflows=self.workflows | other.workflows,
            entry_event=self.entry_event or other.entry_event,
            outputs=self.outputs or other.outputs,
        )


NOTHING = Needs()
"""Only the record itself."""


def needs_objects(objects: Iterable[str]) -> Needs:
    """Associated records of these types and nothing else."""
    return Needs(objects=frozenset(objects))


def needs_of(condition: Condition, object: str) -> Needs:
    """What must be loaded to judge ``condition`` on a record of ``object``."""
    needs = NOTHING
    for part, about in parts_of(condition, object):
        needs |= Needs(
            objects=frozenset(other for _, other in _hops(part, about)),
            entry_event=isinstance(getattr(part, "value", None), EntryEventValue),
            outputs=isinstance(part, OutputCondition) or isinstance(getattr(part, "value", None), OutputValue),
        )
        match part:
            case EventCondition():
                whose = part.of.object if part.of else about
                needs |= Needs(events=frozenset({part.event}), events_of=frozenset({whose} - {object}))
            case ListCondition():
                needs |= Needs(lists=True)
            case SubscriptionCondition():
                needs |= Needs(subscriptions=True)
            case WorkflowCondition():
                needs |= Needs(workflows=frozenset({part.workflow}))
            case _:
                pass
    return needs


def keys_read(condition: Condition, object: str) -> frozenset[str]:
    """The interest keys (``domain.names``) whose change may change the answer, apart from time."""
    found: set[str] = set()
    for part, about in parts_of(condition, object):
        found.update(association_key(near, other) for near, other in _hops(part, about))
        found.update(_keys(part, about))
    return frozenset(found)


def parts_of(condition: Condition, object: str) -> Iterator[tuple[Condition, str]]:
    """Every part that reads something, with the type of the record it is about."""
    match condition:
        case All():
            for part in condition.all:
                yield from parts_of(part, object)
        case Any():
            for part in condition.any:
                yield from parts_of(part, object)
        case Not():
            yield from parts_of(condition.not_, object)
        case RelatedCondition():
            yield condition, object
            yield from parts_of(condition.where, condition.related.object)
        case EventCondition():
            yield condition, object
            if condition.where is not None:
                yield from parts_of(condition.where, object)
        case _:
            yield condition, object


def _hops(part: Condition, object: str) -> Iterator[tuple[str, str]]:
    """Every step from an object to an associated one."""
    of: Of | Related | None = part.related if isinstance(part, RelatedCondition) else getattr(part, "of", None)
    value = getattr(part, "value", None)
    for named in (of, value.of if isinstance(value, PropertyValue) else None):
        if named is not None:
            yield object, named.object


def _keys(part: Condition, object: str) -> Iterator[str]:
    """What a part reads itself, apart from associations."""
    match part:
        case PropertyCondition():
            left = part.of.object if part.of else object
            yield property_key(left, part.property)
            yield from _value_keys(part.value, left)
        case EventCondition():
            yield event_key(part.event)
        case EventPropertyCondition() | OutputCondition() | ParameterCondition():
            yield from _value_keys(part.value, object)
        case ListCondition():
            yield list_key(part.list)
        case WorkflowCondition():
            yield workflow_key(part.workflow)
        case SubscriptionCondition():
            yield subscription_key(part.subscription)
        case All() | Any() | Not() | RelatedCondition():
            return
        case _ as never:
            assert_never(never)


def _value_keys(value: Operand, left: str) -> Iterator[str]:
    """A property without ``of`` belongs to the record the left side is read from."""
    if isinstance(value, PropertyValue):
        yield property_key(value.of.object if value.of else left, value.property)
