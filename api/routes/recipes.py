"""Ready-made workflows: which there are, what they ask for, and installing one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Admin, Inst, WorkflowsRead
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.schemas.recipes import InstallBody, RecipeSummary, recipe_summary
from domain.recipes import Recipe
from services.authoring.recipes import Installed, install, note_installed, recipe_or_404
from store.changes import Stamp
from store.database import Tx

router = APIRouter(prefix="/recipes", tags=["recipes"], route_class=StorableRoute)

Slug = Annotated[str, Path(max_length=63, examples=["welcome-message"])]


@router.get("", response_model=Page[RecipeSummary])
async def list_recipes(inst: Inst, _: WorkflowsRead, paging: Paged) -> Page[RecipeSummary]:
    """Ready-made workflows, in alphabetical order."""
    found = [each for slug, each in inst.recipes.all().items() if paging.after is None or slug > paging.after]
    return page(found[: paging.fetch], paging, recipe_summary, key=lambda each: each.slug)


@router.get("/{slug}", response_model=Recipe)
async def show_recipe(slug: Slug, inst: Inst, _: WorkflowsRead) -> Recipe:
    """One recipe: what it asks for and all that it adds; `${name}` is where an answer goes."""
    return recipe_or_404(inst, slug)


@router.post("/{slug}/install", status_code=201, response_model=Installed, responses=refusals(409))
async def install_recipe(slug: Slug, body: InstallBody, inst: Inst, caller: Admin, once: OnlyOnce) -> Response:
    """Add its emails, its workflows and what they need, all or nothing: as drafts, or published.

    What it needs and is there already stays as it is; an email or workflow of the same slug refuses it.
    """
    recipe = recipe_or_404(inst, slug)

    async def work(tx: Tx) -> Answer:
        stamp = Stamp(now=inst.clock.now(), cause=caller.cause)
        made = await install(tx, inst, recipe, body.parameters, stamp, published=body.publish)
        await note_installed(tx, caller.author, made, now=stamp.now)
        return answer(made, 201)

    return await once.run(work)
