"""What is done in one place only, so that its promise can be read there."""

from __future__ import annotations

import ast

from tests.laws.sources import Module, hold, modules


def _calls_ending(module: Module, *ends: str) -> list[str]:
    return [
        f"{module.path}:{node.lineno} calls .{node.func.attr}()"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ends
    ]


def test_there_is_one_commit_point() -> None:
    broken = [
        found
        for module in modules()
        if module.path != "store/database.py" and module.room != "migrations"
        for found in _calls_ending(module, "commit", "begin_nested")
    ]
    hold(broken, "Database.transaction() in store/database.py commits; take a Tx instead.")


def test_locks_are_taken_in_one_place() -> None:
    # The relay's claim skips locked rows instead of waiting for them, so it cannot take part in a deadlock.
    allowed = {"store/locks.py", "store/intake.py"}
    broken = [
        found
        for module in modules()
        if module.path not in allowed
        for found in _calls_ending(module, "with_for_update")
    ]
    hold(broken, "store/locks.py knows the order of locks; call it instead.")


def test_the_api_has_one_shape_of_error() -> None:
    # While a body is read, FastAPI lets only this class through; api/errors.py gives it the same body as the others.
    allowed = {"api/errors.py", "api/limits.py"}
    broken = [
        f"{module.path}:{node.lineno} uses HTTPException"
        for module in modules("api")
        if module.path not in allowed
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and node.id == "HTTPException"
    ]
    hold(broken, "Raise an error of domain/errors.py; api/errors.py gives it its status and its body.")


def test_runs_call_activities_in_one_place() -> None:
    # A job has one kind of call, a page of it, with limits of its own.
    allowed = {"workflows/calls.py", "workflows/paging.py"}
    broken = [
        f"{module.path}:{line} calls {name}()"
        for module in modules("workflows")
        if module.path not in allowed
        for line, name in module.calls()
        if name.startswith(("workflow.execute_", "workflow.start_activity", "workflow.start_local_activity"))
    ]
    hold(broken, "workflows/calls.py is the only caller of activities: its retries are the ones that were measured.")
