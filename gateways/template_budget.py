"""Bounds what rendering a template may cost, in time and in memory, whatever the template and the data are.

The engine's own limits count output, nesting and the product of nested loops. They do not see a filter that turns
2 kB into 300 MB, a loop in C that holds the interpreter, or a thousand loops in a row. So every loop iteration,
lookup, filter, assignment and write is charged to one budget per rendering, and every value that a filter takes or
gives is measured before it can grow. Counted in work, never in seconds: the same rendering always ends the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from io import StringIO
from typing import Any, TextIO

from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import BlockNode, Node
from liquid.builtin.expressions.primitive import IntegerLiteral, RangeLiteral
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.tablerow_tag import TablerowNode
from liquid.exceptions import FilterArgumentError, LiquidError
from liquid.expression import Expression
from liquid.output import LimitedStringIO
from liquid.undefined import Undefined
from liquid.utils import ReadOnlyChainMap

# One unit is about a microsecond of the interpreter; a 3 kB email with a loop of ten rows needs some hundreds.
BUDGET = 300_000
LARGEST_OUTPUT_BYTES = 1_000_000
# What goes into a filter and what comes out, in characters or items.
LARGEST_VALUE = 100_000
LONGEST_LIST = 5_000
# Every float has an integer part of at most 1,024 bits.
LARGEST_INTEGER_BITS = 2_048
MOST_NAMES = 200
LONGEST_RANGE = 1_000
LONGEST_DATE_FORMAT = 100

# What other Liquid engines replace by the present instant.
PRESENT = ("now", "today")
NO_PRESENT = "a template does not know the present; use a date of the record"

_Filter = Callable[..., Any]


class TooMuch(LiquidError):
    """The template asks for more than a rendering may cost."""

    def __init__(self, message: str) -> None:
        super().__init__(message, token=None)


class BudgetedContext(RenderContext):
    """The state of one rendering; knows nothing but the variables it is given (the engine's own knows the time)."""

    __slots__ = ("spent",)

    def __init__(self, template: BoundTemplate, *, globals: Mapping[str, object], **rest: Any) -> None:
        super().__init__(template, globals=globals, **rest)
        self.spent = 0
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)

    def charge(self, units: int) -> None:
        """Spend ``units``.

        Raises:
            TooMuch: more is spent than one rendering has.
        """
        self.spent += units
        if self.spent > BUDGET:
            raise TooMuch("the template takes too long; use fewer or shorter loops and texts")

    def get(self, path: list[object], *args: Any, **kwargs: Any) -> object:
        """Look up a variable; a long value costs more, since whatever is done with it next takes longer."""
        found = super().get(path, *args, **kwargs)
        self.charge(1 + _length(found) // (1_000 if _is_a(found, str) else 100))
        return found

    def assign(self, key: str, val: Any) -> None:
        """Name a value."""
        self.charge(1 + measure(val) // 20)
        super().assign(key, val)
        if len(self.locals) > MOST_NAMES:
            raise TooMuch(f"a template names at most {MOST_NAMES} values of its own")

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """A place to write to; what is written and then thrown away costs the same."""
        return BudgetedOutput(self)


class BudgetedOutput(LimitedStringIO):
    """Text being written."""

    def __init__(self, context: BudgetedContext) -> None:
        super().__init__(limit=LARGEST_OUTPUT_BYTES)
        self._context = context

    def write(self, text: str, /) -> int:
        """Write, as long as the budget and the largest output allow."""
        self._context.charge(1 + len(text) // 1_000)
        return super().write(text)


class _BudgetedBlock(BlockNode):
    """What a loop repeats: each time costs as much as there is in it."""

    __slots__ = ("cost",)

    def __init__(self, block: BlockNode, cost: int) -> None:
        super().__init__(block.token, block.nodes)
        self.blank = block.blank
        self.cost = cost

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        _budget(context).charge(self.cost)
        return super().render_to_output(context, buffer)


def parts_of(template: BoundTemplate, nodes: list[Node]) -> Iterator[Node | Expression]:
    """Every node and expression of ``nodes``, at any depth, in no particular order."""
    static = RenderContext(template)
    pending: list[Node | Expression] = list(nodes)
    while pending:
        part = pending.pop()
        yield part
        if isinstance(part, Node):
            pending.extend(part.children(static, include_partials=False))
            pending.extend(part.expressions())
        else:
            pending.extend(part.children())


def put_on_budget(template: BoundTemplate) -> None:
    """Make the loops of a parsed template charge for each iteration. To be called once per template."""
    loops = [part for part in parts_of(template, template.nodes) if isinstance(part, ForNode | TablerowNode)]
    for loop in loops:
        loop.block = _BudgetedBlock(loop.block, sum(1 for _ in parts_of(template, [loop.block])))


def ranges_are_short(part: Node | Expression) -> bool:
    """False for a range that is not written as two numbers, or spans too many of them."""
    if not isinstance(part, RangeLiteral):
        return True
    if not isinstance(part.start, IntegerLiteral) or not isinstance(part.stop, IntegerLiteral):
        return False
    return part.stop.value - part.start.value < LONGEST_RANGE


def put_filters_on_budget(env: Environment) -> None:
    """Guard every filter of ``env`` and replace those that cannot be made safe by looking at their arguments."""
    # `safe` would switch escaping off for whatever a contact typed into a form.
    del env.filters["safe"]
    env.filters["date"] = format_date
    for name, inner in list(env.filters.items()):
        env.filters[name] = _guarded(name, inner)


def _guarded(name: str, inner: _Filter) -> _Filter:
    wants_context = bool(getattr(inner, "with_context", False))
    wants_environment = bool(getattr(inner, "with_environment", False))

    def guarded(left: object, *args: object, context: RenderContext, **named: object) -> object:
        size = measure(left) + sum(measure(arg) for arg in (*args, *named.values()))
        _refuse_growth(name, left, args)
        # uniq compares every item with every other.
        comparisons = _length(left) ** 2 if name == "uniq" else 0
        _budget(context).charge(4 + size // 20 + comparisons // 100)
        if wants_context:
            named["context"] = context
        if wants_environment:
            named["environment"] = context.env
        result = inner(left, *args, **named)
        measure(result)
        return result

    guarded.with_context = True  # type: ignore[attr-defined]
    return guarded


def _refuse_growth(name: str, left: object, args: tuple[object, ...]) -> None:
    """Refuse what would be large only after the filter has run."""
    if name == "replace" and args:
        text, old = str(left or ""), str(args[0] or "")
        new = str(args[1] or "") if len(args) > 1 else ""
        found = text.count(old) if old else len(text) + 1
        if len(text) + found * (len(new) - len(old)) > LARGEST_VALUE:
            raise TooMuch(f"replace makes more than {LARGEST_VALUE} characters")
    if name == "join" and args and _length(left) * len(str(args[0] or "")) > LARGEST_VALUE:
        raise TooMuch(f"join makes more than {LARGEST_VALUE} characters")


def measure(value: object) -> int:
    """How large a value is, in characters and items, at any depth.

    Raises:
        TooMuch: larger than a value of a template may be.
    """
    size = 0
    pending = [value]
    while pending:
        item = pending.pop()
        size += 1
        if _is_a(item, Undefined):
            continue
        if isinstance(item, str | range):
            size += len(item)
        elif isinstance(item, list | tuple):
            if len(item) > LONGEST_LIST:
                raise TooMuch(f"a list has at most {LONGEST_LIST} items")
            pending.extend(item)
        elif isinstance(item, dict):
            pending.extend(item.values())
            size += sum(len(str(key)) for key in item)
        elif isinstance(item, int) and item.bit_length() > LARGEST_INTEGER_BITS:
            raise TooMuch("a number is too large")
        if size > LARGEST_VALUE:
            raise TooMuch(f"a value has at most {LARGEST_VALUE} characters")
    return size


def _length(value: object) -> int:
    if _is_a(value, Undefined) or not isinstance(value, str | list | tuple | dict | range):
        return 0
    return len(value)


def _is_a(value: object, kinds: type | tuple[type, ...]) -> bool:
    """Like isinstance, without asking the value: an undefined one raises when its class is asked for."""
    return issubclass(type(value), kinds)


def format_date(value: object, pattern: object = None) -> object:
    """The filter ``date``: an ISO date or instant (or seconds since 1970, UTC) by a strftime pattern.

    Anything else is given back as it is. Replaces the engine's filter, which knows the present, the machine's time
    zone and a parser that guesses.

    Raises:
        FilterArgumentError: the value asks for the present, or the pattern cannot be used.
    """
    if value in PRESENT:
        raise FilterArgumentError(NO_PRESENT, token=None)
    instant = _instant(value)
    if instant is None or pattern is None or _is_a(pattern, Undefined):
        return value
    text = str(pattern)
    if len(text) > LONGEST_DATE_FORMAT:
        raise FilterArgumentError(f"a date format has at most {LONGEST_DATE_FORMAT} characters", token=None)
    return instant.strftime(text)


def _instant(value: object) -> datetime | date | None:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, tz=UTC)
        except (ValueError, OverflowError, OSError):
            return None
    return None


def _budget(context: RenderContext) -> BudgetedContext:
    assert isinstance(context, BudgetedContext)
    return context
