"""Workflows as they are shown: the draft and the versions in written form."""

from __future__ import annotations

from domain.base import Frozen, Instant, Json
from domain.documents import canonical
from domain.errors import NotFound
from services.installation import Installation
from store import workflows as rows
from store.database import Read, Row


class WorkflowView(Frozen):
    """A workflow as it is shown. ``etag`` names the state of the draft, ``version`` is the published one, if any."""

    id: str
    slug: str
    name: str
    folder: str
    object: str
    type: str
    definition: Json
    draft_revision: int
    etag: str
    is_on: bool
    is_paused: bool
    turn_off_at: Instant | None
    version: int | None
    created_at: Instant
    updated_at: Instant


class VersionView(Frozen):
    """A published version."""

    version: int
    published_at: Instant
    definition: Json


async def list_workflows(
    read: Read, inst: Installation, filters: rows.WorkflowFilters = rows.EVERY, *, after: str | None = None, limit: int
) -> list[WorkflowView]:
    """Up to ``limit`` workflows in order of creation, after the id ``after``."""
    return [view_of(row, inst) for row in await rows.list_workflows(read, filters, after=after, limit=limit)]


async def get_workflow(read: Read, inst: Installation, slug: str) -> WorkflowView:
    """The workflow with its draft in written form.

    Raises:
        NotFound: there is none.
    """
    return view_of(await find(read, slug), inst)


async def get_version(read: Read, inst: Installation, slug: str, version: int) -> VersionView:
    """A published version in written form.

    Raises:
        NotFound: there is no such workflow or version.
    """
    workflow = await find(read, slug)
    row = await rows.get_version(read, workflow["id"], version)
    if row is None:
        raise NotFound(f"workflow {slug} has no version {version}")
    definition = canonical(row["definition"], inst.actions)
    return VersionView(version=version, published_at=row["published_at"], definition=definition)


def view_of(row: Row, inst: Installation) -> WorkflowView:
    """A row as it is shown."""
    return WorkflowView(
        **{name: row[name] for name in WorkflowView.model_fields if name not in ("definition", "etag")},
        definition=canonical(row["draft"], inst.actions),
        etag=etag_of(row),
    )


def etag_of(row: Row) -> str:
    """Names the state of the draft, for If-Match."""
    return f'"{row["draft_revision"]}"'


async def find(read: Read, slug: str) -> Row:
    """The row of a workflow.

    Raises:
        NotFound: there is none.
    """
    row = await rows.find_workflow(read, slug)
    if row is None:
        raise NotFound(f"there is no workflow {slug}")
    return row
