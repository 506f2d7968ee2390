"""Where a definition uses something: what would be wrong with it if that were not there.

Validation knows every reference a definition makes, those of actions that are added tomorrow included. So a definition
is examined twice, with the thing and without it; what is wrong only the second time is where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Literal, TypeAlias, TypeVar

from domain.base import Frozen, Json
from domain.catalogue import Catalogue
from domain.problems import Problem
from domain.reader import join
from domain.schema import Schema
from domain.validation import examine

ThingKind: TypeAlias = Literal[
    "property", "list", "email", "user", "team", "subscription", "workflow", "secret", "event"
]  # fmt: skip

V = TypeVar("V")

PLACES: Mapping[str, str] = {
    "/entry/triggers": "a trigger",
    "/entry/suppress": "suppression",
    "/entry/remove_from": "what it takes out of other workflows",
    "/entry/re_entry": "re-entry",
    "/exit/goals": "a goal",
    "/exit/when": "an exit",
    "/settings": "settings",
    "/anchor": "the date it counts from",
    "/parameters": "a parameter",
}
"""What people call the parts of a definition."""


class Thing(Frozen):
    """What is looked for: ``name`` is a slug, a name or an id; of a property with its ``object``."""

    kind: ThingKind
    name: str
    object: str = ""

    @property
    def words(self) -> str:
        """What it is called: ``property contact.score``."""
        return f"{self.kind} {self.object}.{self.name}" if self.object else f"{self.kind} {self.name}"


class Use(Frozen):
    """One place. ``path`` is a JSON Pointer into the document, ``step`` the step it lies in, if any."""

    path: str
    step: str | None
    where: str


def without(catalogue: Catalogue, thing: Thing) -> Catalogue:
    """The catalogue as if the thing were not there."""
    match thing.kind:
        case "property":
            return replace(catalogue, schema=_without_property(catalogue.schema, thing))
        case "list":
            return replace(catalogue, lists=_less(catalogue.lists, thing.name))
        case "email":
            return replace(catalogue, emails=_less(catalogue.emails, thing.name))
        case "user":
            return replace(catalogue, users=catalogue.users - {thing.name})
        case "team":
            return replace(catalogue, teams=_less(catalogue.teams, thing.name))
        case "subscription":
            return replace(catalogue, subscription_types=_less(catalogue.subscription_types, thing.name))
        case "workflow":
            return replace(catalogue, workflows=_less(catalogue.workflows, thing.name))
        case "secret":
            return replace(catalogue, secrets=catalogue.secrets - {thing.name})
        case "event":
            return catalogue


def hints(catalogue: Catalogue, thing: Thing) -> frozenset[str]:
    """Texts of which a definition that uses the thing holds at least one; most definitions hold none.

    An email that reads a property stands for it in the steps that send it.
    """
    emails = catalogue.emails.items() if thing.kind == "property" else ()
    return frozenset({thing.name, *(slug for slug, email in emails if _may_read(email.reads, thing))})


def uses(raw: Json, catalogue: Catalogue, thing: Thing) -> list[Use]:
    """Where a definition uses the thing, in the order of the document."""
    if thing.kind == "event":
        return [Use(path=path, step=_step_at(raw, path), where=_where(path)) for path in _events(raw, thing.name, "")]
    known = {_key(each) for each in examine(raw, catalogue).problems}
    found: dict[str, Problem] = {}
    for problem in examine(raw, without(catalogue, thing)).problems:
        if _key(problem) not in known:
            found.setdefault(problem.path, problem)
    return [Use(path=path, step=each.step, where=_where(path)) for path, each in found.items()]


def _may_read(variables: Iterable[tuple[str, ...]], thing: Thing) -> bool:
    return any(path[1:2] == (thing.name,) for path in variables)


def reads_property(variables: Iterable[tuple[str, ...]], thing: Thing) -> bool:
    """Whether templates with these variables read a property."""
    return thing.kind == "property" and any(path[:2] == (thing.object, thing.name) for path in variables)


def _key(problem: Problem) -> tuple[str, str, str]:
    return problem.path, problem.code, problem.message


def _where(path: str) -> str:
    if path.startswith("/steps"):
        return "a step"
    return next((words for prefix, words in PLACES.items() if path.startswith(prefix)), "its head")


def _events(value: Json, name: str, path: str) -> Iterator[str]:
    """The places that name an event: wherever a document says ``event``."""
    if isinstance(value, dict):
        if value.get("event") == name:
            yield join(path, "event")
        for key, inner in value.items():
            yield from _events(inner, name, join(path, key))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _events(inner, name, join(path, n))


def _step_at(raw: Json, path: str) -> str | None:
    """The id of the innermost step on the way to a place."""
    at, found = raw, None
    for part in path.split("/")[1:]:
        at = at[int(part)] if isinstance(at, list) else at.get(part) if isinstance(at, dict) else None
        if isinstance(at, dict) and "kind" in at and isinstance(at.get("id"), str):
            found = str(at["id"])
    return found


def _less(known: Mapping[str, V], name: str) -> dict[str, V]:
    return {key: value for key, value in known.items() if key != name}


def _without_property(schema: Schema, thing: Thing) -> Schema:
    known = schema.objects.get(thing.object)
    if known is None:
        return schema
    less = known.model_copy(update={"properties": _less(known.properties, thing.name)})
    return schema.model_copy(update={"objects": {**schema.objects, thing.object: less}})
