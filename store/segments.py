"""Decides how a condition is asked as SQL over the records table, with the same answer as ``domain.judging.judge``.

Each part is either true or false, never null, so ``not`` is total. The caller restricts the object type and leaves
deleted records out. There is no bound record here: nothing stands in for a set of associated records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias, assert_never

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.sql.selectable import NamedFromClause

from domain.base import Json
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
from domain.facts import Facts, RecordFacts
from domain.instants import Moment
from domain.judging import judge
from domain.operators import NEGATIVE, PRESENCE, ConditionNotAvailable, operand
from domain.schema import Schema
from store.comparisons import NotCompilable, Side, against, against_property
from store.tables import associations, records

Clause: TypeAlias = ColumnElement[bool]


def compile(
    condition: Condition,
    *,
    schema: Schema,
    object: str,
    now: datetime,
    zone: str,
    parameters: Mapping[str, Json] | None = None,
) -> Clause:
    """``condition`` on records of type ``object``, as a clause over ``store.tables.records``.

    ``zone`` is the IANA name whose days count; ``parameters`` are those given at enrollment, if any.

    Raises:
        NotCompilable: no database can answer it as memory does; see the class.
        ConditionNotAvailable: the condition is of a kind that validation refuses in this version.
    """
    scope = _Scope(
        schema=schema,
        moment=Moment(now=now, zone=zone),
        parameters=dict(parameters or {}),
        record=records,
        object=object,
    )
    return _condition(condition, scope)


@dataclass(frozen=True, slots=True)
class _Scope:
    """The record a part of the condition is about, and what is the same for all parts."""

    schema: Schema
    moment: Moment
    parameters: dict[str, Json]
    record: FromClause
    object: str
    is_associated: bool = False
    """An associated record: its own associated records are out of reach, as in memory."""


def _condition(condition: Condition, scope: _Scope) -> Clause:
    match condition:
        case All():
            return and_(true(), *(_condition(part, scope) for part in condition.all))
        case Any():
            return or_(false(), *(_condition(part, scope) for part in condition.any))
        case Not():
            return not_(_condition(condition.not_, scope))
        case PropertyCondition():
            return _property(condition, scope)
        case RelatedCondition():
            return _related(condition, scope)
        case ParameterCondition():
            return true() if _parameter_holds(condition, scope) else false()
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


def _parameter_holds(condition: ParameterCondition, scope: _Scope) -> bool:
    """A parameter is the same for every record, so it is judged once, here."""
    if isinstance(condition.value, PropertyValue):
        raise NotCompilable("a parameter cannot be compared with a property in SQL")
    facts = Facts(
        schema_=scope.schema,
        record=RecordFacts(id="", object=scope.object, properties={}),
        parameters=scope.parameters,
        now=scope.moment.now,
        zone=scope.moment.zone,
    )
    return judge(condition, facts).holds


def _property(condition: PropertyCondition, scope: _Scope) -> Clause:
    of = condition.of
    if of is None:
        return _comparison(condition, scope, scope.record, scope.object)
    return _quantified(of, scope, lambda record: _comparison(condition, scope, record, of.object))


def _comparison(condition: PropertyCondition, scope: _Scope, record: FromClause, object: str) -> Clause:
    """One comparison of a property of ``record``; never null."""
    op = condition.op
    left = _side(scope, record, object, condition.property)
    if left is None:
        return true() if op == "unknown" or (op in NEGATIVE and condition.include_blank) else false()
    if op in PRESENCE:
        return left.known if op == "known" else not_(left.known)
    held = _total(_right(condition, scope, left))
    return or_(not_(left.known), held) if op in NEGATIVE and condition.include_blank else and_(left.known, held)


def _right(condition: PropertyCondition, scope: _Scope, left: Side) -> Clause:
    """The comparison with whatever the right side is; may be null."""
    value = condition.value
    match value:
        case PropertyValue(of=None):
            right = _side(scope, left.record, left.object, value.property)
            return against_property(condition.op, left, right) if right else false()
        case PropertyValue(of=Of() as of):
            return _quantified(of, scope, lambda record: _with_other(condition, scope, left, record), left.record)
        case EntryEventValue():
            raise ConditionNotAvailable("the event that caused entry")
        case OutputValue():
            raise ConditionNotAvailable("outputs of steps")
        case _:
            written = scope.parameters.get(value.parameter) if isinstance(value, ParameterValue) else value
            right_ = operand(left.type, condition.op, written, scope.moment)
            return false() if right_ is None else against(condition.op, left, right_)


def _with_other(condition: PropertyCondition, scope: _Scope, left: Side, record: FromClause) -> Clause:
    assert isinstance(condition.value, PropertyValue)
    assert condition.value.of is not None
    right = _side(scope, record, condition.value.of.object, condition.value.property)
    return _total(against_property(condition.op, left, right)) if right else false()


def _side(scope: _Scope, record: FromClause, object: str, name: str) -> Side | None:
    found = scope.schema.property(object, name)
    return Side(definition=found, record=record, object=object) if found else None


def _total(clause: Clause) -> Clause:
    """Null is false, so that ``not`` has two answers only."""
    return func.coalesce(clause, false())


def _related(condition: RelatedCondition, scope: _Scope) -> Clause:
    """All of ``where`` on the same record; a count asks how many records it holds on, whatever ``match`` says."""
    wanted = condition.related

    def where(record: FromClause) -> Clause:
        return _condition(condition.where, replace(scope, record=record, object=wanted.object, is_associated=True))

    if condition.count is None:
        return _quantified(wanted, scope, where)
    low, high = condition.count.at_least or 0, condition.count.at_most
    if scope.is_associated:
        return true() if low <= 0 and (high is None or high >= 0) else false()
    _, record, found = _set(wanted, scope)
    count = found.with_only_columns(func.count(), maintain_column_froms=True).where(where(record)).scalar_subquery()
    return and_(count >= low, count <= high) if high is not None else count >= low


def _quantified(of: Of | Related, scope: _Scope, holds: Callable[[FromClause], Clause], *beside: FromClause) -> Clause:
    """Whether ``holds`` is true of any (also: of the latest), all or none of the associated records.

    ``beside`` are other records of the statement that ``holds`` mentions.
    """
    if scope.is_associated:
        return true() if of.match == "none" else false()
    links, record, found = _set(of, scope, *beside)
    held = exists(found.where(holds(record)))
    match of.match:
        case "none":
            return not_(held)
        case "all":
            return and_(exists(found), not_(exists(found.where(not_(holds(record))))))
        case "latest":
            newest_links, _, newest = _set(of, scope)
            newest = newest.with_only_columns(newest_links.c.other_id, maintain_column_froms=True).order_by(
                newest_links.c.created_at.desc(), newest_links.c.other_id.desc()
            )
            first = newest.limit(1).scalar_subquery()
            return exists(found.where(links.c.other_id == first, holds(record)))
        case _:
            return held


def _set(of: Of | Related, scope: _Scope, *beside: FromClause) -> tuple[NamedFromClause, NamedFromClause, Select[int]]:
    """Links to the associated records meant, those records, and the statement that finds them; no deleted ones."""
    links, others = associations.alias(), records.alias()
    found = (
        select(literal_column("1", Integer))
        .select_from(links.join(others, others.c.id == links.c.other_id))
        .where(links.c.record_id == scope.record.c.id, links.c.other_object == of.object)
        .where(others.c.deleted_at.is_(None))
        .correlate(scope.record, *beside)
    )
    return links, others, found.where(links.c.label == of.label) if of.label is not None else found
