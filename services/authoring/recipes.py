"""Installing a recipe: what it needs, its emails and its workflows, all in one transaction or nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.audit import Author, What
from domain.base import Frozen, Json
from domain.emails import EmailContent
from domain.errors import Conflict, NotFound
from domain.problems import Problem
from domain.recipes import Filled, NeededProperty, Recipe, fill
from services.auditing import note_made
from services.authoring.emails import create_email
from services.authoring.workflows import create_workflow, publish, validate
from services.installation import Installation
from services.lists.lists import create_list
from services.records.schema import NewOption, NewProperty, add_property
from services.records.subscriptions import create_type
from services.workflow_views import WorkflowView
from store.changes import Stamp
from store.database import Tx
from store.emails import find_email
from store.lists import find_list
from store.locks import lock_schema
from store.schema import load_schema
from store.subscriptions import find_types
from store.workflows import find_workflow


class InstalledWorkflow(Frozen):
    """A workflow of a recipe; ``version`` null: a draft. ``problems`` keep it from being published."""

    slug: str
    name: str
    version: int | None
    problems: list[Problem]
    warnings: list[Problem]


class Installed(Frozen):
    """What an installation added; what was there already is in none of the lists."""

    recipe: str
    properties: list[str]
    subscription_types: list[str]
    lists: list[str]
    emails: list[str]
    workflows: list[InstalledWorkflow]


def recipe_or_404(inst: Installation, slug: str) -> Recipe:
    """The recipe of this slug.

    Raises:
        NotFound: there is none.
    """
    found = inst.recipes.all().get(slug)
    if found is None:
        raise NotFound(f"there is no recipe {slug}")
    return found


async def install(
    tx: Tx, inst: Installation, recipe: Recipe, given: Mapping[str, Json], stamp: Stamp, *, published: bool
) -> Installed:
    """Add what a recipe holds; as drafts unless ``published``.

    Raises:
        Invalid: an answer is missing or wrong, or (to publish) a workflow has problems; every mistake is listed.
        Conflict: one of its emails or workflows is there already, or what it needs is there as something else.
    """
    filled = fill(recipe, given)
    await lock_schema(tx)
    await _refuse_taken(tx, filled)
    properties = [await _property(tx, each, stamp) for each in filled.needs.properties]
    types, lists = await _types(tx, filled, stamp), await _lists(tx, inst, filled, stamp)
    for email in filled.emails:
        content = EmailContent(**email.model_dump(exclude={"slug", "name"}))
        await create_email(tx, inst, email.slug, content, stamp, name=email.name)
    return Installed(
        recipe=recipe.slug,
        properties=[name for name in properties if name is not None],
        subscription_types=types,
        lists=lists,
        emails=[email.slug for email in filled.emails],
        workflows=await _workflows(tx, inst, filled, stamp, published=published),
    )


async def note_installed(tx: Tx, author: Author, made: Installed, *, now: datetime) -> None:
    """Write down that a recipe was installed, and each part of it as what it is."""
    parts = made.model_dump(exclude={"recipe", "workflows"})
    after: dict[str, Json] = {**parts, "workflows": [each.slug for each in made.workflows]}
    await note_made(tx, author, "recipe.installed", made.recipe, after=after, now=now)
    added: tuple[tuple[What, list[str]], ...] = (
        ("property.created", [each.replace(".", "/", 1) for each in made.properties]),
        ("subscription_type.created", made.subscription_types),
        ("list.created", made.lists),
        ("email.created", made.emails),
        ("workflow.created", [each.slug for each in made.workflows]),
    )
    for what, subjects in added:
        for subject in subjects:
            await note_made(tx, author, what, subject, now=now)


async def _refuse_taken(tx: Tx, filled: Filled) -> None:
    """A recipe writes over nothing."""
    emails, slugs = [each.slug for each in filled.emails], [str(each["slug"]) for each in filled.workflows]
    taken = [f"an email {slug}" for slug in emails if await find_email(tx, slug) is not None]
    taken += [f"a workflow {slug}" for slug in slugs if await find_workflow(tx, slug) is not None]
    if taken:
        words = f"there is {' and '.join(taken)} already; clone what you changed and delete it to install it anew"
        raise Conflict(words, code="slug_taken")


async def _property(tx: Tx, needed: NeededProperty, stamp: Stamp) -> str | None:
    """Add a property; the key of one that was not there."""
    about = (await load_schema(tx)).object(needed.object)
    known = about.property(needed.name) if about is not None else None
    if known is not None and known.type is not needed.type:
        words = f"{needed.object} has a property {needed.name} of type {known.type}, the recipe needs a {needed.type}"
        raise Conflict(words, code="already_exists")
    if known is not None:
        missing = [value for value in needed.options if known.option(value) is None]
        if missing:
            words = f"the property {needed.name} of {needed.object} lacks the options {', '.join(missing)}: add them"
            raise Conflict(words, code="already_exists")
        return None
    options = tuple(NewOption(value=value) for value in needed.options)
    new = NewProperty(name=needed.name, type=needed.type, label=needed.label, options=options)
    await add_property(tx, needed.object, new, now=stamp.now)
    return f"{needed.object}.{needed.name}"


async def _types(tx: Tx, filled: Filled, stamp: Stamp) -> list[str]:
    wanted = filled.needs.subscription_types
    known = await find_types(tx, [each.slug for each in wanted])
    missing = [each for each in wanted if each.slug not in known]
    for each in missing:
        await create_type(tx, each.slug, stamp, name=each.name, description="")
    return [each.slug for each in missing]


async def _lists(tx: Tx, inst: Installation, filled: Filled, stamp: Stamp) -> list[str]:
    added = []
    for each in filled.needs.lists:
        known = await find_list(tx, each.slug)
        if known is not None and known.object != each.object:
            words = f"list {each.slug} holds records of {known.object}, the recipe needs one of {each.object}"
            raise Conflict(words, code="already_exists")
        if known is None:
            await create_list(tx, inst, each.slug, each.object, stamp, name=each.name)
            added.append(each.slug)
    return added


async def _workflows(
    tx: Tx, inst: Installation, filled: Filled, stamp: Stamp, *, published: bool
) -> list[InstalledWorkflow]:
    documents = [{**document, "managed_by": "recipe"} for document in filled.workflows]
    saved = [await create_workflow(tx, inst, document, now=stamp.now) for document in documents]
    # Only now, when all of them are there, as one may name another.
    return [
        await _installed(tx, inst, each.workflow, document, stamp, published=published)
        for each, document in zip(saved, documents, strict=True)
    ]


async def _installed(
    tx: Tx, inst: Installation, workflow: WorkflowView, document: Json, stamp: Stamp, *, published: bool
) -> InstalledWorkflow:
    made = InstalledWorkflow(slug=workflow.slug, name=workflow.name, version=None, problems=[], warnings=[])
    if not published:
        return made.model_copy(update={"problems": list(await validate(tx, inst, document))})
    done = await publish(tx, inst, workflow.slug, now=stamp.now)
    return made.model_copy(update={"version": done.version, "warnings": list(done.warnings)})
