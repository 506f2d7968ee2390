"""Renders a template that is being saved for records that are made up, to see whether it can be rendered at all.

What explodes by itself is refused here, while its author is looking, and not at the moment of sending. Every record
tried is one that could exist and is the same from the first tag to the last, so that no template is refused for what
no record can make it do: first every variable is a short text, then a small number, then nothing. Those leave out the
branches behind a comparison, so next every variable that is compared with a literal has that literal (or a number
beside it), and every other variable has the literals in turn. Only a spent budget counts; a filter that cannot work
with such a value does not. What still hides, say behind two comparisons that no record tried meets at once, runs into
the same budget when it is rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from liquid import BoundTemplate, StrictDefaultUndefined
from liquid.builtin.expressions import Path
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LtExpression,
    NeExpression,
)
from liquid.builtin.expressions.primitive import (
    Blank,
    Empty,
    FalseLiteral,
    FloatLiteral,
    IntegerLiteral,
    StringLiteral,
    TrueLiteral,
)
from liquid.builtin.tags.case_tag import MultiExpressionBlockNode
from liquid.exceptions import LiquidError, LiquidInterrupt, ResourceLimitError, StopRender
from liquid.expression import Expression

from gateways.template_budget import BudgetedContext, BudgetedOutput, TooMuch, parts_of

# No other record is tried once this is spent; the last one may spend a whole budget on top. A usual email takes some
# hundreds for each record.
ENOUGH = 5_000
# What trying a record costs before anything is rendered, in units of the budget.
_START = 20

Value: TypeAlias = str | int | float | bool | None
# The value of a variable by its path; a record of the trial.
_Record: TypeAlias = Callable[[tuple[object, ...]], Value]

_Literal: TypeAlias = tuple[type, str | int | float]

TEXT = "text"
# What the engine lets through when a tag or a filter cannot work with a value.
_OF_A_VALUE = (
    LiquidError,
    LiquidInterrupt,
    StopRender,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
_COMPARISONS = (
    EqExpression,
    NeExpression,
    LtExpression,
    LeExpression,
    GtExpression,
    GeExpression,
    ContainsExpression,
)


@dataclass(frozen=True)
class Trial:
    """What trying cost, in units of the budget, and the error by which the template ran out of one."""

    work: int
    refused: LiquidError | None = None


class _TrialContext(BudgetedContext):
    """A rendering in which everything exists."""

    __slots__ = ("_record",)

    def __init__(self, template: BoundTemplate, record: _Record) -> None:
        super().__init__(template, globals={})
        self._record = record

    def get(self, path: list[object], *args: Any, **kwargs: Any) -> object:
        """Look up what the template named itself, else what the record has."""
        found = super().get(path, *args, **kwargs)
        return self._record(tuple(path)) if issubclass(type(found), StrictDefaultUndefined) else found


def tried(template: BoundTemplate) -> Trial:
    """Render ``template``, which is on its budget, for a few records.

    The same template always costs the same: at most ``ENOUGH`` units and one budget.
    """
    work = 0
    for record in _records(template):
        context = _TrialContext(template, record)
        refused = _rendered(template, context)
        work += context.spent + _START
        if refused is not None or work > ENOUGH:
            return Trial(work, refused)
    return Trial(work)


def _rendered(template: BoundTemplate, context: _TrialContext) -> LiquidError | None:
    output = BudgetedOutput(context)
    for node in template.nodes:
        try:
            node.render(context, output)
        except (TooMuch, ResourceLimitError) as refused:
            refused.token = refused.token or node.token
            return refused
        except _OF_A_VALUE:
            # A real record may have a better value, and what comes next may explode with it.
            continue
    return None


def _records(template: BoundTemplate) -> Iterator[_Record]:
    yield lambda _: TEXT
    yield lambda _: 1
    yield lambda _: None
    own: dict[tuple[object, ...], dict[_Literal, None]] = {}
    every: dict[_Literal, None] = {}
    for sides in _comparisons(template):
        literals = dict.fromkeys(value for side in sides for value in _values(side))
        every |= literals
        for side in sides:
            if isinstance(side, Path):
                own.setdefault(side.location(), {}).update(literals)
    listed = {path: list(literals) for path, literals in own.items() if literals}
    for turn in range(len(every)):
        yield _record(listed, list(every), turn)


def _record(own: dict[tuple[object, ...], list[_Literal]], every: list[_Literal], turn: int) -> _Record:
    def value(path: tuple[object, ...]) -> Value:
        literals = own.get(path, every)
        return literals[turn % len(literals)][1]

    return value


def _comparisons(template: BoundTemplate) -> Iterator[list[Expression]]:
    """What stands on the sides of each comparison."""
    for part in parts_of(template, template.nodes):
        if isinstance(part, _COMPARISONS):
            yield [part.left, part.right]
        elif isinstance(part, MultiExpressionBlockNode):
            yield [part.expression.left, *part.expression.expressions]


def _values(side: Expression) -> list[_Literal]:
    """A literal, and what is beside it so that ``>`` and ``<`` hold as well. 1 is not True, hence the types."""
    values: list[str | int | float] = []
    if isinstance(side, IntegerLiteral | FloatLiteral):
        values = [side.value, side.value + 1, side.value - 1]
    elif isinstance(side, StringLiteral):
        values = [side.value]
    elif isinstance(side, TrueLiteral | FalseLiteral):
        values = [True, False]
    elif isinstance(side, Empty | Blank):
        values = [""]
    return [(type(value), value) for value in values]
