"""Whether the two sides of a comparison exist and can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from domain.conditions import (
    EntryEventValue,
    EventPropertyCondition,
    NowValue,
    Of,
    Offset,
    Operator,
    OutputCondition,
    OutputValue,
    ParameterCondition,
    ParameterValue,
    PropertyCondition,
    PropertyValue,
    Related,
)
from domain.definition import Parameter
from domain.examination import Examination, Place
from domain.operators import OPERATORS, PRESENCE, TEXTS, TIMES, comparable, is_number
from domain.output_rules import check_output
from domain.reader import join, similar
from domain.schema import PropertyDefinition, PropertyType
from domain.value_rules import LISTS, RELATIVE, check_literals, check_operator

LONGEST_DAYS = 36_525
"""A hundred years; a longer wait is a slip of the pen, and far enough from the end of the calendar."""

TOO_LONG = "this is more than a hundred years; write a shorter time"

LOOKED_UP = PropertyValue | ParameterValue | EntryEventValue | OutputValue

PARAMETER_TYPES = {"string": PropertyType.STRING, "number": PropertyType.NUMBER, "bool": PropertyType.BOOL}


@dataclass(frozen=True)
class Subject:
    """Whose condition it is: the object type, and where it stands.

    ``near``: no association was followed yet. ``left``: the object type the left side of a comparison is read from,
    to which a property on the right belongs that says nothing else. ``at_event``: inside the ``where`` of an event.
    ``negated``: what is asked must not hold. ``at_step``: a branch or a wait asks, which alone read outputs of steps.
    """

    object: str
    place: Place = "inside"
    near: bool = True
    left: str | None = None
    at_event: bool = False
    negated: bool = False
    at_step: bool = False


def check_of(x: Examination, of: Of | Related | None, path: str, subject: Subject) -> str | None:
    """The object type that is read: the subject's own, or the one ``of`` names; None when that is unknown."""
    if of is None:
        return subject.object if not x.spoiled(path) else None
    if not subject.near:
        x.refuse(path, "looking from an associated record to records associated with it")
        return None
    return of.object if x.known_object(of.object, join(path, "object")) else None


def is_too_long(length: Offset) -> bool:
    """Whether a part of a length leads more than a hundred years on or back."""
    days = (length.weeks * 7 + length.days, length.hours // 24, length.minutes // 1440, length.seconds // 86_400)
    return max(abs(n) for n in days) > LONGEST_DAYS


def check_length(x: Examination, length: Offset, path: str, *, signed: bool = False) -> None:
    """Tell a length of time that is zero, negative or beyond a hundred years; ``signed`` allows the first two."""
    if length.is_zero and not signed:
        x.tell(path, "zero_duration", "this length is zero; write for example {days: 2}")
    elif not signed and min(length.weeks, length.days, length.hours, length.minutes, length.seconds) < 0:
        x.tell(path, "wrong_value", "a length of time cannot be negative")
    elif is_too_long(length):
        x.tell(path, "wrong_value", TOO_LONG)


def check_comparison(
    x: Examination,
    left: PropertyDefinition,
    condition: PropertyCondition | ParameterCondition | EventPropertyCondition | OutputCondition,
    path: str,
    subject: Subject,
) -> None:
    """Tell what is wrong with an operator or a value for a left side of this type."""
    op, value, place = condition.op, condition.value, join(path, "value")
    if not check_operator(x, left.name, op, OPERATORS[left.type], join(path, "op"), left.type.value):
        return
    if op in PRESENCE:
        if value is not None:
            x.tell(place, "wrong_value", f"{op!r} takes no value; remove it")
    elif op in RELATIVE:
        if isinstance(value, Offset):
            check_length(x, value, place)
        else:
            x.tell(place, "missing_field" if value is None else "wrong_type", f"{op!r} takes a length, as {{days: 7}}")
    elif isinstance(value, NowValue):
        _check_now(x, left, op, value, place)
    elif isinstance(value, LOOKED_UP):
        _check_looked_up(x, left, value, place, subject)
        if op in LISTS and left.type is not PropertyType.MULTI_ENUM:
            x.tell(place, "wrong_type", f"{op!r} takes a written list, not a value looked up elsewhere")
    elif isinstance(value, Offset):
        x.tell(place, "wrong_type", f"a length of time goes with {', '.join(sorted(RELATIVE))} only")
    else:
        check_literals(x, left, op, list(value) if isinstance(value, list) else value, place)


def check_untyped(
    x: Examination, name: str, condition: EventPropertyCondition | OutputCondition, path: str, subject: Subject
) -> None:
    """Tell what is wrong with a comparison whose left side no schema knows, by what operator and value ask for."""
    op, value, place = condition.op, condition.value, join(path, "value")
    if isinstance(value, LOOKED_UP) and op not in PRESENCE | RELATIVE:
        _check_looked_up(x, None, value, place, subject)
        return
    definition = PropertyDefinition(name=name, type=_guess(op, value), label=name)
    if definition.type is not PropertyType.MULTI_ENUM:
        check_comparison(x, definition, condition, path, subject)
    elif not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        x.tell(place, "wrong_type", f"{op!r} takes a list of texts, such as [a, b]")


def _guess(op: Operator, value: object) -> PropertyType:
    """The type a comparison asks for."""
    if op in OPERATORS[PropertyType.MULTI_ENUM] - PRESENCE:
        return PropertyType.MULTI_ENUM
    one = value[0] if isinstance(value, list) and value else value
    if op not in OPERATORS[PropertyType.NUMBER] and op in OPERATORS[PropertyType.DATETIME]:
        return PropertyType.DATETIME
    if isinstance(one, NowValue) or (op == "between" and isinstance(one, str)):
        return PropertyType.DATETIME
    if op not in OPERATORS[PropertyType.STRING] or is_number(one):
        return PropertyType.NUMBER
    return PropertyType.BOOL if isinstance(value, bool) else PropertyType.STRING


def _check_now(x: Examination, left: PropertyDefinition, op: Operator, value: NowValue, path: str) -> None:
    if left.type not in TIMES:
        x.tell(path, "wrong_type", f"{left.name!r} is no date, so it cannot be compared with now")
    elif op in LISTS:
        x.tell(path, "wrong_type", f"{op!r} takes a list of dates, not now")
    else:
        check_length(x, value.now, join(path, "now"), signed=True)


def _check_looked_up(
    x: Examination,
    left: PropertyDefinition | None,
    value: PropertyValue | ParameterValue | EntryEventValue | OutputValue,
    path: str,
    subject: Subject,
) -> None:
    """``left`` None: its type is known only once the event happens."""
    match value:
        case EntryEventValue():
            if subject.place == "trigger":
                x.refuse(path, "a value of the event that caused entry in a trigger (nobody entered yet)")
        case OutputValue():
            check_output(x, value.step, path, at_step=subject.at_step)
        case ParameterValue():
            found = known_parameter(x, value.parameter, join(path, "parameter"), subject)
            if found is not None and left is not None and not _takes(left, PARAMETER_TYPES[found.type]):
                x.tell(path, "wrong_type", f"{left.name!r} is {left.type}, the parameter is {found.type}")
        case PropertyValue():
            same = subject.left or subject.object
            object = check_of(x, value.of, join(path, "of"), subject) if value.of is not None else same
            if object is None:
                return
            right = x.known_property(object, value.property, join(path, "property"))
            if right is not None and left is not None and not comparable(left.type, right.type):
                x.tell(path, "wrong_type", f"{left.name!r} is {left.type} and {right.name!r} is {right.type}")
        case _ as never:
            assert_never(never)


def _takes(left: PropertyDefinition, type_: PropertyType) -> bool:
    """Whether a parameter of the type can be compared with the property; a text may hold a date."""
    return comparable(left.type, type_) or (type_ is PropertyType.STRING and left.type in TEXTS | TIMES)


def known_parameter(x: Examination, name: str, path: str, subject: Subject) -> Parameter | None:
    """The parameter, where one can be read; told when not."""
    if subject.place == "trigger":
        x.refuse(path, "a parameter in a trigger (it is known only once somebody enters)")
        return None
    if (found := x.parameter(name)) is None:
        near = similar(name, [p.name for p in x.definition.parameters])
        x.tell(path, "unknown_variable", f"the workflow declares no parameter {name!r}{near}")
    return found
