"""How what went wrong is said: half a sentence that can stand after a path and before a semicolon."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.laws.sources import Module, hold, modules

SAYING = frozenset({
    "BadCell", "BadRequest", "Conflict", "Failed", "FieldError", "Finding", "Invalid", "NotAllowed", "NotAuthenticated",
    "NotFound", "PreconditionFailed", "PreconditionMissing", "Problem", "Rejected", "SettingsError", "StepFailed",
    "StepSkipped", "TemplateProblem", "TooLarge", "Unavailable", "ValueProblem", "mistake", "tell", "_error",
    "_refused", "_wrong", "_wrong_type",
})  # fmt: skip
"""What is called with words for people."""

NAMED = frozenset({"words", "message", "problem"})
"""What such words are called before they are used."""


def _texts(module: Module) -> Iterator[ast.expr]:
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords):
                if name in SAYING:
                    yield from (*args, *(keyword.value for keyword in keywords))
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in NAMED:
                yield value


def _end(text: ast.expr) -> str:
    """The last written characters of a text; empty where a value ends it."""
    match text:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=[*_, last]):
            return _end(last)
        case ast.IfExp(body=body, orelse=orelse):
            return next((end for end in (_end(body), _end(orelse)) if end.endswith(".")), "")
    return ""


def test_no_message_ends_with_a_full_stop() -> None:
    broken = [
        f"{module.path}:{text.lineno} {_end(text)[-40:]!r}"
        for module in modules()
        for text in _texts(module)
        if _end(text).endswith(".")
    ]
    hold(broken, "Messages are joined and shown after a path; leave the full stop to whoever makes sentences of them.")
