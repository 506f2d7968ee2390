"""How a property of a JSON document is read as its type, on SQLite and on PostgreSQL alike.

Every reading is null when the value is missing, null or of another type: a cast never fails and kills a query.
All names and values are bound, so one compiled statement serves many of them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, Dialect, Float, Integer, Numeric, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class Number(TypeDecorator[float]):
    """A JSON number to compare with: exact decimals on PostgreSQL, as its documents hold them; as is on SQLite."""

    impl = Float
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Numeric has no range on PostgreSQL, so reading an odd document cannot overflow."""
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else Float())

    def process_bind_param(self, value: float | None, dialect: Dialect) -> Any:
        """The shortest decimal that reads back as the same number is the number, in both worlds."""
        return Decimal(repr(value)) if value is not None and dialect.name == "postgresql" else value


class Known(FunctionElement[bool]):
    """(document, name): whether there is a value at all; never null."""

    inherit_cache = True
    type = Boolean()


class TextOf(FunctionElement[str]):
    """(document, name): the text."""

    inherit_cache = True
    type = Text()


class NumberOf(FunctionElement[float]):
    """(document, name): the number."""

    inherit_cache = True
    type = Number()


class BoolOf(FunctionElement[int]):
    """(document, name): 1 for true and 0 for false."""

    inherit_cache = True
    type = Integer()


class DateOf(FunctionElement[str]):
    """(document, name): the text when it has the shape of a date."""

    inherit_cache = True
    type = Text()


class InstantOf(FunctionElement[str]):
    """(document, name): the text when it has the shape of a stored instant."""

    inherit_cache = True
    type = Text()


class InstantText(FunctionElement[str]):
    """(column): an instant column in the form documents store instants in."""

    inherit_cache = True
    type = Text()


class HasAny(FunctionElement[bool]):
    """(document, name, options as JSON text): whether the list holds one of them; null when it is no list."""

    inherit_cache = True
    type = Boolean()


class HasAll(FunctionElement[bool]):
    """(document, name, options as JSON text): whether the list holds each of them; null when it is no list."""

    inherit_cache = True
    type = Boolean()


class Folded(FunctionElement[str]):
    """(text): A to Z in lower case and nothing else changed."""

    inherit_cache = True
    type = Text()


class IndexOf(FunctionElement[int]):
    """(text, part): where the part begins, from 1; 0 when it is not contained. No character is special."""

    inherit_cache = True
    type = Integer()


_DATE = "[0-9]" * 4 + "-" + "[0-9]" * 2 + "-" + "[0-9]" * 2
_STORED = f"{_DATE}T{'[0-9]' * 2}:{'[0-9]' * 2}:{'[0-9]' * 2}.{'[0-9]' * 6}Z"


def _arguments(element: FunctionElement[Any], compiler: SQLCompiler, kw: Any) -> list[str]:
    return [compiler.process(clause, **kw) for clause in element.clauses]


def _sqlite_read(document: str, name: str) -> tuple[str, str, str]:
    """Kind and value of a property, and the path that leads to it."""
    path = f"'$.\"' || {name} || '\"'"
    return f"json_type({document}, {path})", f"json_extract({document}, {path})", path


@compiles(Known, "sqlite")
def _(element: Known, compiler: SQLCompiler, **kw: Any) -> str:
    kind, _, _ = _sqlite_read(*_arguments(element, compiler, kw))
    return f"(coalesce({kind}, 'null') <> 'null')"


@compiles(Known, "postgresql")
def _(element: Known, compiler: SQLCompiler, **kw: Any) -> str:
    document, name = _arguments(element, compiler, kw)
    return f"(coalesce(jsonb_typeof({document} -> {name}), 'null') <> 'null')"


@compiles(TextOf, "sqlite")
def _(element: TextOf, compiler: SQLCompiler, **kw: Any) -> str:
    kind, value, _ = _sqlite_read(*_arguments(element, compiler, kw))
    return f"CASE WHEN {kind} = 'text' THEN {value} END"


@compiles(TextOf, "postgresql")
def _(element: TextOf, compiler: SQLCompiler, **kw: Any) -> str:
    document, name = _arguments(element, compiler, kw)
    # The "C" collation orders and folds by byte, as SQLite and Python do; the database's own may not.
    return f"(CASE WHEN jsonb_typeof({document} -> {name}) = 'string' THEN {document} ->> {name} END COLLATE \"C\")"


@compiles(NumberOf, "sqlite")
def _(element: NumberOf, compiler: SQLCompiler, **kw: Any) -> str:
    kind, value, _ = _sqlite_read(*_arguments(element, compiler, kw))
    return f"CASE WHEN {kind} IN ('integer', 'real') THEN {value} END"


@compiles(NumberOf, "postgresql")
def _(element: NumberOf, compiler: SQLCompiler, **kw: Any) -> str:
    document, name = _arguments(element, compiler, kw)
    return f"CASE WHEN jsonb_typeof({document} -> {name}) = 'number' THEN CAST({document} ->> {name} AS NUMERIC) END"


@compiles(BoolOf, "sqlite")
def _(element: BoolOf, compiler: SQLCompiler, **kw: Any) -> str:
    kind, _, _ = _sqlite_read(*_arguments(element, compiler, kw))
    return f"CASE {kind} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"


@compiles(BoolOf, "postgresql")
def _(element: BoolOf, compiler: SQLCompiler, **kw: Any) -> str:
    document, name = _arguments(element, compiler, kw)
    value = f"CASE {document} ->> {name} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"
    return f"CASE WHEN jsonb_typeof({document} -> {name}) = 'boolean' THEN {value} END"


def _shaped(shape: str, element: FunctionElement[Any], compiler: SQLCompiler, kw: Any) -> str:
    if compiler.dialect.name == "sqlite":
        kind, value, _ = _sqlite_read(*_arguments(element, compiler, kw))
        return f"CASE WHEN {kind} = 'text' AND {value} GLOB '{shape}' THEN {value} END"
    document, name = _arguments(element, compiler, kw)
    value = f"{document} ->> {name}"
    pattern = "^" + shape.replace(".", "[.]") + "$"
    kind = f"jsonb_typeof({document} -> {name})"
    return f"(CASE WHEN {kind} = 'string' AND ({value}) ~ '{pattern}' THEN {value} END COLLATE \"C\")"


@compiles(DateOf)
def _(element: DateOf, compiler: SQLCompiler, **kw: Any) -> str:
    return _shaped(_DATE, element, compiler, kw)


@compiles(InstantOf)
def _(element: InstantOf, compiler: SQLCompiler, **kw: Any) -> str:
    return _shaped(_STORED, element, compiler, kw)


@compiles(InstantText, "sqlite")
def _(element: InstantText, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = _arguments(element, compiler, kw)
    return f"(replace({column}, ' ', 'T') || 'Z')"


@compiles(InstantText, "postgresql")
def _(element: InstantText, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = _arguments(element, compiler, kw)
    return f'(to_char({column} AT TIME ZONE \'UTC\', \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') COLLATE "C")'


@compiles(HasAny, "sqlite")
def _(element: HasAny, compiler: SQLCompiler, **kw: Any) -> str:
    document, name, options = _arguments(element, compiler, kw)
    kind, _, path = _sqlite_read(document, name)
    held = f"SELECT 1 FROM json_each({document}, {path}) AS held WHERE held.type = 'text'"
    wanted = f"SELECT value FROM json_each({options})"
    return f"CASE WHEN {kind} = 'array' THEN EXISTS ({held} AND held.value IN ({wanted})) END"


@compiles(HasAll, "sqlite")
def _(element: HasAll, compiler: SQLCompiler, **kw: Any) -> str:
    document, name, options = _arguments(element, compiler, kw)
    kind, _, path = _sqlite_read(document, name)
    held = f"SELECT held.value FROM json_each({document}, {path}) AS held WHERE held.type = 'text'"
    missing = f"SELECT 1 FROM json_each({options}) AS wanted WHERE wanted.value NOT IN ({held})"
    return f"CASE WHEN {kind} = 'array' THEN NOT EXISTS ({missing}) END"


def _postgresql_has(operator: str, element: FunctionElement[Any], compiler: SQLCompiler, kw: Any) -> str:
    document, name, options = _arguments(element, compiler, kw)
    wanted = f"ARRAY(SELECT jsonb_array_elements_text(CAST({options} AS JSONB)))"
    return f"CASE WHEN jsonb_typeof({document} -> {name}) = 'array' THEN ({document} -> {name}) {operator} {wanted} END"


@compiles(HasAny, "postgresql")
def _(element: HasAny, compiler: SQLCompiler, **kw: Any) -> str:
    return _postgresql_has("?|", element, compiler, kw)


@compiles(HasAll, "postgresql")
def _(element: HasAll, compiler: SQLCompiler, **kw: Any) -> str:
    return _postgresql_has("?&", element, compiler, kw)


@compiles(Folded)
def _(element: Folded, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = _arguments(element, compiler, kw)
    return f"lower({text})" if compiler.dialect.name == "sqlite" else f'lower({text} COLLATE "C")'


@compiles(IndexOf)
def _(element: IndexOf, compiler: SQLCompiler, **kw: Any) -> str:
    text, part = _arguments(element, compiler, kw)
    return f"{'instr' if compiler.dialect.name == 'sqlite' else 'strpos'}({text}, {part})"
