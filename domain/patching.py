"""Decides what a patch makes of a record's properties: typed, complete, with every mistake told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.base import Json, Properties
from domain.consent import settle_email_status
from domain.pipelines import settle_stage
from domain.ports import Addresses
from domain.problems import FieldError
from domain.schema import ObjectType, PropertyType
from domain.values import ValueProblem, normalise, unique_form


@dataclass(frozen=True, kw_only=True)
class Patched:
    """A patch applied. ``properties`` is only to be stored when ``errors`` is empty.

    ``users`` maps the ids of users named by the patch to the properties that name them; ``freed`` are unique
    properties that lose their value, ``taken`` maps those that get one to its unique form.
    """

    properties: Properties
    errors: tuple[FieldError, ...]
    users: dict[str, list[str]]
    freed: frozenset[str]
    taken: dict[str, str]


def apply_patch(
    object_type: ObjectType,
    before: Properties,
    patch: Mapping[str, Json],
    *,
    addresses: Addresses,
    now: datetime,
    zone: str,
) -> Patched:
    """Set what ``patch`` names and clear what it maps to null; what follows from a stage or an address is set as well.

    ``zone``: the account's, in which what happens ``now`` has a date.
    """
    after = dict(before)
    errors: list[FieldError] = []
    users: dict[str, list[str]] = {}
    for name, written in patch.items():
        definition = object_type.property(name)
        if definition is None:
            errors.append(_mistake(name, "unknown_property", f"{object_type.name} has no property {name}"))
        elif definition.read_only:
            errors.append(_mistake(name, "read_only", f"{name} is written by the product only"))
        else:
            try:
                value = normalise(definition, written, addresses=addresses)
            except ValueProblem as problem:
                errors.append(_mistake(name, problem.code, f"{name}: {problem}"))
                continue
            after.pop(name, None)
            if value is not None:
                after[name] = value
            if definition.type is PropertyType.USER and value is not None and value != before.get(name):
                users.setdefault(str(value), []).append(name)
    settle_email_status(object_type.name, before, after, written=patch.keys())
    errors += settle_stage(object_type, before, after, written=patch.keys(), now=now, zone=zone)
    freed, taken = _unique_moves(object_type, before, after) if not errors else (frozenset(), {})
    return Patched(properties=after, errors=tuple(errors), users=users, freed=freed, taken=taken)


def unknown_users(patched: Patched, known: frozenset[str]) -> list[FieldError]:
    """The mistakes of a patch that names users who are not among ``known``."""
    return [
        _mistake(name, "unknown_user", "there is no user with this id")
        for id, names in patched.users.items()
        if id not in known
        for name in names
    ]


def not_unique(object: str, property: str) -> FieldError:
    """The mistake of a value that another record holds."""
    return _mistake(property, "not_unique", f"another {object} has this {property}")


def _mistake(property: str, code: str, message: str) -> FieldError:
    # A JSON Pointer: ~ and / in a name are escaped.
    return FieldError(path=f"/properties/{property.replace('~', '~0').replace('/', '~1')}", code=code, message=message)


def _unique_moves(
    object_type: ObjectType, before: Properties, after: Properties
) -> tuple[frozenset[str], dict[str, str]]:
    freed, taken = set[str](), dict[str, str]()
    for name, definition in object_type.properties.items():
        if not definition.unique:
            continue
        old = unique_form(definition.type, before[name]) if name in before else None
        new = unique_form(definition.type, after[name]) if name in after else None
        if old != new and old is not None:
            freed.add(name)
        if old != new and new is not None:
            taken[name] = new
    return frozenset(freed), taken
