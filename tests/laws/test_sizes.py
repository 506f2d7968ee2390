"""How long a module and a function may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.laws.sources import Module, hold, modules

MODULE_LINES = 400
FUNCTION_LINES = 60

LAW = (
    "What does not fit on a few screens is not read as a whole: split it by meaning."
    " The aim is 300 lines a module and 40 a function; the law leaves room for the one that has a reason."
)


def _long(module: Module, lines: int) -> Iterator[str]:
    if lines > MODULE_LINES:
        yield f"{module.path} has {lines} lines, more than {MODULE_LINES}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # Decorators count: whoever reads a function reads them too.
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            length = (node.end_lineno or first) - first + 1
            if length > FUNCTION_LINES:
                yield f"{module.path}:{node.lineno} {node.name} has {length} lines, more than {FUNCTION_LINES}"


def test_modules_and_functions_stay_short_enough_to_be_read() -> None:
    # A migration is a list that is written once.
    broken = [found for module in modules() if module.room != "migrations" for found in _long(module, module.lines)]
    hold(broken, LAW)


def test_the_law_about_sizes_bites() -> None:
    body = "    pass\n"
    fits, too_long = body * (FUNCTION_LINES - 1), body * FUNCTION_LINES
    source = f"def fits():\n{fits}\nasync def too_long():\n{too_long}\n@given\ndef decorated():\n{fits}"
    guilty = Module(path="guilty.py", room="guilty", tree=ast.parse(source))
    assert [found.split()[1] for found in _long(guilty, MODULE_LINES)] == ["too_long", "decorated"]
    assert next(_long(guilty, MODULE_LINES + 1)).startswith("guilty.py has")
