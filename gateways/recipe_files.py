"""Recipes as files, one each: YAML 1.2, named by its slug."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from domain.errors import Invalid
from domain.recipes import Recipe
from gateways.yaml_files import read_document

FOLDER = Path(__file__).parent.parent / "recipes"
"""Where those that come with the product are."""


class RecipeFiles:
    """Implements ``domain.ports.Recipes`` by the files of a folder, read when somebody first asks."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    def all(self) -> Mapping[str, Recipe]:
        """Every recipe by its slug, in alphabetical order."""
        return self._found

    @cached_property
    def _found(self) -> Mapping[str, Recipe]:
        return {path.stem: read_recipe(path) for path in sorted(self.folder.glob("*.yaml"))}


def read_recipe(path: Path) -> Recipe:
    """The recipe of one file.

    Raises:
        Invalid: it is none, or bears another slug; the words name the file and the place.
    """
    try:
        found = Recipe.model_validate(read_document(path.read_text(encoding="utf-8")), strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(f"{path.name}: {'/'.join(map(str, first['loc']))}: {first['msg']}") from error
    if found.slug != path.stem:
        raise Invalid(f"{path.name}: the slug is {found.slug}; the file bears its name")
    return found
