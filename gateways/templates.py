"""Liquid, made safe: what a template may contain, what it reads, and its rendering within a fixed budget.

Authors are trusted with what they write, but not with the installation: no template, and no value that a contact
typed into a form, may stop a worker. A source is looked over before it is parsed (template_source), its loops and
filters are put on a budget (template_budget), and whatever still goes wrong is a failed step.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from liquid import BoundTemplate, Environment, Mode, StrictDefaultUndefined
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, StringLiteral
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.tablerow_tag import TablerowNode
from liquid.context import RenderContext
from liquid.exceptions import LiquidError
from liquid.static_analysis import Variable

from domain.base import Json
from domain.errors import StepFailed
from domain.ports import TemplateCheck, TemplateProblem
from gateways.template_budget import (
    LONGEST_RANGE,
    NO_PRESENT,
    PRESENT,
    BudgetedContext,
    BudgetedOutput,
    parts_of,
    put_filters_on_budget,
    put_on_budget,
    ranges_are_short,
)
from gateways.template_source import line_of, problem_of_source
from gateways.template_trial import tried

# A parsed template takes 25 to 75 times the memory of its source, so this is some 75 MB at most.
_CACHED_SOURCE_CHARACTERS = 1_000_000
# An error that quotes a large value is of use to nobody.
_LONGEST_MESSAGE = 300


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""What neither a database nor a mail holds; filters can make it."""


class _Environment(Environment):
    block_nesting_limit = 20
    context_depth_limit = 30
    loop_iteration_limit = 10_000


@dataclass
class _Parsed:
    """A source and what came of it: a template, or the problems for which there is none."""

    template: BoundTemplate | None
    problems: tuple[TemplateProblem, ...] = ()
    # Looked into once: a version's templates are asked about again for every process that sends them.
    checked: TemplateCheck | None = None


class LiquidTemplates:
    """Liquid for subjects, texts and HTML. Safe to share between threads.

    Unknown variables are errors, except before ``default:``; a property that is None renders empty. Tags that load
    other templates do not exist, nor does the filter that would switch escaping off.
    """

    def __init__(self) -> None:
        self._environments = {html: _environment(html=html) for html in (False, True)}
        self._parsed: OrderedDict[tuple[bool, str], _Parsed] = OrderedDict()
        self._parsed_characters = 0
        self._lock = threading.Lock()

    def check(self, source: str) -> TemplateCheck:
        """Every problem that can be seen without a record, and the variables that are read.

        The template is tried on records that are made up (template_trial); what explodes there is unsafe.

        Variables are paths up to the first index that is not a plain name: ``{{ steps.hook.items[0].sku }}`` gives
        ``("steps", "hook", "items")``. Names that the template gives itself are left out.
        """
        # Escaping makes texts longer, never shorter, so what is too much as text is too much as HTML.
        parsed = self._parse(source, html=False)
        if parsed.checked is None:
            parsed.checked = _check(source, parsed)
        return parsed.checked

    def render(self, source: str, variables: Mapping[str, Json], *, html: bool) -> str:
        """The text of ``source`` with ``variables``: ``{"contact": {"first_name": "Ana", "city": None}}``.

        ``html`` escapes every value; what the author wrote stays as written.

        Raises:
            StepFailed: ``bad_template`` with the engine's words, for whatever goes wrong.
        """
        parsed = self._parse(source, html=html)
        if parsed.template is None:
            raise StepFailed("bad_template", parsed.problems[0].message)
        context = BudgetedContext(parsed.template, globals=variables)
        output = BudgetedOutput(context)
        try:
            parsed.template.render_with_context(context, output)
        # The engine lets errors of numbers, dates and recursion pass as they are; each is a template that cannot be
        # rendered with this data.
        except Exception as refused:
            raise StepFailed("bad_template", _words(source, refused)) from refused
        text = output.getvalue()
        if _UNSTORABLE.search(text) is not None:
            raise StepFailed("bad_template", "it renders to a zero byte or half a character, which no message holds")
        return text

    def _parse(self, source: str, *, html: bool) -> _Parsed:
        key = (html, source)
        with self._lock:
            if (known := self._parsed.get(key)) is not None:
                self._parsed.move_to_end(key)
                return known
        parsed = _parse(self._environments[html], source)
        with self._lock:
            if key not in self._parsed:
                self._parsed[key] = parsed
                self._parsed_characters += len(source)
            while self._parsed_characters > _CACHED_SOURCE_CHARACTERS:
                (_, oldest), _ = self._parsed.popitem(last=False)
                self._parsed_characters -= len(oldest)
        return parsed


def _environment(*, html: bool) -> Environment:
    env = _Environment(undefined=StrictDefaultUndefined, strict_filters=True, tolerance=Mode.STRICT, autoescape=html)
    for name in ("include", "render"):
        del env.tags[name]
    put_filters_on_budget(env)
    return env


def _parse(env: Environment, source: str) -> _Parsed:
    if problem := problem_of_source(source):
        return _Parsed(None, (problem,))
    try:
        template = env.from_string(source)
    except (LiquidError, RecursionError) as refused:
        return _Parsed(None, (TemplateProblem(message=_words(source, refused)),))
    if problems := _unsafe(template, source):
        return _Parsed(None, problems)
    put_on_budget(template)
    return _Parsed(template)


def _check(source: str, parsed: _Parsed) -> TemplateCheck:
    if parsed.template is None:
        return TemplateCheck(problems=parsed.problems)
    analysis = parsed.template.analyze(include_partials=False)
    unknown = sorted(name for name in analysis.filters if name not in parsed.template.env.filters)
    problems = [TemplateProblem(message=f"there is no filter {name}") for name in unknown]
    problems += _uses_of_the_present(parsed.template, source)
    trial = tried(parsed.template)
    if trial.refused is not None:
        message = f"{_words(source, trial.refused)} (tried with a few short values)"
        problems.append(TemplateProblem(message=message, unsafe=True))
    paths = {_path(variable) for variables in analysis.globals.values() for variable in variables}
    return TemplateCheck(problems=tuple(problems), variables=tuple(sorted(paths)), work=trial.work)


def _unsafe(template: BoundTemplate, source: str) -> tuple[TemplateProblem, ...]:
    problems = [
        f"Line {line_of(source, part.token.start_index)}: a range is written as two whole numbers "
        f"and spans at most {LONGEST_RANGE}"
        for part in parts_of(template, template.nodes)
        if not ranges_are_short(part)
    ]
    limit = _Environment.loop_iteration_limit
    if not problems and _iterations(template.nodes, RenderContext(template)) > limit:
        problems.append(f"loops inside loops repeat more than {limit} times")
    return tuple(TemplateProblem(message=problem, unsafe=True) for problem in problems)


def _uses_of_the_present(template: BoundTemplate, source: str) -> list[TemplateProblem]:
    """Rendering refuses ``'now' | date`` whatever the data, so the author should learn it when saving."""
    return [
        TemplateProblem(message=f"Line {line_of(source, part.token.start_index)}: {NO_PRESENT}")
        for part in parts_of(template, template.nodes)
        if isinstance(part, FilteredExpression)
        and isinstance(part.left, StringLiteral)
        and part.left.value in PRESENT
        and any(used.name == "date" for used in part.filters or [])
    ]


def _iterations(nodes: list[Node], static: RenderContext) -> int:
    """How often the innermost of loops over ranges is repeated; loops over data count once, their length is unknown."""
    most = 1
    for node in nodes:
        own = 1
        if isinstance(node, ForNode | TablerowNode) and isinstance(span := node.expression.iterable, RangeLiteral):
            own = max(1, len(span.evaluate(static)))
        most = max(most, own * _iterations(list(node.children(static, include_partials=False)), static))
    return most


def _path(variable: Variable) -> tuple[str, ...]:
    names: list[str] = []
    for segment in variable.segments:
        if not isinstance(segment, str):
            break
        names.append(segment)
    return tuple(names)


def _words(source: str, refused: BaseException) -> str:
    if isinstance(refused, RecursionError):
        return "the template is nested too deeply"
    if not isinstance(refused, LiquidError):
        return f"{type(refused).__name__}: {refused}"[:_LONGEST_MESSAGE]
    if refused.message == "unexpected liquid parsing error" and refused.__cause__ is not None:
        return _words(source, refused.__cause__)
    message = str(refused.message)[:_LONGEST_MESSAGE]
    if refused.token is None or not 0 <= refused.token.start_index < len(source):
        return message
    return f"Line {line_of(source, refused.token.start_index)}: {message}"
