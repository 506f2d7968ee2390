from __future__ import annotations

import pytest

from domain.base import Json
from domain.schema import Option, PropertyDefinition, PropertyType
from domain.values import LARGEST_WHOLE, STRING_CHARS, TEXT_CHARS, UNIQUE_CHARS, ValueProblem, normalise, unique_form


class AtSign:
    """Knows one rule of addresses, which is enough here."""

    def problem(self, written: str) -> str | None:
        return None if "@" in written else "has no @"


def _property(type_: str, *, unique: bool = False) -> PropertyDefinition:
    options = tuple(Option(value=value, label=value) for value in ("red", "green"))
    return PropertyDefinition(name="p", type=PropertyType(type_), label="P", options=options, unique=unique)


def _stored(type_: str, value: Json, *, unique: bool = False) -> Json:
    return normalise(_property(type_, unique=unique), value, addresses=AtSign())


GOOD: list[tuple[str, Json, Json]] = [
    ("string", " Ana ", " Ana "),
    ("string", "x" * STRING_CHARS, "x" * STRING_CHARS),
    ("text", "x" * TEXT_CHARS, "x" * TEXT_CHARS),
    ("phone", "not a number", "not a number"),
    ("user", "0195", "0195"),
    ("email", "Ana@Example.com", "Ana@Example.com"),
    ("number", 5, 5),
    ("number", -2.5, -2.5),
    ("number", 0, 0),
    ("number", LARGEST_WHOLE, LARGEST_WHOLE),
    ("bool", False, False),
    ("date", "2028-02-29", "2028-02-29"),
    ("datetime", "2027-01-31T09:00:00+01:00", "2027-01-31T08:00:00.000000Z"),
    ("datetime", "2027-01-31t09:00:00.1234567z", "2027-01-31T09:00:00.123456Z"),
    ("datetime", "2027-01-31 09:00:00.5Z", "2027-01-31T09:00:00.500000Z"),
    ("enum", "red", "red"),
    ("multi_enum", ["green", "red", "green"], ["green", "red"]),
]
BAD: list[tuple[str, Json, str]] = [
    ("string", 5, "wrong_type"),
    ("string", "x" * (STRING_CHARS + 1), "wrong_value"),
    ("string", "a\x00b", "wrong_value"),
    ("string", "\ud800", "wrong_value"),
    ("text", "x" * (TEXT_CHARS + 1), "wrong_value"),
    ("text", {"a": 1}, "wrong_type"),
    ("phone", 4711, "wrong_type"),
    ("user", 7, "wrong_type"),
    ("email", "nobody", "wrong_value"),
    ("email", ["a@b.c"], "wrong_type"),
    ("number", True, "wrong_type"),
    ("number", "5", "wrong_type"),
    ("number", float("nan"), "wrong_value"),
    ("number", float("inf"), "wrong_value"),
    ("number", LARGEST_WHOLE + 1, "wrong_value"),
    ("bool", 1, "wrong_type"),
    ("bool", "true", "wrong_type"),
    ("date", "2027-02-29", "wrong_value"),
    ("date", "31.01.2027", "wrong_value"),
    ("date", "20270131", "wrong_value"),
    ("date", "0999-01-01", "wrong_value"),
    ("date", 20270131, "wrong_type"),
    ("datetime", "2027-01-31T09:00:00", "wrong_value"),
    ("datetime", "2027-01-31", "wrong_value"),
    ("datetime", "2027-01-31T25:00:00Z", "wrong_value"),
    ("datetime", "0001-01-01T00:00:00+14:00", "wrong_value"),
    ("datetime", 1_800_000_000, "wrong_type"),
    ("enum", "RED", "unknown_option"),
    ("enum", ["red"], "wrong_type"),
    ("multi_enum", "red", "wrong_type"),
    ("multi_enum", ["red", "blue"], "unknown_option"),
    ("multi_enum", ["red", 5], "wrong_type"),
]


@pytest.mark.parametrize(("type_", "value", "expected"), GOOD)
def test_a_value_of_its_type_has_one_stored_form(type_: str, value: Json, expected: Json) -> None:
    stored = _stored(type_, value)
    assert stored == expected
    assert type(stored) is type(expected)
    assert _stored(type_, stored) == stored


@pytest.mark.parametrize(("type_", "value", "code"), BAD)
def test_nothing_is_guessed(type_: str, value: Json, code: str) -> None:
    with pytest.raises(ValueProblem) as problem:
        _stored(type_, value)
    assert problem.value.code == code
    assert problem.value.message


@pytest.mark.parametrize("type_", [type_.value for type_ in PropertyType])
@pytest.mark.parametrize("empty", [None, "", []])
def test_nothing_clears(type_: str, empty: Json) -> None:
    assert _stored(type_, empty) is None


def test_zero_and_false_are_values() -> None:
    assert _stored("number", 0) == 0
    assert _stored("bool", False) is False


def test_an_unknown_option_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueProblem, match="red, green"):
        _stored("enum", "blue")


def test_a_unique_value_fits_its_index() -> None:
    assert _stored("string", "x" * UNIQUE_CHARS, unique=True)
    with pytest.raises(ValueProblem):
        _stored("string", "x" * (UNIQUE_CHARS + 1), unique=True)


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("email", "Ana@Example.COM", "ana@example.com"),
        ("string", "A-1", "A-1"),
        ("number", 5, "5"),
        ("number", 5.0, "5"),
        ("number", 2.5, "2.5"),
        ("bool", True, "true"),
        ("bool", False, "false"),
        ("date", "2027-01-31", "2027-01-31"),
    ],
)
def test_a_unique_value_is_found_in_one_form(type_: str, value: Json, expected: str) -> None:
    assert unique_form(PropertyType(type_), value) == expected
