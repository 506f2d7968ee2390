"""Decides when a condition may turn by the passing of time alone, so that whoever waits for it sleeps until then.

Only comparisons with now turn: with ``{now: …}``, with a length back from or on from now, and the ``within`` of events.
Each edge of such a comparison is now, moved by a length; it turns as that edge passes the value it is compared with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TypeAlias

from domain.base import Json
from domain.comparing import read_untyped
from domain.conditions import (
    All,
    Any,
    Condition,
    EventCondition,
    EventPropertyCondition,
    Not,
    NowValue,
    Offset,
    OutputCondition,
    ParameterCondition,
    PropertyCondition,
    RelatedCondition,
)
from domain.facts import Facts
from domain.instants import LATEST, Moment, local_date, local_midnight, parse_date, parse_instant, shifted
from domain.schema import PropertyType
from domain.scope import Scope

Edge: TypeAlias = tuple[Offset, bool]
"""A length, and whether it reaches back."""

TICK = timedelta(milliseconds=1)
"""How exact a turn is found: as exact as a durable timer."""


def next_turn(condition: Condition, facts: Facts) -> datetime | None:
    """The earliest instant after ``facts.now`` at which the answer may be another one if nothing changes until then.

    It may be the same one: a comparison that turns need not decide. None: only a change can turn the condition.
    """
    return min(_turns(condition, Scope.of(facts, None)), default=None)


def _turns(condition: Condition, scope: Scope) -> Iterator[datetime]:
    match condition:
        case All(all=parts) | Any(any=parts):
            for part in parts:
                yield from _turns(part, scope)
        case Not():
            yield from _turns(condition.not_, scope)
        case PropertyCondition():
            for record in scope.set_of(condition.of) if condition.of else (scope.record,):
                yield from _crossings(condition, *scope.read(record, condition.property), scope.moment)
        case RelatedCondition():
            for record in scope.set_of(condition.related, counted=condition.count is not None):
                yield from _turns(condition.where, scope.within(record))
        case EventCondition():
            yield from _event_turns(condition, scope)
        case ParameterCondition():
            value = scope.facts.parameters.get(condition.parameter)
            yield from _crossings(condition, *read_untyped(value, condition.op), scope.moment)
        case OutputCondition():
            value = scope.facts.outputs.get(condition.step, {}).get(condition.output)
            yield from _crossings(condition, *read_untyped(value, condition.op), scope.moment)
        case EventPropertyCondition():
            value = scope.event.properties.get(condition.event_property) if scope.event else None
            yield from _crossings(condition, *read_untyped(value, condition.op), scope.moment)


def _event_turns(condition: EventCondition, scope: Scope) -> Iterator[datetime]:
    """When an event leaves the time frame, and what turns in the conditions on it."""
    for record in scope.set_of(condition.of) if condition.of else (scope.record,):
        for event in scope.events_of(record, condition):
            if condition.within is not None:
                yield from _passes((condition.within, True), event.occurred_at, scope.moment)
            if condition.where is not None:
                yield from _turns(condition.where, scope.at_event(event))


def _crossings(
    condition: PropertyCondition | ParameterCondition | EventPropertyCondition | OutputCondition,
    type_: PropertyType,
    value: Json,
    moment: Moment,
) -> Iterator[datetime]:
    """When the edges of one comparison pass the value it is made with."""
    for edge in edges(condition.op, condition.value):
        for target in _targets(type_, condition.op, value, moment.zone):
            yield from _passes(edge, target, moment)


def edges(op: str, value: object) -> tuple[Edge, ...]:
    """What now, moved, the operator looks at; none where it looks at something that stands."""
    if isinstance(value, NowValue):
        return ((value.now, False),)
    if not isinstance(value, Offset):
        return ()
    far = (value, op != "within_next")
    return (far,) if op == "more_than_ago" else (far, (Offset(), False))


def _targets(type_: PropertyType, op: str, value: Json, zone: str) -> tuple[datetime, ...]:
    """The instant a stored time is, or where days are compared the two at which its day begins and is over."""
    if not isinstance(value, str):
        return ()
    if type_ is PropertyType.DATE:
        day = parse_date(value)
        return _bounds(day, zone) if day is not None else ()
    at = parse_instant(value) if type_ is PropertyType.DATETIME else None
    if at is None:
        return ()
    return _bounds(local_date(at, zone), zone) if op == "on" else (at,)


def _bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    return local_midnight(day, zone), local_midnight(day + timedelta(days=1), zone)


def _passes(edge: Edge, target: datetime, moment: Moment) -> Iterator[datetime]:
    """The first instant after now, to the tick, at which the edge lies behind ``target``; none if it does already.

    Searched rather than turned round: the clock time of a zone leaps, so a length forth is not always the length back.
    """
    length, back = edge

    def is_past(at: datetime) -> bool:
        return shifted(at, length, moment.zone, back=back) > target

    late = min(shifted(target, length, moment.zone, back=not back) + timedelta(days=2), LATEST)
    if is_past(moment.now) or not is_past(late):
        return
    early, ticks = moment.now, (late - moment.now) // TICK + 1
    low, high = 0, ticks
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_past(early + middle * TICK) else (middle, high)
    yield early + high * TICK
