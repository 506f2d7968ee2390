"""Decides how it is asked as SQL for whom a condition came true because time passed, and nothing else happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, FromClause, Text, and_, exists, false, func, literal, not_, or_, select

from domain.conditions import (
    All,
    Any,
    Condition,
    CountScope,
    EventCondition,
    EventPropertyCondition,
    Not,
    Of,
    PropertyCondition,
    RelatedCondition,
)
from domain.instants import Moment, shifted
from domain.schema import Schema
from domain.timing import reads_time
from domain.turning import edges
from store.comparisons import NotCompilable
from store.documents import TextOf
from store.segment_comparisons import property_holds
from store.segment_scope import ONE, Clause, Scope, set_of
from store.segments import compile as as_sql
from store.tables import enrollments, events, records

LEEWAY = timedelta(days=2)
"""Between the day an instant is written with, in whichever offset, and the day it is anywhere else."""

ENTERING = timedelta(minutes=5)
"""Longer than any transaction that lets somebody in, from the instant it writes down until others see it."""


@dataclass(frozen=True)
class Span:
    """The time from ``then`` to ``now``, and whose condition is asked about, as for ``store.segments.compile``."""

    schema: Schema
    object: str
    zone: str
    then: datetime
    now: datetime
    inside: FromClause | None = None
    counts: CountScope | None = None
    record: FromClause = records

    @property
    def _is_new(self) -> Clause:
        return false() if self.inside is None else self.entered(self.inside.c.started_at)

    def entered(self, started_at: ColumnElement[datetime]) -> Clause:
        """Entered since then, or so shortly before that the question asked then may not have seen it yet."""
        return started_at > self.then - ENTERING

    def came_true(self, condition: Condition, *, is_new: Clause | None = None) -> Clause:
        """Holds now and did not hold then, with everything as it is now; of who ``entered`` since then, holds now.

        ``is_new``: who entered since then, where ``inside`` does not say.

        A condition that no database can answer finds everybody for whom a comparison with now in it turned; they have
        to be judged anyway.
        """
        is_new = self._is_new if is_new is None else is_new
        try:
            holds, held = (self._holds(condition, at) for at in (self.now, self.then))
        except NotCompilable:
            return or_(is_new, _turned(condition, self._scope(self.then), self._scope(self.now)))
        return and_(holds, or_(is_new, not_(held)))

    def _holds(self, condition: Condition, at: datetime) -> Clause:
        return as_sql(
            condition,
            schema=self.schema,
            object=self.object,
            now=at,
            zone=self.zone,
            inside=self.inside,
            counts=self.counts,
            record=self.record,
        )

    def _scope(self, at: datetime) -> Scope:
        return Scope(
            schema=self.schema,
            moment=Moment(now=at, zone=self.zone),
            parameters=None,
            record=self.record,
            object=self.object,
            counts="ever",
            inside=self.inside,
        )


def entered_by(trigger: str, where: Clause) -> Clause:
    """Those of the enrollments that a trigger let in."""
    return and_(enrollments.c.trigger == trigger, where)


def came_true_of_bound(span: Span, condition: Condition) -> Clause:
    """Enrollments about whose bound record, a record of ``span.object``, a condition came true."""
    bound = records.alias()
    turned = replace(span, record=bound).came_true(condition, is_new=span.entered(enrollments.c.started_at))
    return exists(
        select(ONE).select_from(bound).where(bound.c.id == enrollments.c.bound_id, turned).correlate(enrollments)
    )


def _turned(condition: Condition, then: Scope, now: Scope) -> Clause:
    """Whether any comparison with now in the condition has another answer now than then."""
    if not reads_time(condition):
        return false()
    match condition:
        case All(all=parts) | Any(any=parts):
            return or_(*(_turned(part, then, now) for part in parts))
        case Not():
            return _turned(condition.not_, then, now)
        case PropertyCondition():
            bare = condition.model_copy(update={"of": None})
            return _around(condition.of, then, now, lambda one, other: _differs(bare, one, other))
        case RelatedCondition():
            of = Of(**condition.related.model_dump())
            return _around(of, then, now, lambda one, other: _turned(condition.where, one, other))
        case EventCondition():
            return _around(condition.of, then, now, lambda one, other: _event_turned(condition, one, other))
        case EventPropertyCondition():
            return _is_near(condition, then, now)
    return false()


def _around(of: Of | None, then: Scope, now: Scope, turned: Callable[[Scope, Scope], Clause]) -> Clause:
    """Whether it turned for the record itself, or for any of those associated with it, whichever are meant."""
    if of is None:
        return turned(then, now)
    if now.is_associated:
        return false()
    _, record, found = set_of(of, now)

    def at(scope: Scope) -> Scope:
        return replace(scope, record=record, object=of.object, is_associated=True, event=None)

    return exists(found.where(turned(at(then), at(now))))


def _differs(condition: PropertyCondition, then: Scope, now: Scope) -> Clause:
    held, holds = property_holds(condition, then), property_holds(condition, now)
    return or_(and_(holds, not_(held)), and_(held, not_(holds)))


def _event_turned(condition: EventCondition, then: Scope, now: Scope) -> Clause:
    """Whether an event left the time frame, or something turned in the conditions on it."""
    meant = events.alias()
    found = select(ONE).select_from(meant)
    found = found.where(meant.c.record_id == now.record.c.id, meant.c.name == condition.event)
    turns = []
    if condition.within is not None:
        first, last = (shifted(s.moment.now, condition.within, s.moment.zone, back=True) for s in (then, now))
        turns.append(and_(meant.c.occurred_at >= first, meant.c.occurred_at < last))
    if condition.where is not None:
        turns.append(_turned(condition.where, replace(then, event=meant), replace(now, event=meant)))
    return exists(found.where(or_(*turns)).correlate(*now.outer))


def _is_near(condition: EventPropertyCondition, then: Scope, now: Scope) -> Clause:
    """Whether a written day or instant lies about where an edge of the comparison moved; its zone is its own."""
    if now.event is None:
        return false()
    day = func.substr(TextOf(now.event.c.properties, literal(condition.event_property, Text())), 1, 10)
    near = []
    for length, back in edges(condition.op, condition.value):
        first, last = (shifted(s.moment.now, length, s.moment.zone, back=back) for s in (then, now))
        near.append(day.between((first - LEEWAY).date().isoformat(), (last + LEEWAY).date().isoformat()))
    return func.coalesce(or_(*near), false())
