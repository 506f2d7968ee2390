"""Workflows from the first draft to deletion: a draft may hold mistakes, a published version none."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import datetime
from typing import Any, Literal, TypeAlias

from domain.base import Frozen, Json
from domain.catalogue import Catalogue
from domain.compiling import interests
from domain.definition import SLUG
from domain.documents import MAX_BYTES, to_document
from domain.errors import Conflict, Invalid, PreconditionFailed, PreconditionMissing, TooLarge
from domain.identities import give_ids
from domain.problems import FieldError, Problem
from domain.records import Cause
from domain.validation import examine
from services.authoring.drafts import Prepared, as_errors, current_document, examine_current, prepare
from services.authoring.live import hold_live
from services.authoring.sweep_spans import begin_to_sweep, sweep_from_now
from services.authoring.turning_off import forget_past_time, keep_turn_off_at
from services.catalogue import load_catalogue
from services.installation import Installation
from services.intake.hooks import make_hooks
from services.leaving.leaving import end_all_of_workflow
from services.recurring.recurring import begin_to_recur, recur_from_now, stop_recurring
from services.workflow_views import (
    VersionView,
    WorkflowView,
    etag_of,
    find,
    get_version,
    get_workflow,
    list_workflows,
    view_of,
)
from store import workflows as rows
from store.database import Read, Row, Tx
from store.ids import new_id
from store.locks import lock_schema
from store.occurrences import tell_run

__all__ = [
    "Inside", "Published", "Saved", "VersionView", "WorkflowView", "create_workflow", "delete_workflow",
    "examine_ahead", "examine_current_ahead", "examine_draft_ahead", "get_version", "get_workflow", "list_workflows",
    "publish", "save_draft", "turn_off", "turn_on", "validate",
]  # fmt: skip

Inside: TypeAlias = Literal["finish", "leave"]
"""What becomes of those inside a workflow that is deleted."""


class Saved(Frozen):
    """A stored draft and what still keeps it from being published."""

    workflow: WorkflowView
    problems: tuple[Problem, ...]
    created: bool = False


class Published(Frozen):
    """The version that is current now; ``warnings`` do not keep anybody from anything."""

    version: int
    warnings: tuple[Problem, ...]


async def validate(read: Read, inst: Installation, raw: Json) -> tuple[Problem, ...]:
    """Every problem of a definition; nothing is stored."""
    _check_size(raw)
    catalogue = await load_catalogue(read, inst)
    return (await asyncio.to_thread(examine, raw, catalogue)).problems


async def examine_ahead(inst: Installation, raw: Json) -> None:
    """Examine a definition in a thread, before the transaction that examines it again and decides.

    Trying templates may take seconds, and what was tried is remembered; so neither the event loop nor whoever else
    writes to SQLite waits for it.

    Raises:
        TooLarge: it is over ``MAX_BYTES``.
    """
    async with inst.db.read() as read:
        await validate(read, inst, raw)


async def examine_draft_ahead(inst: Installation, slug: str) -> None:
    """The same for the stored draft of a workflow; one that is not there is told by whoever looks next."""
    async with inst.db.read() as read:
        workflow = await rows.find_workflow(read, slug)
        if workflow is not None:
            await validate(read, inst, workflow["draft"])


async def examine_current_ahead(inst: Installation, slug: str) -> None:
    """The same for the current version of a workflow, if it has one."""
    async with inst.db.read() as read:
        workflow = await rows.find_workflow(read, slug)
        document = await current_document(read, workflow) if workflow is not None else None
        if document is not None:
            await validate(read, inst, document)


async def create_workflow(tx: Tx, inst: Installation, raw: Json, *, now: datetime) -> Saved:
    """Store the first draft of a workflow, under the slug it names.

    Raises:
        Conflict: the slug is taken.
        Invalid: the slug is missing or no slug (``errors`` then tells every problem of the draft), or a template is
            unsafe.
        TooLarge: it is over ``MAX_BYTES``.
    """
    slug = raw.get("slug") if isinstance(raw, dict) else None
    if not isinstance(slug, str) or not re.fullmatch(SLUG, slug):
        message = "a workflow needs a slug: 1 to 63 lower case letters, digits and hyphens"
        others = [problem for problem in await validate(tx, inst, raw) if problem.path != "/slug"]
        wrong = FieldError(path="/slug", code="wrong_value", message=message)
        raise Invalid(message, errors=[wrong, *as_errors(others)])
    values, problems = await _draft(tx, inst, slug, raw)
    if not await rows.insert_workflow(tx, {"id": new_id(now), "slug": slug, **values}, now=now):
        raise Conflict(f"there is a workflow {slug} already", code="slug_taken")
    return Saved(workflow=view_of(await find(tx, slug), inst), problems=problems, created=True)


async def save_draft(
    tx: Tx,
    inst: Installation,
    slug: str,
    raw: Json,
    *,
    if_match: str | None,
    revision: int | None = None,
    now: datetime,
) -> Saved:
    """Store a draft with whatever mistakes it has and tell them; a slug nobody has is created.

    ``revision``: of the draft it was made from; None: it was made from none.

    Raises:
        PreconditionMissing: the workflow exists and ``if_match`` does not say which state of it is meant.
        PreconditionFailed: ``if_match`` or ``revision`` is not the current state.
        Invalid: another slug than the path's, a changed object or type, or an unsafe template.
        TooLarge: it is over ``MAX_BYTES``.
    """
    if not isinstance(raw, dict):
        raise _refused("", "wrong_type", "a definition is an object")
    raw = {"slug": slug, **raw}
    if raw["slug"] != slug:
        raise _refused("/slug", "wrong_value", f"the slug is {raw['slug']!r}, the path says {slug!r}")
    workflow = await rows.find_workflow(tx, slug)
    if workflow is None and if_match is None:
        return await create_workflow(tx, inst, raw, now=now)
    if workflow is None:
        raise PreconditionFailed(f"there is no workflow {slug}; leave If-Match out to create it")
    _check_match(workflow, if_match)
    if revision not in (None, workflow["draft_revision"]):
        raise _stale(slug)
    values, problems = await _draft(tx, inst, slug, raw, workflow)
    if values["draft"] != workflow["draft"]:
        revision = workflow["draft_revision"]
        if not await rows.replace_draft(tx, workflow["id"], values, if_revision=revision, now=now):
            raise _stale(slug)
    return Saved(workflow=view_of(await find(tx, slug), inst), problems=problems)


async def publish(tx: Tx, inst: Installation, slug: str, *, now: datetime) -> Published:
    """Make the draft the current version and turn the workflow on; a draft that is the current version stays it.

    Its live values become those of the workflow (rule R12).

    Raises:
        NotFound: there is no such workflow.
        Invalid: the draft has problems, or its time to turn off has passed; ``errors`` lists them all.
        Conflict: somebody else published at the same moment.
    """
    # What the definition names is not removed while it is examined.
    await lock_schema(tx)
    workflow = await find(tx, slug)
    draft = await prepare(tx, inst, workflow)
    definition = draft.definition
    await make_hooks(tx, workflow["id"], definition, now=now)
    await keep_turn_off_at(tx, workflow["id"], definition, now=now)
    if draft.is_current:
        await rows.set_on(tx, workflow["id"], is_on=True, now=now)
    else:
        await _add_version(tx, workflow, draft, now=now)
    # Also where the version stays: its live values may have been changed since.
    cause = Cause(kind="publish", id=workflow["id"])
    await hold_live(tx, workflow, draft.version, definition, cause=cause, now=now)
    # Behind the row of the workflow, which whoever turns and moves it locks first.
    await begin_to_recur(tx, inst, workflow, definition, now=now)
    # Last, so that a page of a sweep waits for this transaction as briefly as can be.
    await begin_to_sweep(tx, workflow, definition, version=draft.version, now=now)
    return Published(version=draft.version, warnings=draft.warnings)


async def _add_version(tx: Tx, workflow: Row, draft: Prepared, *, now: datetime) -> None:
    """Make a draft the current version, with what it is found by."""
    stored = draft.plan.model_dump(mode="json", exclude_defaults=True)
    if await rows.insert_version(tx, workflow, definition=draft.document, plan=stored, now=now) is None:
        slug = workflow["slug"]
        raise Conflict(f"workflow {slug} was published by somebody else just now; look at it and publish again")
    found = interests(draft.definition, draft.catalogue)
    await rows.replace_interests(tx, workflow["id"], draft.version, triggers=found.triggers, run=found.run)


async def turn_on(tx: Tx, inst: Installation, slug: str, *, now: datetime) -> WorkflowView:
    """Let records in again.

    Raises:
        NotFound: there is no such workflow.
        Conflict: it was never published.
        Invalid: what it names was removed while it was off; ``errors`` lists every problem of the current version.
    """
    # As for publishing: what the version names is not removed while it is examined.
    await lock_schema(tx)
    workflow = await find(tx, slug)
    if workflow["version"] is None:
        raise Conflict(f"workflow {slug} was never published; publish it to turn it on", code="not_published")
    if not workflow["is_on"]:
        await examine_current(tx, inst, workflow)
    await rows.set_on(tx, workflow["id"], is_on=True, now=now)
    await recur_from_now(tx, workflow, now=now)
    await forget_past_time(tx, workflow, now=now)
    # Last, as when it is published.
    await sweep_from_now(tx, workflow, now=now)
    return view_of(await find(tx, slug), inst)


async def turn_off(tx: Tx, inst: Installation, slug: str, *, now: datetime) -> WorkflowView:
    """Let nobody in; those inside stay and finish (rule L5).

    Raises:
        NotFound: there is no such workflow.
    """
    workflow = await find(tx, slug)
    await rows.set_on(tx, workflow["id"], is_on=False, now=now)
    await stop_recurring(tx, inst, workflow, now=now)
    return view_of(await find(tx, slug), inst)


async def delete_workflow(
    tx: Tx, slug: str, *, if_match: str | None, inside: Inside | None = None, now: datetime
) -> None:
    """Delete a workflow; its history stays, its slug is free. ``inside`` decides about those who are (rule L6).

    Raises:
        NotFound: there is no such workflow.
        PreconditionMissing, PreconditionFailed: as for ``save_draft``.
        Conflict: somebody is inside and ``inside`` is None, or was merged into another record this very moment.
    """
    workflow = await find(tx, slug)
    _check_match(workflow, if_match)
    count = await rows.count_inside(tx, workflow["id"])
    if count and inside is None:
        message = f"{count} enrollments are inside {slug}: say inside=finish or inside=leave"
        raise Conflict(message, code="somebody_inside")
    # Off first, so that nobody enters behind the list; who is being let in this very moment finishes.
    await rows.give_slug_away(tx, workflow["id"], now=now)
    await tell_run(tx, workflow["id"], now=now)
    if inside == "leave":
        await end_all_of_workflow(tx, workflow["id"], now=now)


async def _draft(
    read: Read, inst: Installation, slug: str, raw: Json, known: Row | None = None
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """The columns a draft is stored in, and its problems."""
    _check_size(raw)
    catalogue = await load_catalogue(read, inst)
    examined = examine(raw, catalogue)
    unsafe = [p for p in examined.problems if p.code == "template_unsafe"]
    if unsafe:
        raise Invalid(f"workflow {slug} has a template that cannot be stored", errors=as_errors(unsafe))
    document = give_ids(raw) if examined.definition is None else to_document(examined.definition, inst.actions)
    assert isinstance(document, dict)
    values = {
        "name": str(document.get("name") or slug)[:200],
        "folder": str(document.get("folder") or "")[:200],
        "object": str(document.get("object") or "")[:40],
        "type": str(document.get("type") or "standard")[:20],
    }
    if known is not None:
        _check_fixed(known, values, catalogue)
    return {**values, "draft": document}, examined.problems


def _check_fixed(known: Row, values: dict[str, str], catalogue: Catalogue) -> None:
    """Object and type stay what they were, unless the object was none."""
    wrong = []
    for name in ("object", "type"):
        is_set = name == "type" or catalogue.schema.object(known[name]) is not None
        if is_set and values[name] != known[name]:
            message = f"the {name} of a workflow is fixed once it exists; this one's is {known[name]!r}"
            wrong.append(FieldError(path=f"/{name}", code="wrong_value", message=message))
    if wrong:
        raise Invalid("; ".join(error.message for error in wrong), errors=wrong)


def _check_size(raw: Json) -> None:
    size = len(json.dumps(raw, ensure_ascii=False).encode())
    if size > MAX_BYTES:
        raise TooLarge(f"the definition is {size} bytes, more than {MAX_BYTES}; split the workflow")


def _check_match(workflow: Row, if_match: str | None) -> None:
    if if_match is None:
        raise PreconditionMissing(f"say which state of {workflow['slug']} is meant: If-Match with its ETag")
    if if_match not in ("*", etag_of(workflow)):
        raise _stale(workflow["slug"])


def _stale(slug: str) -> PreconditionFailed:
    return PreconditionFailed(f"workflow {slug} was changed since you read it; read it again")


def _refused(path: str, code: str, message: str) -> Invalid:
    return Invalid(message, errors=[FieldError(path=path, code=code, message=message)])
