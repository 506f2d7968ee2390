"""Reads one node of a document into its model and tells every mistake in it once, in words.

The variant of a node is chosen by the caller and its parts are read first, each on its own, so a union never speaks
for all its members and a mistake deep inside does not hide its neighbours.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from domain.base import Json
from domain.problems import Problem, ProblemCode

Model = TypeVar("Model", bound=BaseModel)
Part: TypeAlias = Callable[[Json, str], Any]
"""Reads the value at a JSON Pointer; None when nothing could be made of it (its problems are told)."""

WORDS = {
    "string_type": "must be text, in quotes where it could be read as a number, a date or true and false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must hold at least {min_length}",
    "too_long": "must hold at most {max_length}",
    "finite_number": "must be a finite number",
}

PATTERNS = {
    "^[a-z][a-z0-9_]{0,39}$": "must be lower case letters, digits and underscores, a letter first, at most 40",
    "^[a-z0-9-]{1,63}$": "must be lower case letters, digits and hyphens, at most 63",
    "^([01][0-9]|2[0-3]):[0-5][0-9]$": 'must be a time of day such as "09:00"',
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$": 'must be a date such as "2027-01-31"',
}


def join(path: str, *keys: str | int) -> str:
    """``path`` one or more members deeper, as a JSON Pointer (RFC 6901)."""
    return path + "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def similar(written: str, known: Collection[str]) -> str:
    """The end of a message: which known name is close, else which there are to choose from."""
    close = difflib.get_close_matches(written, list(known), n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    listed = ", ".join(sorted(known)[:12])
    return f"; known: {listed}" + (" …" if len(known) > 12 else "") if listed else ""


TAG = "as "
"""With it begins what a member of a union is called that is told apart by what is written: it is no place."""


@dataclass
class Reader:
    """Collects the problems of one document; ``step`` is the id of the step being read."""

    neutral: Mapping[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    step: str | None = None

    def tell(self, path: str, code: ProblemCode, message: str) -> None:
        """Note a problem; a second one at the same place with the same code says nothing new."""
        if not any(p.path == path and p.code == code for p in self.problems):
            self.problems.append(Problem(step=self.step, path=path, code=code, message=message))

    def items(self, part: Part, instead: Any) -> Part:
        """A part that reads a list of such parts; ``instead`` keeps the place of one that could not be read."""

        def read(raw: Json, path: str) -> list[Any] | None:
            if not isinstance(raw, list):
                self.tell(path, "wrong_type", f"{_name(path)} must be a list")
                return None
            found = [part(item, join(path, i)) for i, item in enumerate(raw)]
            return [instead if item is None else item for item in found]

        return read

    def model(
        self,
        model: type[Model],
        raw: Json,
        path: str,
        parts: Mapping[str, Part] | None = None,
        *,
        partial: bool = False,
    ) -> Model | None:
        """The model of ``raw``, with what is wrong in it left out; None when the rest does not make one.

        ``partial`` answers with an unchecked model instead of None, good for looking at the fields that are there.
        """
        if not isinstance(raw, dict):
            self.tell(path, "wrong_type", f"{_name(path)} must be an object with fields, not {_kind(raw)}")
            return None
        values, told = self._known(model, raw, path)
        for key, part in (parts or {}).items():
            if values.get(key) is None:
                continue
            values[key] = part(values[key], join(path, key))
            if values[key] is None:
                del values[key]
                told.add(key)
        return self._build(model, values, path, told, partial)

    def _known(self, model: type[BaseModel], raw: dict[str, Any], path: str) -> tuple[dict[str, Any], set[str]]:
        """The fields the model has, and those that are only missing because they are misspelt."""
        names = {f.alias or name for name, f in model.model_fields.items()}
        misspelt: set[str] = set()
        for key in raw.keys() - names:
            self.tell(join(path, key), "unknown_field", f"there is no field {key!r} here{similar(key, names)}")
            misspelt.update(difflib.get_close_matches(key, names - raw.keys(), n=1))
        return {key: value for key, value in raw.items() if key in names}, misspelt

    def _build(
        self, model: type[Model], values: dict[str, Any], path: str, told: set[str], partial: bool
    ) -> Model | None:
        try:
            return model.model_validate(values)
        except ValidationError as refused:
            for error in refused.errors(include_url=False):
                loc = error["loc"]
                if not (error["type"] == "missing" and len(loc) == 1 and loc[0] in told):
                    self._translate(error, values, path)
            wrong = {str(error["loc"][0]) for error in refused.errors() if error["loc"]}
        rest = {key: value for key, value in values.items() if key not in wrong}
        rest = {**{key: value for key, value in self.neutral.items() if key in wrong}, **rest}
        try:
            return model.model_validate(rest)
        except ValidationError:
            return model.model_construct(**rest) if partial else None

    def _translate(self, error: Any, values: Any, path: str) -> None:
        """Tell an error of pydantic: its place in the document, our code, our words."""
        place, inner, kind = path, values, error["type"]
        for i, key in enumerate(error["loc"]):
            if str(key).startswith(TAG):
                continue
            missing = kind == "missing" and i == len(error["loc"]) - 1
            if not missing and not _holds(inner, key):
                break  # what follows names a member of a union, not a place
            place = join(place, key)
            inner = None if missing else inner[key]
        name = _name(place)
        if any(p.path == place for p in self.problems):
            return
        if kind == "missing":
            self.tell(place, "missing_field", f"{name} is missing here; add it")
        elif kind == "extra_forbidden":
            self.tell(place, "unknown_field", f"there is no field {name} here")
        else:
            wrong_type = kind.endswith("_type") or kind == "int_from_float"
            self.tell(place, "wrong_type" if wrong_type else "wrong_value", f"{name} {_words(error)}")


def _words(error: Any) -> str:
    context = error.get("ctx") or {}
    if (pattern := PATTERNS.get(context.get("pattern", ""))) is not None:
        return f"{pattern}, not {error['input']!r}"[:300]
    words = WORDS.get(error["type"])
    return words.format(**context) if words is not None else str(error["msg"])


def _holds(inner: Any, key: str | int) -> bool:
    if isinstance(inner, dict):
        return key in inner
    return isinstance(inner, Sequence) and not isinstance(inner, str) and isinstance(key, int) and key < len(inner)


def _name(path: str) -> str:
    """The last member of a pointer, as a person would say it."""
    named = [key for key in path.split("/")[1:] if not key.isdigit()]
    last = path.rsplit("/", 1)[-1]
    if not named:
        return "the document"
    return f"item {int(last) + 1} of {named[-1]!r}" if last.isdigit() else repr(last)


def _kind(raw: Json) -> str:
    if raw is None:
        return "empty"
    names: dict[type, str] = {bool: "true or false", str: "text", list: "a list", int: "a number", float: "a number"}
    return names.get(type(raw), "an object")
