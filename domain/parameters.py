"""The values an enrollment is given: what is allowed, what is asked for, and what stands in for what is missing."""

from __future__ import annotations

from collections.abc import Mapping

from domain.base import Json
from domain.definition import Definition, Parameter
from domain.operators import is_number
from domain.problems import FieldError


def wrong_parameters(definition: Definition, given: Mapping[str, Json]) -> list[FieldError]:
    """Everything wrong with values given by hand: unknown names, other types, required ones without a value."""
    known = {parameter.name: parameter for parameter in definition.parameters}
    wrong = [
        FieldError(path=f"/parameters/{name}", code="unknown_field", message=f"the workflow has no parameter {name}")
        for name in given
        if name not in known
    ]
    for name, parameter in known.items():
        value = given.get(name)
        if value is not None and not fits(parameter, value):
            message = f"the parameter {name} is a {parameter.type}, not {value!r}"[:300]
            wrong.append(FieldError(path=f"/parameters/{name}", code="wrong_type", message=message))
        elif value is None and parameter.required and parameter.default is None:
            message = f"the workflow needs the parameter {name} (a {parameter.type})"
            wrong.append(FieldError(path=f"/parameters/{name}", code="missing_field", message=message))
    return wrong


def with_defaults(definition: Definition, given: Mapping[str, Json]) -> dict[str, Json]:
    """The values as the enrollment keeps them; what was not given has its default, if it has one."""
    defaults: dict[str, Json] = {p.name: p.default for p in definition.parameters if p.default is not None}
    return {**defaults, **{name: value for name, value in given.items() if value is not None}}


def fits(parameter: Parameter, value: Json) -> bool:
    """Whether a value is of the type the parameter declares."""
    match parameter.type:
        case "string":
            return isinstance(value, str)
        case "number":
            return is_number(value)
        case "bool":
            return isinstance(value, bool)
