"""JSON whose texts are templates."""

from __future__ import annotations

import re
from collections.abc import Mapping

from domain.base import Json
from domain.ports import Templates

_ALONE = re.compile(r"\{\{-?\s*([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)\s*-?\}\}")


def render_document(templates: Templates, document: Json, variables: Mapping[str, Json]) -> Json:
    """The document with every text rendered; one that is only ``{{ a.b }}`` becomes the value itself, of its type.

    Raises:
        StepFailed: ``bad_template``.
    """
    match document:
        case dict():
            return {name: render_document(templates, each, variables) for name, each in document.items()}
        case list():
            return [render_document(templates, each, variables) for each in document]
        case str():
            alone = _ALONE.fullmatch(document.strip())
            is_there, found = _value(variables, alone[1].split(".")) if alone is not None else (False, None)
            return found if is_there else templates.render(document, variables, html=False)
    return document


def _value(variables: Mapping[str, Json], path: list[str]) -> tuple[bool, Json]:
    found: Json = {**variables}
    for name in path:
        if not isinstance(found, dict) or name not in found:
            return False, None
        found = found[name]
    return True, found
