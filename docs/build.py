"""Writes the generated pages of the reference (`make docs`); a law compares its output with what is committed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from activities.catalogue import specs
from domain.catalogue import ActionSpec
from domain.definition import Definition
from services.telling.reference import render_actions


def pages(actions: Mapping[str, ActionSpec]) -> dict[str, str]:
    """The text of every generated page by its path in the repository."""
    schema = Definition.model_json_schema(by_alias=True)
    return {
        "docs/actions.md": render_actions(actions),
        "docs/definition.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
    }


def write(root: Path) -> None:
    """Write every page."""
    for name, text in pages(specs()).items():
        (root / name).write_text(text)


if __name__ == "__main__":
    write(Path(__file__).parents[1])
