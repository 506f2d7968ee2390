"""Changing the live part of a workflow (rule R12): it applies at once to everybody inside, whatever version they run.

What changed is appended to the list the relay works through; ``retiming`` tells whoever waits to ask again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime

from domain.base import Frozen, Instant, Json
from domain.concerns import Part, changed_parts
from domain.definition import Definition, WorkflowSettings
from domain.errors import Conflict, Invalid
from domain.live import Live, LiveAnchor, live_of, with_values
from domain.names import property_key
from domain.problems import FieldError, Problem
from domain.records import Cause
from domain.validation import examine
from domain.zones import ZONE_PROPERTY
from services.authoring.drafts import warnings_of
from services.authoring.turning_off import keep_turn_off_at
from services.catalogue import load_catalogue
from services.installation import Installation
from services.workflow_views import find
from store import workflows as rows
from store.changes import Stamp, append_settings_changed
from store.database import Read, Row, Tx
from store.live import ACCOUNT, get_live, list_live, put_live, raise_live_revision, read_everywhere
from store.locks import lock_schema

PARTS = ("/settings", "/anchor")


class LiveView(Frozen):
    """The live values of a workflow, since when they hold, who set them and which version was current then.

    ``warnings``: where they were just changed, what of it is seldom meant.
    """

    id: str
    version: int
    settings: WorkflowSettings
    anchor: LiveAnchor
    changed_at: Instant
    changed_by: Cause
    warnings: tuple[Problem, ...] = ()


async def change_live(
    tx: Tx, inst: Installation, slug: str, changed: dict[str, Json], *, cause: Cause, now: datetime
) -> LiveView:
    """Change live values of a published workflow and its draft together; what is not named stays.

    ``changed``: fields of ``settings`` by name, and ``anchor`` with those of the anchor; None restores a default.

    Raises:
        NotFound: there is no such workflow.
        Conflict: it was never published: there is nobody inside, so its draft is what to change.
        Invalid: what is wrong with the values; ``errors`` lists it all by path.
    """
    if "anchor" in changed and changed["anchor"] is None:
        words = "an anchor cannot be taken away; say which of its date and time to change"
        raise Invalid(words, errors=[FieldError(path="/anchor", code="wrong_value", message=words)])
    await lock_schema(tx)
    workflow = await find(tx, slug)
    version = await _current(tx, workflow)
    as_now = with_values(version["definition"], _as_now(await get_live(tx, workflow["id"])))
    document = with_values(as_now, changed)
    catalogue = await load_catalogue(tx, inst)
    examined = await asyncio.to_thread(examine, document, catalogue)
    _refuse(slug, [p for p in examined.problems if p.path.startswith(PARTS)])
    if examined.definition is None:
        # The version was published under the rules of an older release, and cannot be read as a whole any more.
        raise Conflict(f"workflow {slug} must be published again before its settings can change", code="not_current")
    definition = examined.definition
    if "turn_off_at" in changed:
        await keep_turn_off_at(tx, workflow["id"], definition, path="/turn_off_at", now=now)
    await _change_draft(tx, workflow, changed, now=now)
    await hold_live(tx, workflow, version["version"], definition, cause=cause, now=now)
    held = (await live_history(tx, workflow["id"], limit=1))[0]
    warnings = await warnings_of(tx, inst, definition) if "anchor" in changed else ()
    return held.model_copy(update={"warnings": warnings})


async def hold_live(
    tx: Tx, workflow: Row, version: int, definition: Definition, *, cause: Cause, now: datetime
) -> None:
    """Let the live values of a definition hold from now on, and have told who waits by them; those that hold stay."""
    live, before = live_of(definition), await get_live(tx, workflow["id"])
    if live == before:
        return
    revision = await put_live(tx, workflow["id"], version, live, cause=cause, now=now)
    if live.settings.timezone == "record":
        await read_everywhere(tx, workflow["id"], property_key(definition.object, ZONE_PROPERTY))
    if before is not None and (parts := changed_parts(before, live)):
        await append_settings_changed(tx, workflow["id"], Stamp(now=now, cause=cause), revision=revision, parts=parts)


async def tell_account_changed(tx: Tx, parts: Collection[Part], *, cause: Cause, now: datetime) -> None:
    """The account's zone or other defaults for time changed: have whoever waits by them told."""
    revision = await raise_live_revision(tx)
    await append_settings_changed(tx, ACCOUNT, Stamp(now=now, cause=cause), revision=revision, parts=parts)


async def live_history(read: Read, workflow_id: str, *, before: str | None = None, limit: int) -> list[LiveView]:
    """Up to ``limit`` live values a workflow had, newest first."""
    return [_view(row) for row in await list_live(read, workflow_id, before=before, limit=limit)]


async def _current(read: Read, workflow: Row) -> Row:
    if workflow["version"] is None:
        words = f"workflow {workflow['slug']} was never published; change its draft instead"
        raise Conflict(words, code="not_published")
    version = await rows.get_version(read, workflow["id"], workflow["version"])
    assert version is not None, "the current version is stored"
    return version


async def _change_draft(tx: Tx, workflow: Row, changed: dict[str, Json], *, now: datetime) -> None:
    draft = with_values(workflow["draft"], changed)
    if draft != workflow["draft"]:
        revision = workflow["draft_revision"]
        if not await rows.replace_draft(tx, workflow["id"], {"draft": draft}, if_revision=revision, now=now):
            raise Conflict(f"the draft of {workflow['slug']} was changed this very moment; try again", code="changed")


def _as_now(live: Live | None) -> dict[str, Json]:
    """The live values as fields to write over those of a version."""
    if live is None:
        return {}
    document = live.settings.model_dump(mode="json", by_alias=True)
    return {**document, "anchor": live.anchor.model_dump(mode="json")}


def _refuse(slug: str, problems: list[Problem]) -> None:
    if problems:
        count = len(problems)
        words = f"the settings of {slug} cannot be changed: {count} problem{'s' if count != 1 else ''}"
        # The paths of the body: its settings are not nested.
        errors = [FieldError(path=p.path.removeprefix("/settings"), code=p.code, message=p.message) for p in problems]
        raise Invalid(words, errors=errors)


def _view(row: Row) -> LiveView:
    live = Live.model_validate(row["live"])
    return LiveView(
        id=row["id"],
        version=row["version"],
        settings=live.settings,
        anchor=live.anchor,
        changed_at=row["changed_at"],
        changed_by=Cause(kind=row["cause_kind"], id=row["cause_id"]),
    )
