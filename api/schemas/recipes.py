"""Requests and answers about recipes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool

from api.answers import Shown
from api.schemas.records import Body, examples
from domain.base import Json
from domain.recipes import Recipe, RecipeParameter


class InstallBody(Body):
    """The answers to what a recipe asks for, by name; what it has a default for may be left out."""

    model_config = examples({"parameters": {}, "publish": False})

    parameters: Annotated[dict[str, Json], Field(max_length=50)] = {}
    publish: Annotated[StrictBool, Field(description="Publish and turn on; else they are drafts to look at.")] = False


class RecipeSummary(Shown):
    """A recipe without its contents. ``object``: what its first workflow is about."""

    slug: str
    name: str
    summary: str
    origin: str
    object: str
    parameters: list[RecipeParameter]
    emails: list[str]
    workflows: list[str]


def recipe_summary(recipe: Recipe) -> RecipeSummary:
    """A recipe as a list shows it."""
    return RecipeSummary(
        slug=recipe.slug,
        name=recipe.name,
        summary=recipe.summary,
        origin=recipe.origin,
        object=str(recipe.workflows[0].get("object", "contact")),
        parameters=recipe.parameters,
        emails=[email.slug for email in recipe.emails],
        workflows=[str(document["slug"]) for document in recipe.workflows],
    )
