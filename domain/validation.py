"""Examines what a person wrote: two passes that never stop, and a list of everything that is wrong.

The first pass reads every part on its own (``domain.parsing``), the second looks at references, types, graph and
action configs over all that could be read.
"""

from __future__ import annotations

from domain.anchor_rules import check_anchor, check_rounds
from domain.base import Frozen, Json
from domain.catalogue import Catalogue
from domain.compiling import compile_plan, size_problem
from domain.definition import Definition
from domain.entry_rules import check_entry, check_exit, check_head
from domain.examination import Examination
from domain.graph import draw
from domain.identities import give_ids
from domain.parsing import UNNAMED, parse
from domain.problems import Problem
from domain.schedule_rules import check_schedule
from domain.settings_rules import check_settings
from domain.step_rules import check_graph, check_steps


class Examined(Frozen):
    """The definition, or None when some of it could not be read, and every problem in the order of the document."""

    definition: Definition | None
    problems: tuple[Problem, ...]


def examine(raw: Json, catalogue: Catalogue) -> Examined:
    """Read a document as a definition and find every mistake in it; missing ids of ways and triggers are given.

    Never raises for anything written in the document. A definition without problems can be compiled.
    """
    raw = give_ids(raw)
    parsed = parse(raw)
    if parsed.definition is None:
        return Examined(definition=None, problems=parsed.problems)
    found = _second_pass(parsed.definition, catalogue, parsed.problems, parsed.broken)
    problems = (*parsed.problems, *found)
    if not problems:
        too_large = size_problem(compile_plan(parsed.definition, catalogue, workflow_id="0" * 36, version=1))
        problems = (too_large,) if too_large is not None else ()
    return Examined(
        definition=None if parsed.problems else parsed.definition,
        problems=tuple(sorted((_without_made_up_id(p) for p in problems), key=lambda p: _position(raw, p.path))),
    )


def _second_pass(
    definition: Definition, catalogue: Catalogue, earlier: tuple[Problem, ...], broken: frozenset[str]
) -> list[Problem]:
    x = Examination(definition=definition, catalogue=catalogue, earlier=earlier)
    graph = draw(definition)
    check_head(x)
    check_schedule(x)
    check_anchor(x)
    check_entry(x)
    check_exit(x)
    check_settings(x)
    check_steps(x, graph, broken)
    check_graph(x, graph, broken)
    if not broken:
        check_rounds(x, graph)
    return x.problems


def _without_made_up_id(problem: Problem) -> Problem:
    if problem.step is not None and problem.step.startswith(UNNAMED):
        return problem.model_copy(update={"step": None})
    return problem


def _position(raw: Json, path: str) -> tuple[int, ...]:
    """Where a pointer lies in the document, so that problems are told from top to bottom."""
    position: list[int] = []
    inner = raw
    for written in path.split("/")[1:]:
        key = written.replace("~1", "/").replace("~0", "~")
        if isinstance(inner, dict):
            keys = list(inner)
            position.append(keys.index(key) if key in inner else len(keys))
            inner = inner.get(key)
        elif isinstance(inner, list) and key.isdigit():
            position.append(int(key))
            inner = inner[int(key)] if int(key) < len(inner) else None
        else:
            break
    return tuple(position)
