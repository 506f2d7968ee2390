"""Edits of a stored draft, one step at a time, and clones of it: each saves the draft with whatever mistakes it has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.base import Json
from domain.editing import cloned, with_step, without_step
from domain.errors import Conflict
from services.authoring.workflows import Saved, create_workflow, save_draft
from services.installation import Installation
from services.workflow_views import find
from store.database import Read, Tx


async def edit_step(
    tx: Tx, inst: Installation, slug: str, step: str, values: Mapping[str, Json], *, if_match: str, now: datetime
) -> Saved:
    """Write fields of one step of the draft; None takes one away.

    Raises:
        NotFound: there is no such workflow or step.
        Conflict: several steps have the id.
        PreconditionFailed: ``if_match`` is not the current state.
    """
    draft = with_step(await _draft(tx, slug), step, values)
    return await save_draft(tx, inst, slug, draft, if_match=if_match, now=now)


async def delete_step(
    tx: Tx, inst: Installation, slug: str, step: str, *, and_after: bool, if_match: str, now: datetime
) -> Saved:
    """Take a step out of the draft, with the steps inside it; ``and_after``: also those below it in its list.

    Raises:
        As ``edit_step``.
    """
    draft = without_step(await _draft(tx, slug), step, and_after=and_after)
    return await save_draft(tx, inst, slug, draft, if_match=if_match, now=now)


async def clone_workflow(
    tx: Tx, inst: Installation, slug: str, new_slug: str, *, name: str | None, now: datetime
) -> Saved:
    """Store the draft of a workflow as the first draft of another one, which is off and lets nobody in.

    Raises:
        NotFound: there is no such workflow.
        Conflict: the new slug is taken.
        Invalid: the new slug is none.
    """
    draft = await _draft(tx, slug)
    named = draft.get("name")
    own = named if isinstance(named, str) and named else slug
    return await create_workflow(tx, inst, cloned(draft, new_slug, name or f"Copy of {own}", inst.actions), now=now)


async def _draft(read: Read, slug: str) -> dict[str, Json]:
    draft = (await find(read, slug))["draft"]
    if not isinstance(draft, dict):
        raise Conflict(f"workflow {slug} has no draft")
    return draft
