"""Ready-made workflows: what a recipe holds, what it asks for, and how the answers are put in.

``${name}`` in any text of its emails and workflows stands for the answer to the parameter of that name. A text that is
nothing else becomes the answer itself, so that a number stays one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, StrictStr

from domain.base import Authored, Json
from domain.errors import Invalid
from domain.instants import no_day_words, parse_date
from domain.problems import FieldError
from domain.reader import similar
from domain.schema import PropertyType

Slug: TypeAlias = Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Name: TypeAlias = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Words: TypeAlias = Annotated[StrictStr, Field(min_length=1)]
Answer: TypeAlias = str | int | float

PLACE = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")
LINK = re.compile(r"https?://[^\s\"'<>{}/][^\s\"'<>{}]*", re.IGNORECASE)
"""What can stand in a link of an email as it is."""
LONGEST_ANSWER = 2_000


class RecipeParameter(Authored):
    """Something only whoever installs it knows. Without ``default`` it has to be given.

    ``type``: ``text``; ``number``, whole or not; ``user``, an id; ``team``, a slug; ``date``, as 2027-03-01; ``link``,
    an address of the web; ``choice``, one of ``options``.
    """

    name: Name
    label: Words
    description: StrictStr = ""
    type: Literal["text", "number", "user", "team", "date", "link", "choice"] = "text"
    options: list[Words] = []
    default: Answer | None = None


class NeededProperty(Authored):
    """A property that is added where the object type has none of the name; ``options``: values of an enum."""

    object: Name
    name: Name
    type: PropertyType
    label: Words
    options: list[Words] = []


class NeededType(Authored):
    """A subscription type that is added where there is none of the slug."""

    slug: Slug
    name: Words


class NeededList(Authored):
    """A static list that is added where there is none of the slug."""

    slug: Slug
    name: Words
    object: Name


class Needs(Authored):
    """What has to be there; what is there already is left as it is."""

    properties: list[NeededProperty] = []
    subscription_types: list[NeededType] = []
    lists: list[NeededList] = []


class RecipeEmail(Authored):
    """A reusable email: templates; with ``html`` or ``mjml``."""

    slug: Slug
    name: Words
    subject: Words
    preheader: StrictStr = ""
    html: StrictStr = ""
    mjml: StrictStr | None = None
    text: StrictStr = ""


class Recipe(Authored):
    """One recipe. ``origin``: where the idea comes from; ``workflows`` are definitions."""

    slug: Slug
    name: Words
    summary: Words
    origin: Words
    parameters: list[RecipeParameter] = []
    needs: Needs = Needs()
    emails: list[RecipeEmail] = []
    workflows: Annotated[list[dict[str, Json]], Field(min_length=1)]


class Filled(Authored):
    """What a recipe adds, with every answer in its place."""

    needs: Needs
    emails: list[RecipeEmail]
    workflows: list[dict[str, Json]]


def fill(recipe: Recipe, given: Mapping[str, Json]) -> Filled:
    """Put the answers into a recipe.

    Raises:
        Invalid: one is missing, of another type, or not asked for; every mistake is listed.
    """
    mistakes = [*_not_asked_for(recipe, given)]
    answers: dict[str, Answer] = {}
    for parameter in recipe.parameters:
        found = given.get(parameter.name, parameter.default)
        if (words := _problem(parameter, found)) is not None:
            code: Literal["missing_field", "wrong_type"] = "missing_field" if found is None else "wrong_type"
            mistakes.append(FieldError(path=f"/parameters/{parameter.name}", code=code, message=words))
        elif isinstance(found, Answer):
            answers[parameter.name] = found
    if mistakes:
        raise Invalid(f"the recipe {recipe.slug} cannot be installed like this", errors=mistakes)
    parts = recipe.model_dump(mode="json", include={*Filled.model_fields}, exclude_none=True)
    # Both texts and documents were examined when the file was read; what is put in are texts and numbers.
    return Filled.model_validate(_put(parts, answers), strict=False)


def places_of(recipe: Recipe) -> set[str]:
    """The names that stand somewhere in it as ``${name}``."""
    return {*PLACE.findall(recipe.model_dump_json(include={*Filled.model_fields}))}


def _not_asked_for(recipe: Recipe, given: Mapping[str, Json]) -> list[FieldError]:
    names = [parameter.name for parameter in recipe.parameters]
    return [
        FieldError(
            path=f"/parameters/{name}"[:200],
            code="unknown_field",
            message=f"the recipe has no parameter {name!r}{similar(name, names)}"[:300],
        )
        for name in given
        if name not in names
    ]


def _problem(parameter: RecipeParameter, found: Json) -> str | None:
    if found is None:
        return f"the recipe asks for {parameter.name}: {parameter.label}"
    if parameter.type == "number":
        fits = isinstance(found, int | float) and not isinstance(found, bool)
        return None if fits else f"{parameter.label} is a number"
    if not isinstance(found, str) or not found.strip() or len(found) > LONGEST_ANSWER:
        return f"{parameter.label} is a text of at most {LONGEST_ANSWER} characters that is not blank"
    if not found.isprintable():
        return f"{parameter.label} has no line breaks"
    return _unfit(parameter, found)


def _unfit(parameter: RecipeParameter, found: str) -> str | None:
    """Why a text is no answer to a parameter of its type."""
    if parameter.type == "date" and parse_date(found) is None:
        return f"{parameter.label} is a date: {no_day_words(found)}"
    if parameter.type == "link" and LINK.fullmatch(found) is None:
        return f"{parameter.label} is the address of a page, as https://www.example.com/page"
    if parameter.type == "choice" and found not in parameter.options:
        return f"{parameter.label} is {' or '.join(parameter.options)}"
    return None


def _put(part: Any, answers: Mapping[str, Answer]) -> Any:
    if isinstance(part, dict):
        return {name: _put(value, answers) for name, value in part.items()}
    if isinstance(part, list):
        return [_put(each, answers) for each in part]
    if not isinstance(part, str):
        return part
    alone = PLACE.fullmatch(part)
    if alone is not None and alone[1] in answers:
        return answers[alone[1]]
    return PLACE.sub(lambda found: str(answers.get(found[1], found[0])), part)
