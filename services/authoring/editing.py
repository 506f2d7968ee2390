"""Edits of a stored draft, one step at a time, and clones of it: each saves the draft with whatever mistakes it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from domain.base import Json
from domain.editing import Draft, cloned, with_step, without_step
from domain.errors import Conflict, PreconditionFailed
from services.authoring.workflows import Saved, create_workflow, save_draft
from services.installation import Installation
from services.workflow_views import find
from store.database import Read, Tx

TRIES = 5
"""How often an edit of whatever the draft is looks at it anew because somebody else was quicker."""


async def edit_step(
    tx: Tx, inst: Installation, slug: str, step: str, values: Mapping[str, Json], *, if_match: str, now: datetime
) -> Saved:
    """Write fields of one step of the draft; None takes one away.

    Raises:
        NotFound: there is no such workflow or step.
        Conflict: several steps have the id.
        PreconditionFailed: ``if_match`` is not the current state.
    """
    return await _edit(tx, inst, slug, lambda draft: with_step(draft, step, values), if_match=if_match, now=now)


async def delete_step(
    tx: Tx, inst: Installation, slug: str, step: str, *, and_after: bool, if_match: str, now: datetime
) -> Saved:
    """Take a step out of the draft, with the steps inside it; ``and_after``: also those below it in its list.

    Raises:
        As ``edit_step``.
    """
    return await _edit(
        tx, inst, slug, lambda draft: without_step(draft, step, and_after=and_after), if_match=if_match, now=now
    )


async def clone_workflow(
    tx: Tx, inst: Installation, slug: str, new_slug: str, *, name: str | None, now: datetime
) -> Saved:
    """Store the draft of a workflow as the first draft of another one, which is off and lets nobody in.

    Raises:
        NotFound: there is no such workflow.
        Conflict: the new slug is taken.
        Invalid: the new slug is none.
    """
    draft, _ = await _draft(tx, slug)
    named = draft.get("name")
    own = named if isinstance(named, str) and named else slug
    return await create_workflow(tx, inst, cloned(draft, new_slug, name or f"Copy of {own}", inst.actions), now=now)


async def _edit(
    tx: Tx, inst: Installation, slug: str, edit: Callable[[Draft], dict[str, Json]], *, if_match: str, now: datetime
) -> Saved:
    """Save what becomes of the draft; where any state will do and another edit came first, of what that one left."""
    for _ in range(TRIES):
        draft, revision = await _draft(tx, slug)
        try:
            return await save_draft(tx, inst, slug, edit(draft), if_match=if_match, revision=revision, now=now)
        except PreconditionFailed:
            if if_match != "*":
                raise
    raise PreconditionFailed(f"workflow {slug} is being edited by others at the same time: try again")


async def _draft(read: Read, slug: str) -> tuple[dict[str, Json], int]:
    """The draft and its revision."""
    workflow = await find(read, slug)
    draft = workflow["draft"]
    if not isinstance(draft, dict):
        raise Conflict(f"workflow {slug} has no draft")
    return draft, workflow["draft_revision"]
