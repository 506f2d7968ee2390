"""Every recipe that comes with the product can be read, asks for what it uses."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from domain.errors import Invalid
from domain.recipes import fill, places_of
from gateways.recipe_files import FOLDER, RecipeFiles, read_recipe

RECIPES = RecipeFiles().all()


def test_there_is_a_file_for_each() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*RECIPES}


@pytest.mark.parametrize("slug", RECIPES)
def test_a_recipe_asks_for_what_it_uses_and_for_nothing_else(slug: str) -> None:
    recipe = RECIPES[slug]
    assert places_of(recipe) == {each.name for each in recipe.parameters}
    sent = [step["config"]["email"] for document in recipe.workflows for step in _steps(document) if _email(step)]
    assert {*sent} == {email.slug for email in recipe.emails}


@pytest.mark.parametrize("slug", RECIPES)
def test_what_it_says_unless_told_is_an_answer(slug: str) -> None:
    asked = [each for each in RECIPES[slug].parameters if each.default is None]
    with pytest.raises(Invalid) if asked else nullcontext() as refused:
        fill(RECIPES[slug], {})
    told = refused.value.errors if refused is not None else []
    assert [(error.path, error.code) for error in told] == [
        (f"/parameters/{each.name}", "missing_field") for each in asked
    ]


def _email(step: Any) -> bool:
    return isinstance(step, dict) and isinstance(step.get("config"), dict) and "email" in step["config"]


def _steps(part: Any) -> list[Any]:
    """Every object of a document, whatever it is."""
    if isinstance(part, dict):
        return [part, *(found for each in part.values() for found in _steps(each))]
    return [found for each in part for found in _steps(each)] if isinstance(part, list) else []


def test_a_file_that_is_no_recipe_says_which_and_where(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("slug: odd\nname: Odd\nsummary: Odd\norigin: nowhere\nworkflows: []\n")
    with pytest.raises(Invalid, match=r"odd\.yaml: workflows"):
        read_recipe(path)
    path.write_text("slug: even\nname: Odd\nsummary: Odd\norigin: nowhere\nworkflows: [{slug: odd}]\n")
    with pytest.raises(Invalid, match=r"odd\.yaml: the slug is even"):
        RecipeFiles(tmp_path).all()
