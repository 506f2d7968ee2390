"""Decides how a condition is asked as SQL over the records table, with the same answer as ``domain.judging.judge``.

Each part is either true or false, never null, so ``not`` is total. The caller restricts the object type and leaves
deleted records out. Only those inside have something bound, which stands in for a set of associated records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, false, func, not_, or_, select, true

from domain.base import Json
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
from domain.facts import NOT_SPECIFIED
from domain.instants import Moment, shifted
from domain.operators import ConditionNotAvailable
from domain.schema import Schema
from store.segment_comparisons import event_property_holds, parameter_holds, property_holds
from store.segment_scope import ONE, Clause, Scope, quantified, set_of
from store.tables import (
    enrollments,
    events,
    goals_reached,
    list_members,
    lists,
    records,
    subscription_types,
    subscriptions,
    workflows,
)

__all__ = ["Clause", "compile"]


def compile(
    condition: Condition,
    *,
    schema: Schema,
    object: str,
    now: datetime,
    zone: str,
    parameters: Mapping[str, Json] | None = None,
    inside: FromClause | None = None,
    counts: CountScope | None = None,
    record: FromClause = records,
) -> Clause:
    """``condition`` on records of type ``object``, as a clause over ``store.tables.records``, or ``record``.

    ``zone`` is the IANA name whose days count. ``inside``: the enrollments of the statement, joined to their records,
    when it asks about those who are inside; what is bound to them stands in as in memory. ``parameters`` are those
    given at enrollment; None: those inside have each their own, anybody else none. ``counts``: which events count
    where a condition does not say; None: since the entry of whoever is inside, else all.

    Raises:
        NotCompilable: no database can answer it as memory does; see the class.
        ConditionNotAvailable: the condition is of a kind that validation refuses in this version.
    """
    scope = Scope(
        schema=schema,
        moment=Moment(now=now, zone=zone),
        parameters=dict(parameters or {}) if parameters is not None or inside is None else None,
        record=record,
        object=object,
        counts=counts or ("ever" if inside is None else "enrollment"),
        inside=inside,
    )
    return _condition(condition, scope)


def _condition(condition: Condition, scope: Scope) -> Clause:
    match condition:
        case All():
            return and_(true(), *(_condition(part, scope) for part in condition.all))
        case Any():
            return or_(false(), *(_condition(part, scope) for part in condition.any))
        case Not():
            return not_(_condition(condition.not_, scope))
        case PropertyCondition():
            return property_holds(condition, scope)
        case RelatedCondition():
            return _related(condition, scope)
        case ParameterCondition():
            return true() if parameter_holds(condition, scope) else false()
        case EventCondition():
            return _event(condition, scope)
        case EventPropertyCondition():
            return event_property_holds(condition, scope)
        case ListCondition():
            return _list(condition, scope)
        case WorkflowCondition():
            return _workflow(condition, scope)
        case OutputCondition():
            raise ConditionNotAvailable("outputs of steps")
        case SubscriptionCondition():
            return _subscription(condition, scope)
        case _ as never:
            assert_never(never)


def _related(condition: RelatedCondition, scope: Scope) -> Clause:
    """All of ``where`` on the same record; a count asks how many records it holds on, whatever ``match`` says."""
    wanted = condition.related

    def where(record: FromClause) -> Clause:
        inner = replace(scope, record=record, object=wanted.object, is_associated=True, event=None)
        return _condition(condition.where, inner)

    if condition.count is None:
        return quantified(wanted, scope, where)
    if scope.is_associated:
        low, high = condition.count.at_least or 0, condition.count.at_most
        return true() if low <= 0 and (high is None or high >= 0) else false()
    _, record, found = set_of(wanted, scope, counted=True)
    return _as_many(condition.count, found.where(where(record)))


def _as_many(count: Count, found: Select[int]) -> Clause:
    """Whether a statement finds so many rows."""
    low, high = count.at_least or 0, count.at_most
    if low == 1 and high is None:
        return exists(found)
    number = found.with_only_columns(func.count(), maintain_column_froms=True).scalar_subquery()
    return and_(number >= low, number <= high) if high is not None else number >= low


def _event(condition: EventCondition, scope: Scope) -> Clause:
    def holds(record: FromClause) -> Clause:
        return _as_many(condition.count or Count(at_least=1), _events(condition, scope, record))

    return holds(scope.record) if condition.of is None else quantified(condition.of, scope, holds)


def _events(condition: EventCondition, scope: Scope, record: FromClause) -> Select[int]:
    """The statement that finds the events of a record that are meant."""
    meant = events.alias()
    found = select(ONE).select_from(meant).where(meant.c.record_id == record.c.id, meant.c.name == condition.event)
    if condition.within is not None:
        since = shifted(scope.moment.now, condition.within, scope.moment.zone, back=True)
        found = found.where(meant.c.occurred_at >= since)
    if (condition.scope or scope.counts) == "enrollment":
        found = found.where(false() if scope.inside is None else meant.c.seq > _entered(scope.inside))
    if condition.step is not None:
        found = found.where(false() if scope.inside is None else meant.c.enrollment_id == scope.inside.c.id)
        found = found.where(meant.c.step == condition.step)
    if condition.where is not None:
        found = found.where(_condition(condition.where, replace(scope, event=meant)))
    return found.correlate(*scope.outer, record)


def _entered(inside: FromClause) -> ColumnElement[int]:
    return func.coalesce(inside.c.entered_seq, 0)


def _list(condition: ListCondition, scope: Scope) -> Clause:
    member = exists(
        select(ONE)
        .select_from(list_members.join(lists, lists.c.id == list_members.c.list_id))
        .where(list_members.c.record_id == scope.record.c.id, lists.c.slug == condition.list)
        .correlate(*scope.outer)
    )
    return member if condition.op == "member" else not_(member)


def _subscription(condition: SubscriptionCondition, scope: Scope) -> Clause:
    """A missing row is not specified, as the state ``not_specified`` is."""
    said = (
        select(ONE)
        .select_from(subscriptions.join(subscription_types, subscription_types.c.id == subscriptions.c.type_id))
        .where(subscriptions.c.record_id == scope.record.c.id, subscription_types.c.slug == condition.subscription)
        .correlate(*scope.outer)
    )
    if condition.value == NOT_SPECIFIED:
        found = not_(exists(said.where(subscriptions.c.state != NOT_SPECIFIED)))
    else:
        found = exists(said.where(subscriptions.c.state == condition.value))
    return found if condition.op == "is" else not_(found)


def _workflow(condition: WorkflowCondition, scope: Scope) -> Clause:
    """What a record did in a workflow, as ``store.happenings`` reads it; of an associated one it is out of reach."""
    if scope.is_associated:
        return false()
    passages = enrollments.alias()
    found = (
        select(ONE)
        .select_from(passages.join(workflows, workflows.c.id == passages.c.workflow_id))
        .where(passages.c.record_id == scope.record.c.id, workflows.c.slug == condition.workflow)
        .correlate(*scope.outer)
    )
    match condition.status:
        case "active":
            return exists(found.where(passages.c.status != "ended"))
        case "completed":
            return exists(found.where(passages.c.status == "ended", passages.c.end_reason == "completed"))
        case "met_goal":
            reached = exists().where(goals_reached.c.enrollment_id == passages.c.id).correlate(passages)
            return exists(found.where(reached | (passages.c.end_reason == "goal")))
        case "enrolled":
            return exists(found)
        case _ as never:
            assert_never(never)
