"""The state of the second pass: what is examined, what it may refer to, and the problems found so far."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from domain.catalogue import Catalogue
from domain.definition import Definition, Parameter
from domain.problems import Problem, ProblemCode
from domain.reader import similar
from domain.schema import PropertyDefinition

Place: TypeAlias = Literal["trigger", "inside"]
"""Where a condition stands: before anybody entered, or about somebody who does or has."""

# A field that is wrong was told already and stands at its default: what follows from the default is no news.
_FOLLOWS: frozenset[ProblemCode] = frozenset(
    {"missing_field", "wrong_value", "wrong_type", "unknown_object", "zero_duration"}
)


@dataclass
class Examination:
    """One second pass. ``step`` is the id of the step being looked at, ``template_work`` what its templates took."""

    definition: Definition
    catalogue: Catalogue
    earlier: tuple[Problem, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    step: str | None = None
    template_work: int = 0

    def tell(self, path: str, code: ProblemCode, message: str) -> None:
        """Note a problem, unless it only follows from one of the first pass."""
        if code in _FOLLOWS and any(_explains(p, path, code) for p in self.earlier):
            return
        problem = Problem(step=self.step, path=path, code=code, message=message)
        if problem not in self.problems:
            self.problems.append(problem)

    def spoiled(self, path: str) -> bool:
        """Whether the first pass told a problem at this place or below it, so that a default stands there."""
        return any(p.path == path or p.path.startswith(path + "/") for p in self.earlier)

    def refuse(self, path: str, what: str) -> None:
        """Note that something of the format is not built yet."""
        self.tell(path, "not_available", f"{what} is not available in this version; take it out to publish")

    @contextmanager
    def inside(self, step_id: str) -> Iterator[None]:
        """Problems found in this block belong to the step."""
        outer, self.step = self.step, step_id
        yield
        self.step = outer

    def parameter(self, name: str) -> Parameter | None:
        """The declared parameter of this name."""
        return next((p for p in self.definition.parameters if p.name == name), None)

    def known_object(self, name: str, path: str) -> bool:
        """Whether the object type exists; told when not."""
        if self.catalogue.schema.object(name) is not None:
            return True
        if name:
            known = self.catalogue.schema.objects
            self.tell(path, "unknown_object", f"there is no object type {name!r}{similar(name, known)}")
        return False

    def known_list(self, slug: str, object: str, path: str) -> bool:
        """Whether there is a list of records of ``object``; told when not."""
        lists = self.catalogue.lists
        found = lists.get(slug)
        if found == object:
            return True
        if found is None:
            near = similar(slug, [each for each, about in lists.items() if about == object])
            self.tell(path, "unknown_list", f"there is no list {slug!r}{near}")
        else:
            self.tell(path, "unknown_list", f"list {slug!r} holds records of {found}, not of {object}")
        return False

    def known_subscription(self, slug: str, path: str) -> bool:
        """Whether there is a subscription type that is in use; told when not."""
        types = self.catalogue.subscription_types
        if types.get(slug) is False:
            return True
        if slug in types:
            self.tell(path, "unknown_subscription", f"subscription type {slug!r} is archived")
        else:
            near = similar(slug, [each for each, archived in types.items() if not archived])
            self.tell(path, "unknown_subscription", f"there is no subscription type {slug!r}{near}")
        return False

    def known_team(self, slug: str, path: str) -> bool:
        """Whether there is a team that is in use; told when not."""
        teams = self.catalogue.teams
        if teams.get(slug) is False:
            return True
        if slug in teams:
            self.tell(path, "unknown_team", f"team {slug!r} is archived")
        else:
            near = similar(slug, [each for each, archived in teams.items() if not archived])
            self.tell(path, "unknown_team", f"there is no team {slug!r}{near}")
        return False

    def known_property(self, object: str, name: str, path: str) -> PropertyDefinition | None:
        """The property of an existing object type, or None; told when the type has no such property."""
        found = self.catalogue.schema.object(object)
        if found is None:
            return None
        if (known := found.property(name)) is None:
            near = similar(name, found.properties)
            self.tell(path, "unknown_property", f"{object} has no property {name!r}{near}")
        return known


def _explains(earlier: Problem, path: str, code: ProblemCode) -> bool:
    """Whether what is wrong at ``path`` is wrong because of an earlier problem in it, around it, or right beside it."""
    inside = earlier.path == path or earlier.path.startswith(path + "/")
    around = earlier.code == "wrong_type" and path.startswith(earlier.path + "/")
    misspelt = (code, earlier.code) == ("missing_field", "unknown_field") and _parent(earlier.path) == _parent(path)
    return inside or around or misspelt


def _parent(path: str) -> str:
    return path.rsplit("/", 1)[0]
