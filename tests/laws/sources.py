"""The product's own modules as syntax trees, and the way a law reports who broke it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("domain", "workflows", "activities", "store", "gateways", "services", "api")
ROOTS = ("assemble", "cli", "commands", "embedded", "keeper", "processes", "settings", "supervisor", "worker")
"""The top level: the composition roots and what only they use."""

SIDE_ROOMS = ("examples", "migrations")


@dataclass(frozen=True)
class Module:
    """One source file; ``path`` is relative to the repository, ``room`` its first folder or its own name."""

    path: str
    room: str
    tree: ast.Module
    lines: int = 0

    def calls(self) -> Iterator[tuple[int, str]]:
        """Line and dotted name of everything called, e.g. ``(12, "datetime.now")``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and (name := dotted(node.func)):
                yield node.lineno, name

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full name of everything imported, also inside functions and for types only."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of a chain of names; what cannot be named (a call in between) becomes ``()``."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{dotted(value) or '()'}.{attr}"
        case _:
            return ""


def files(*rooms: str) -> list[Path]:
    """The Python files of rooms and root modules that exist."""
    found: list[Path] = []
    for room in rooms:
        found += sorted((ROOT / room).rglob("*.py"))
        found += [path for path in [ROOT / f"{room}.py"] if path.is_file()]
    return found


@cache
def _module(path: Path) -> Module:
    relative = path.relative_to(ROOT)
    room = relative.parts[0].removesuffix(".py")
    text = path.read_text()
    tree = ast.parse(text, filename=str(relative))
    return Module(path=str(relative), room=room, tree=tree, lines=len(text.splitlines()))


def modules(*rooms: str) -> list[Module]:
    """The modules of ``rooms``; without any: of the whole product."""
    return [_module(path) for path in files(*(rooms or (*ROOMS, *ROOTS, *SIDE_ROOMS)))]


def hold(broken: Iterable[str], law: str) -> None:
    """Fail with the law and everybody who broke it."""
    found = sorted(broken)
    assert not found, f"{law}\n  " + "\n  ".join(found)
