"""Writes the generated pages of the reference (`make docs`); a law compares its output with what is committed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from activities.catalogue import specs
from domain.catalogue import ActionSpec
from services.reference import render_actions, render_definition_schema


def pages(actions: Mapping[str, ActionSpec]) -> dict[str, str]:
    """The text of every generated page by its path in the repository."""
    return {
        "docs/reference/actions.md": render_actions(actions),
        "docs/reference/definition.schema.json": render_definition_schema(),
    }


def write(root: Path) -> None:
    """Write the pages that changed."""
    for name, text in pages(specs()).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write(Path(__file__).parents[1])
