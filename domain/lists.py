"""Lists of records: what one is, and whether the conditions of several lead in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.base import Frozen, Instant, Json
from domain.conditions import All, Any, Condition, EventCondition, ListCondition, Not, RelatedCondition
from domain.reader import join


class RecordList(Frozen):
    """A list of records of one object type.

    ``condition`` None: static, members are put in and taken out one by one. Else dynamic: whoever satisfies the
    condition is a member. ``revision`` counts its conditions, so that a judgement by an older one is recognised.
    """

    id: str
    slug: str
    name: str
    object: str
    condition: dict[str, Json] | None
    revision: int
    created_at: Instant
    updated_at: Instant

    @property
    def is_dynamic(self) -> bool:
        """Whether its members follow a condition."""
        return self.condition is not None


def lists_named(condition: Condition, path: str = "") -> Iterator[tuple[str, str]]:
    """Every list a condition names, as (JSON Pointer of the name, slug), in the order of the document."""
    match condition:
        case All():
            for i, part in enumerate(condition.all):
                yield from lists_named(part, join(path, "all", i))
        case Any():
            for i, part in enumerate(condition.any):
                yield from lists_named(part, join(path, "any", i))
        case Not():
            yield from lists_named(condition.not_, join(path, "not"))
        case RelatedCondition():
            yield from lists_named(condition.where, join(path, "where"))
        case EventCondition(where=where) if where is not None:
            yield from lists_named(where, join(path, "where"))
        case ListCondition():
            yield join(path, "list"), condition.list
        case _:
            return


def circle(slug: str, named: str, others: Mapping[str, frozenset[str]]) -> list[str] | None:
    """The way from list ``slug`` through ``named`` back to it, as slugs; None when it never comes back.

    ``others`` says which lists each list names in its condition; the shortest way is told.
    """
    ways = [[slug, named]]
    visited = {slug}
    while ways:
        way = ways.pop(0)
        if way[-1] == slug:
            return way
        if way[-1] not in visited:
            visited.add(way[-1])
            ways += [[*way, following] for following in sorted(others.get(way[-1], ()))]
    return None
