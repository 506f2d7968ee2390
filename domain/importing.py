"""Decides what a CSV file means: the mapping a person writes, and each row as the mapping reads it.

Pure. Nothing is looked up here: a row says which records and users it names, the import service finds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationError

from domain.base import Authored, Frozen, Json, Properties
from domain.cells import BadCell, read_cell
from domain.problems import FieldError
from domain.schema import ObjectType

OWNER = "owner"


class PropertyColumn(Authored):
    """The cell is the value of a property.

    ``values`` translates cells before they are read: ``{"GTXPro": "GTX Pro"}``; ``format`` and ``shift_years`` are
    explained at ``domain.cells.read_cell``.
    """

    property: str
    format: str | None = None
    values: dict[str, Json] = {}
    shift_years: Annotated[int, Field(ge=-500, le=500)] = 0


class Associate(Authored):
    """The record to associate: the one of ``object`` whose unique property ``by`` is what the cell says."""

    object: str
    by: str
    label: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    if_missing: Literal["leave_out", "reject"] = "leave_out"


class AssociateColumn(Authored):
    """The cell names another record."""

    associate: Associate


class OwnerColumn(Authored):
    """The cell names the user who owns the record."""

    owner_by: Literal["name", "email"]
    if_missing: Literal["leave_out", "reject", "create"] = "leave_out"


class IgnoredColumn(Authored):
    """The column is not imported; every column has to be named, so that none is forgotten unseen."""

    ignore: Literal[True]


ColumnRule: TypeAlias = PropertyColumn | AssociateColumn | OwnerColumn | IgnoredColumn


class ImportMapping(Frozen):
    """What each column means. A column may have several rules (written as a list): a name that is also the key."""

    columns: dict[str, tuple[ColumnRule, ...]]
    constants: dict[str, Json]

    def rules(self) -> list[tuple[str, ColumnRule]]:
        """Every rule with its column, in the order written."""
        return [(column, rule) for column, rules in self.columns.items() for rule in rules]


class ImportOptions(Frozen):
    """What an import is told. ``wake``: whether triggers and waits look at these changes; ``mapping`` as written."""

    object: str
    key: str
    mapping: Json
    wake: bool = True
    on_bad_value: Literal["reject_row", "leave_out"] = "reject_row"
    dry_run: bool = False


_RULES: Mapping[str, type[ColumnRule]] = {
    "property": PropertyColumn,
    "associate": AssociateColumn,
    "owner_by": OwnerColumn,
    "ignore": IgnoredColumn,
}


def read_mapping(raw: Json) -> tuple[ImportMapping, list[FieldError]]:
    """The mapping as far as it can be read, and every mistake in its form (path into the mapping, code, words)."""
    if not isinstance(raw, dict) or not isinstance(raw.get("columns"), dict):
        return _NOTHING, [mistake("/mapping/columns", "missing_field", "a mapping needs columns: {<csv column>: {…}}")]
    problems = [
        mistake(f"/mapping/{token(name)}", "unknown_field", "a mapping has columns and constants")
        for name in raw
        if name not in ("columns", "constants")
    ]
    columns: dict[str, tuple[ColumnRule, ...]] = {}
    written = raw["columns"]
    assert isinstance(written, dict)
    for column, value in written.items():
        path = f"/mapping/columns/{token(column)}"
        columns[column] = tuple(
            rule
            for n, one in enumerate(value if isinstance(value, list) else [value])
            if (rule := _read_rule(one, f"{path}/{n}" if isinstance(value, list) else path, problems)) is not None
        )
    constants = raw.get("constants", {})
    if not isinstance(constants, dict):
        problems.append(mistake("/mapping/constants", "wrong_type", "constants are {property: value}"))
        constants = {}
    return ImportMapping(columns=columns, constants=constants), problems


_NOTHING = ImportMapping(columns={}, constants={})


def _read_rule(raw: Json, path: str, problems: list[FieldError]) -> ColumnRule | None:
    kinds = [name for name in _RULES if isinstance(raw, dict) and name in raw]
    if len(kinds) != 1:
        problems.append(mistake(path, "wrong_value", "write one of property, associate, owner_by or ignore: true"))
        return None
    try:
        return _RULES[kinds[0]].model_validate(raw)
    except ValidationError as wrong:
        for one in wrong.errors():
            code = {"missing": "missing_field", "extra_forbidden": "unknown_field"}.get(one["type"], "wrong_value")
            where = "".join(f"/{token(str(part))}" for part in one["loc"])
            problems.append(mistake(path + where, code, one["msg"]))
        return None


@dataclass(frozen=True)
class RowRead:
    """What one row says.

    ``properties`` holds what was written (blank cells are absent), ``named`` the records to associate with the
    cell's text, ``owner`` the user rule and text, ``bad`` the cells that cannot be read.
    """

    properties: Properties
    named: tuple[tuple[Associate, str], ...]
    owner: tuple[OwnerColumn, str] | None
    bad: tuple[FieldError, ...]


class RowReader:
    """Reads rows of one file. ``header`` and ``mapping`` have passed ``check_mapping``."""

    def __init__(self, mapping: ImportMapping, header: Sequence[str], *, target: ObjectType, zone: tzinfo) -> None:
        self._width = len(header)
        self._rules = [(n, rule) for n, name in enumerate(header) for rule in mapping.columns[name]]
        self._constants = {name: value for name, value in mapping.constants.items() if value is not None}
        self._target = target
        self._zone = zone

    def read(self, cells: Sequence[str]) -> RowRead:
        """Read one row; a row that is wider or narrower than the header is bad as a whole."""
        if len(cells) != self._width:
            words = f"the row has {len(cells)} cells, the header {self._width}"
            return RowRead({}, (), None, (FieldError(path="", code="column_count", message=words),))
        properties: Properties = dict(self._constants)
        named: list[tuple[Associate, str]] = []
        owner: tuple[OwnerColumn, str] | None = None
        bad: list[FieldError] = []
        for n, rule in self._rules:
            match rule:
                case PropertyColumn():
                    try:
                        value = self.value(rule, cells[n])
                    except BadCell as wrong:
                        bad.append(
                            FieldError(path=f"/properties/{rule.property}", code=wrong.code, message=wrong.message)
                        )
                        continue
                    if value is not None and value != []:
                        properties[rule.property] = value
                case AssociateColumn() if cells[n]:
                    named.append((rule.associate, cells[n]))
                case OwnerColumn() if cells[n]:
                    owner = (rule, cells[n])
        return RowRead(properties, tuple(named), owner, tuple(bad))

    def key(self, cells: Sequence[str], key: str) -> Json:
        """The value of the key property in a row; None when it is blank, cannot be read or the row is misshapen."""
        if len(cells) != self._width:
            return None
        for n, rule in self._rules:
            if isinstance(rule, PropertyColumn) and rule.property == key:
                try:
                    return self.value(rule, cells[n])
                except BadCell:
                    return None
        return None

    def value(self, rule: PropertyColumn, written: str) -> Json:
        """One cell, translated and read; a translation that is text is read like a cell, anything else is the value."""
        translated = rule.values.get(written, written)
        if not isinstance(translated, str):
            return translated
        type = self._target.properties[rule.property].type
        return read_cell(type, translated, format=rule.format, shift_years=rule.shift_years, zone=self._zone)


def token(name: str) -> str:
    """One part of a JSON Pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def mistake(path: str, code: str, message: str) -> FieldError:
    """One mistake in what was uploaded."""
    return FieldError(path=path, code=code, message=message)
