"""Where one part of a condition stands in a statement: the record it is about, and how sets around it are asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

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
    select,
    true,
)
from sqlalchemy.sql.selectable import NamedFromClause

from domain.base import Json
from domain.conditions import CountScope, Of, Related
from domain.instants import Moment
from domain.schema import Schema
from store.comparisons import Side
from store.tables import associations, records

Clause: TypeAlias = ColumnElement[bool]

ONE = literal_column("1", Integer)


@dataclass(frozen=True, slots=True)
class Scope:
    """The record a part of the condition is about, and what is the same for all parts.

    ``inside``: the enrollment of the statement, if it asks about those inside; ``parameters`` None: each has its own,
    that no statement knows. ``event``: the one whose ``where`` is asked. ``counts``: which events count where a
    condition does not say.
    """

    schema: Schema
    moment: Moment
    parameters: dict[str, Json] | None
    record: FromClause
    object: str
    counts: CountScope
    inside: FromClause | None = None
    event: FromClause | None = None
    is_associated: bool = False
    """An associated record: its own associated records are out of reach, as in memory."""

    @property
    def outer(self) -> tuple[FromClause, ...]:
        """What a subquery may mention that stands outside it."""
        return (self.record, *(one for one in (self.inside, self.event) if one is not None))

    def side(self, record: FromClause, object: str, name: str) -> Side | None:
        """A property of a record of the statement; None when the schema does not know it."""
        found = self.schema.property(object, name)
        return Side(definition=found, record=record, object=object) if found else None


def total(clause: Clause) -> Clause:
    """Null is false, so that ``not`` has two answers only."""
    return func.coalesce(clause, false())


def quantified(of: Of | Related, scope: Scope, holds: Callable[[FromClause], Clause], *beside: FromClause) -> Clause:
    """Whether ``holds`` is true of any (also: of the latest), all or none of the associated records.

    ``beside`` are other records of the statement that ``holds`` mentions.
    """
    if scope.is_associated:
        return true() if of.match == "none" else false()
    links, record, found = set_of(of, scope, *beside)
    held = exists(found.where(holds(record)))
    match of.match:
        case "none":
            return not_(held)
        case "all":
            return and_(exists(found), not_(exists(found.where(not_(holds(record))))))
        case "latest":
            newest_links, _, newest = set_of(of, scope)
            newest = newest.with_only_columns(newest_links.c.other_id, maintain_column_froms=True).order_by(
                newest_links.c.created_at.desc(), newest_links.c.other_id.desc()
            )
            first = newest.limit(1).scalar_subquery()
            return exists(found.where(links.c.other_id == first, holds(record)))
        case _:
            return held


def set_of(
    of: Of | Related, scope: Scope, *beside: FromClause, counted: bool = False
) -> tuple[NamedFromClause, NamedFromClause, Select[int]]:
    """Links to the associated records meant, those records, and the statement that finds them; no deleted ones.

    What is bound stands in when neither match, label nor count (``counted``) says which.
    """
    links, others = associations.alias(), records.alias()
    found = (
        select(ONE)
        .select_from(links.join(others, others.c.id == links.c.other_id))
        .where(links.c.record_id == scope.record.c.id, links.c.other_object == of.object)
        .where(others.c.deleted_at.is_(None))
        .correlate(*scope.outer, *beside)
    )
    if of.label is not None:
        return links, others, found.where(links.c.label == of.label)
    if scope.inside is not None and of.match is None and not counted:
        inside = scope.inside.c
        found = found.where(inside.bound_object.is_distinct_from(of.object) | (links.c.other_id == inside.bound_id))
    return links, others, found
