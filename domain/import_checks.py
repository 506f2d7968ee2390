"""Decides whether a mapping fits the header of a file and the schema; lists every contradiction, not the first."""

from __future__ import annotations

from collections.abc import Sequence

from domain.builtin import can_associate
from domain.cells import is_format
from domain.importing import (
    OWNER,
    Associate,
    AssociateColumn,
    ColumnRule,
    IgnoredColumn,
    ImportMapping,
    OwnerColumn,
    PropertyColumn,
    mistake,
    token,
)
from domain.problems import FieldError
from domain.schema import ObjectType, PropertyDefinition, PropertyType, Schema


def check_mapping(
    mapping: ImportMapping, header: Sequence[str], *, schema: Schema, object: str, key: str
) -> list[FieldError]:
    """Every contradiction between mapping, header and schema; empty when the file can be imported."""
    target = schema.object(object)
    if target is None:
        return [mistake("/object", "unknown_object", f"there is no object type {object}")]
    return [
        *_header_problems(mapping, header),
        *_key_problems(mapping, target, key),
        *(problem for column, rule in mapping.rules() for problem in _rule_problems(column, rule, target, schema)),
        *_constant_problems(mapping, target),
        *_repeated_properties(mapping),
    ]


def _header_problems(mapping: ImportMapping, header: Sequence[str]) -> list[FieldError]:
    problems = []
    for n, name in enumerate(header):
        if name == "":
            problems.append(mistake(f"/file/header/{n}", "unnamed_column", f"column {n + 1} has no name in the header"))
        elif name in header[:n]:
            problems.append(mistake(f"/file/header/{n}", "duplicate_column", f"the column {name!r} stands there twice"))
        elif name not in mapping.columns:
            words = f"the mapping does not name the column {name!r}; write ignore: true to leave it out"
            problems.append(mistake(_column(name), "unnamed_column", words))
    missing = [name for name in mapping.columns if name not in header]
    return problems + [mistake(_column(n), "missing_column", f"the file has no column {n!r}") for n in missing]


def _key_problems(mapping: ImportMapping, target: ObjectType, key: str) -> list[FieldError]:
    definition = target.property(key)
    if definition is None:
        return [mistake("/key", "unknown_property", f"{target.name} has no property {key}")]
    if not definition.unique:
        unique = ", ".join(sorted(p.name for p in target.properties.values() if p.unique))
        return [mistake("/key", "key_not_unique", f"{key} is not unique; {target.name} has: {unique}")]
    if all(not isinstance(rule, PropertyColumn) or rule.property != key for _, rule in mapping.rules()):
        return [mistake("/key", "key_not_mapped", f"no column is mapped to the key {key}")]
    return []


def _rule_problems(column: str, rule: ColumnRule, target: ObjectType, schema: Schema) -> list[FieldError]:
    path = _column(column)
    match rule:
        case PropertyColumn():
            definition = target.property(rule.property)
            return _property_problems(path, rule.property, definition, target) or _reading_problems(
                path, rule, definition
            )
        case AssociateColumn():
            return _associate_problems(path, rule.associate, target, schema)
        case OwnerColumn():
            owner = target.property(OWNER)
            if owner is None or owner.type is not PropertyType.USER:
                return [mistake(path, "unknown_property", f"{target.name} has no property {OWNER} that holds a user")]
            return []
        case IgnoredColumn():
            return []


def _property_problems(
    path: str, name: str, definition: PropertyDefinition | None, target: ObjectType
) -> list[FieldError]:
    if definition is None:
        return [mistake(path, "unknown_property", f"{target.name} has no property {name}")]
    if definition.read_only:
        return [mistake(path, "read_only", f"{name} is kept by the installation and cannot be imported")]
    return []


def _reading_problems(path: str, rule: PropertyColumn, definition: PropertyDefinition | None) -> list[FieldError]:
    assert definition is not None
    problems = []
    if rule.format is not None and not is_format(definition.type, rule.format):
        words = f"{rule.format!r} does not say how a {definition.type} is written"
        problems.append(mistake(f"{path}/format", "wrong_format", words))
    if rule.shift_years and definition.type not in (PropertyType.DATE, PropertyType.DATETIME):
        problems.append(mistake(f"{path}/shift_years", "wrong_value", f"{rule.property} holds no date"))
    return problems


def _associate_problems(path: str, wanted: Associate, target: ObjectType, schema: Schema) -> list[FieldError]:
    other = schema.object(wanted.object)
    if other is None:
        return [mistake(f"{path}/associate/object", "unknown_object", f"there is no object type {wanted.object}")]
    if not can_associate(target.name, wanted.object):
        words = f"{target.name} and {wanted.object} cannot be associated"
        return [mistake(f"{path}/associate/object", "wrong_value", words)]
    by = other.property(wanted.by)
    if by is None:
        words = f"{wanted.object} has no property {wanted.by}"
        return [mistake(f"{path}/associate/by", "unknown_property", words)]
    if not by.unique:
        words = f"{wanted.object}.{wanted.by} is not unique, so it does not tell which record is meant"
        return [mistake(f"{path}/associate/by", "key_not_unique", words)]
    return []


def _constant_problems(mapping: ImportMapping, target: ObjectType) -> list[FieldError]:
    problems = []
    for name in mapping.constants:
        path = f"/mapping/constants/{token(name)}"
        definition = target.property(name)
        problems += _property_problems(path, name, definition, target)
        if definition is not None and definition.unique:
            problems.append(mistake(path, "wrong_value", f"{name} is unique, so it cannot be the same for every row"))
    return problems


def _repeated_properties(mapping: ImportMapping) -> list[FieldError]:
    problems, taken = [], set(mapping.constants)
    for column, rule in mapping.rules():
        name = rule.property if isinstance(rule, PropertyColumn) else OWNER if isinstance(rule, OwnerColumn) else None
        if name is not None and name in taken:
            problems.append(mistake(_column(column), "duplicate_property", f"{name} is given by more than one rule"))
        if name is not None:
            taken.add(name)
    return problems


def _column(name: str) -> str:
    return f"/mapping/columns/{token(name)}"
