"""Definitions as files: YAML 1.2, in which ``on``, ``NO`` and ``17:30`` are what they look like.

Older readers make true, false and 1050 of them, so such texts are written in quotes all the same. Dates stay texts:
what they mean is decided by the definition, not by the file.
"""

from __future__ import annotations

import math
import re
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

from domain.base import Json
from domain.definition import Definition
from domain.documents import MAX_BYTES, to_document
from domain.errors import Invalid, TooLarge
from domain.problems import FieldError

WIDTH = 4096
"""Characters before a line is broken; breaking would make a small change of a text look like a large one."""

LARGEST = 200_000
"""Values in a file; a few lines of references to references can stand for billions."""

# What readers of YAML 1.1 take for a truth value, nothing, a number (also in base 60 or 2), a date or a merge key.
_MISREAD = re.compile(
    r"y|yes|n|no|true|false|on|off|null|~|<<|=|"
    r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-f_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)|"
    r"[-+]?([0-9][0-9_]*)?\.?[0-9_]*(e[-+]?[0-9]+)?|[-+]?\.(inf|nan)|"
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([tT ].*)?|[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?",
    re.IGNORECASE,
)


# What block style gives back unchanged: lines of which the first is not indented, with at most one break at the end.
_BLOCK = re.compile(r"\S(.*\S)?\n?", re.DOTALL)


class _Reader(SafeConstructor):
    """Builds JSON values only: dates and all that YAML would turn into objects stay the text they are."""


class _Writer(SafeRepresenter):
    """Writes texts so that every reader takes them for texts."""

    def ignore_aliases(self, data: Any) -> bool:
        """A value that stands twice is written twice; nobody writes references by hand."""
        return True


def _text(writer: _Writer, data: str) -> ScalarNode:
    style = '"' if not data.isprintable() or _MISREAD.fullmatch(data) else None
    if "\n" in data and _BLOCK.fullmatch(data) and data.replace("\n", "").isprintable():
        style = "|"
    return writer.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Writer.add_representer(str, _text)
_Reader.add_constructor("tag:yaml.org,2002:timestamp", lambda reader, node: reader.construct_scalar(node))


def read_document(text: str) -> Json:
    """The document in a file, not yet examined.

    Raises:
        Invalid: it is not YAML, says something twice, or holds what JSON cannot.
        TooLarge: it is over ``MAX_BYTES``.
    """
    if len(text.encode()) > MAX_BYTES:
        raise TooLarge(f"the file is over {MAX_BYTES} bytes; split the workflow")
    yaml = YAML(typ="safe", pure=True)
    yaml.version = "1.2"
    yaml.Constructor = _Reader
    try:
        found = yaml.load(text)
        if _size(found) > LARGEST:
            raise _unreadable(f"its references unfold to more than {LARGEST} values")
        return _json(found, "")
    except (YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(_words(error)) from error


def read_definition(text: str) -> Json:
    """The definition in a file, for ``domain.validation.examine``.

    Raises:
        Invalid: as ``read_document``, or the file holds no object.
        TooLarge: it is over ``MAX_BYTES``.
    """
    found = read_document(text)
    if not isinstance(found, dict):
        raise _unreadable("a definition file holds an object: fields such as slug, name and steps")
    return found


def write_definition(definition: Definition) -> str:
    """The file of a definition; reading it and writing it again gives the same bytes."""
    return write_document(to_document(definition))


def write_document(document: Json) -> str:
    """The file of a document whose fields are in order already."""
    yaml = YAML(typ="safe", pure=True)
    yaml.version = None
    yaml.Representer = _Writer
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    # Typed after its first value, which is None.
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _size(value: Any) -> int:
    """How many values there are once every reference is written out; counted no further than ``LARGEST``."""
    size, waiting = 0, [value]
    while waiting and size <= LARGEST:
        item = waiting.pop()
        size += 1
        if isinstance(item, dict | list):
            waiting.extend(item.values() if isinstance(item, dict) else item)
    return size


def _json(value: Any, path: str) -> Json:
    """The value as JSON; a file can hold more than that."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise _unreadable(f"the key {key!r} must be text; put it in quotes", path)
        return {key: _json(item, f"{path}/{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item, f"{path}/{i}") for i, item in enumerate(value)]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise _unreadable(f"{value!r} is neither text nor a finite number, a list or an object", path)


def _words(error: Exception) -> str:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        problem = str(error.problem or "cannot be read").strip().splitlines()[0]
        return f"line {error.problem_mark.line + 1}: {problem}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error).strip().splitlines()[0] if str(error).strip() else "it cannot be read"


def _unreadable(what: str, path: str = "") -> Invalid:
    message = f"this is not a definition file: {what}"
    return Invalid(message, errors=[FieldError(path=path, code="wrong_value", message=what)])
