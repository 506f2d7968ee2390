"""What every module owes its reader."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.laws.sources import ROOT, Module, dotted, hold, modules

LOGGING = ("log.", "logger.", "logging.", "workflow.logger.", "activity.logger.", "warnings.")


def test_every_module_says_what_it_owns() -> None:
    broken = [module.path for module in modules() if not ast.get_docstring(module.tree)]
    hold(broken, "The first line of a module says what it decides or owns.")


def test_nothing_is_printed() -> None:
    broken = [
        f"{module.path}:{line}" for module in modules() for line, name in module.calls() if name in ("print", "pprint")
    ]
    hold(broken, "Answers go through the API or the command line's own output, events through the log.")


def _only_logs(handler: ast.ExceptHandler) -> bool:
    """Whether a handler does nothing, or nothing but writing into the log."""
    return all(
        isinstance(statement, ast.Pass | ast.Continue)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        or (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Call)
            and dotted(statement.value.func).startswith(LOGGING)
        )
        for statement in handler.body
    )


def _is_broad(caught: ast.expr | None) -> bool:
    """Whether an `except` catches everything, mistakes in the code included."""
    match caught:
        case None:
            return True
        case ast.Tuple(elts=kinds):
            return any(_is_broad(kind) for kind in kinds)
        case _:
            return dotted(caught) in ("Exception", "BaseException")


def _swallowing(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        match node:
            case ast.ExceptHandler(type=caught) if _is_broad(caught) and _only_logs(node):
                yield f"{module.path}:{node.lineno}"
            case ast.Call(func=called, args=kinds) if dotted(called).endswith("suppress"):
                if any(_is_broad(kind) for kind in kinds):
                    yield f"{module.path}:{node.lineno}"


def test_no_error_is_logged_and_forgotten() -> None:
    broken = [found for module in modules() for found in _swallowing(module)]
    hold(broken, "Catch what you can handle; what you cannot, let it fail and be tried again.")


def test_every_action_has_its_test() -> None:
    tested = {path.name for path in (ROOT / "tests" / "activities" / "actions").glob("test_*.py")}
    broken = [
        module.path
        for module in modules("activities")
        if module.path.startswith("activities/actions/")
        and not module.path.endswith("__init__.py")
        and f"test_{module.path.rpartition('/')[2]}" not in tested
    ]
    hold(broken, "An action is one file in activities/actions and one test file in tests/activities/actions.")


def test_the_law_about_forgotten_errors_bites() -> None:
    guilty = "try:\n    work()\nexcept Exception:\n    log.error('failed')\nwith suppress(Exception):\n    work()\n"
    innocent = "try:\n    work()\nexcept (OSError, ValueError):\n    pass\nexcept Exception:\n    settle()\n"
    assert len(list(_swallowing(Module("x.py", "x", ast.parse(guilty))))) == 2
    assert not list(_swallowing(Module("x.py", "x", ast.parse(innocent))))
