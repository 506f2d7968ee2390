"""Rows of workflows, their versions, and the candidate index that publishing writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Text, bindparam, delete, func, insert, literal, or_, select, update

from domain.base import Frozen, Json
from domain.catalogue import KnownWorkflow
from domain.definition import Parameter
from domain.enrollments import Enrollment
from domain.plan import ENGINE_REV
from store.database import Read, Row, Tx
from store.documents import TextOf
from store.enrollments import IS_ACTIVE, enrollment_of
from store.tables import enrollments, interests, versions, workflows

GONE = "deleted:"
"""What the slug of a deleted workflow begins with; no slug anybody can write does. Its rows stay for the history."""


GET = select(workflows).where(workflows.c.id == bindparam("workflow_id"))
_DOOR = (
    workflows.c.id, workflows.c.slug, workflows.c.object, workflows.c.version, workflows.c.is_on,
    workflows.c.is_paused, workflows.c.turn_off_at,
)  # fmt: skip
DOOR = select(*_DOOR).where(workflows.c.id == bindparam("workflow_id"))
"""What an entry asks of a workflow; not its draft, which may be long."""


async def get_workflow(read: Read, workflow_id: str) -> RowMapping | None:
    """The workflow of this id, also when it was deleted."""
    return await read.one(GET, workflow_id=workflow_id)


async def find_workflow(read: Read, slug: str) -> RowMapping | None:
    """The workflow of this slug; a deleted one has none."""
    if slug.startswith(GONE):
        return None
    return await read.one(select(workflows).where(workflows.c.slug == slug))


class WorkflowFilters(Frozen):
    """What a list of workflows is narrowed to; None: no matter.

    ``search``: words that all stand in its name, slug, folder or description, in whatever case. ``folder``: that one
    and those below it.
    """

    search: str | None = None
    folder: str | None = None
    object: str | None = None
    type: str | None = None
    on: bool | None = None
    managed_by: str | None = None


EVERY = WorkflowFilters()


async def list_workflows(
    read: Read, filters: WorkflowFilters = EVERY, *, after: str | None = None, limit: int
) -> list[RowMapping]:
    """Up to ``limit`` workflows in order of creation, after the id ``after``; deleted ones are left out."""
    page = select(workflows).where(workflows.c.slug.not_like(f"{GONE}%"), *_narrowed(filters))
    if after is not None:
        page = page.where(workflows.c.id > after)
    return await read.all(page.order_by(workflows.c.id).limit(limit))


async def count_by_folder(read: Read) -> list[tuple[str, int, int]]:
    """Every folder with how many workflows lie in it, and how many of them are on; by name."""
    counted = select(
        workflows.c.folder, func.count().label("workflows"), func.count().filter(workflows.c.is_on).label("on")
    ).where(workflows.c.slug.not_like(f"{GONE}%"))
    rows = await read.all(counted.group_by(workflows.c.folder).order_by(workflows.c.folder))
    return [(row["folder"], row["workflows"], row["on"]) for row in rows]


async def slugs_in_folder(read: Read, folder: str) -> list[str]:
    """The workflows of a folder and of those below it, by slug."""
    inside = select(workflows.c.slug).where(workflows.c.slug.not_like(f"{GONE}%"), _in_folder(folder))
    return [row["slug"] for row in await read.all(inside.order_by(workflows.c.slug))]


def _narrowed(filters: WorkflowFilters) -> list[ColumnElement[bool]]:
    equal = {workflows.c.object: filters.object, workflows.c.type: filters.type, workflows.c.is_on: filters.on}
    found = [column == wanted for column, wanted in equal.items() if wanted is not None]
    if filters.managed_by is not None:
        found.append(_written("managed_by") == filters.managed_by)
    if filters.folder is not None:
        found.append(_in_folder(filters.folder))
    description = func.coalesce(_written("description"), "")
    texts = func.lower(
        workflows.c.name + "\n" + workflows.c.slug + "\n" + workflows.c.folder + "\n" + description
    )  # fmt: skip
    return [*found, *(texts.contains(word.lower(), autoescape=True) for word in (filters.search or "").split())]


def _in_folder(folder: str) -> ColumnElement[bool]:
    return or_(workflows.c.folder == folder, workflows.c.folder.startswith(f"{folder}/", autoescape=True))


def _written(name: str) -> ColumnElement[str]:
    return TextOf(workflows.c.draft, literal(name, Text()))


async def known_workflows(read: Read) -> dict[str, KnownWorkflow]:
    """The workflows a definition may name, by slug."""
    current = (versions.c.workflow_id == workflows.c.id) & (versions.c.version == workflows.c.version)
    rows = await read.all(
        select(workflows.c.slug, workflows.c.object, versions.c.version, versions.c.definition["parameters"].label("p"))
        .join(versions, current, isouter=True)
        .where(workflows.c.slug.not_like(f"{GONE}%"))
    )
    return {row["slug"]: _known(row) for row in rows}


def _known(row: RowMapping) -> KnownWorkflow:
    if row["version"] is None:
        return KnownWorkflow(object=row["object"])
    declared = tuple(Parameter.model_validate(each) for each in row["p"] or ())
    return KnownWorkflow(object=row["object"], parameters=declared)


async def insert_workflow(tx: Tx, values: Mapping[str, Any], *, now: datetime) -> bool:
    """Write a new workflow with its first draft; False when the slug is taken."""
    row = {
        **values, "draft_revision": 1, "is_on": False, "is_paused": False, "version": None, "live": None,
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    return await tx.insert_ignore(workflows, [row]) == 1


async def replace_draft(
    tx: Tx, workflow_id: str, values: Mapping[str, Any], *, if_revision: int, now: datetime
) -> bool:
    """Write a draft over the one of this revision; False when that is no longer the current one."""
    mine = update(workflows).where(workflows.c.id == workflow_id, workflows.c.draft_revision == if_revision)
    return await tx.run(mine.values(**values, draft_revision=if_revision + 1, updated_at=now)) == 1


async def set_on(tx: Tx, workflow_id: str, *, is_on: bool, now: datetime) -> None:
    """Let records in, or nobody new."""
    mine = update(workflows).where(workflows.c.id == workflow_id, workflows.c.is_on.is_not(is_on))
    await tx.run(mine.values(is_on=is_on, updated_at=now))


async def set_turn_off_at(tx: Tx, workflow_id: str, at: datetime | None) -> None:
    """Until when the workflow lets records in; None: until somebody turns it off."""
    mine = update(workflows).where(workflows.c.id == workflow_id, workflows.c.turn_off_at.is_distinct_from(at))
    await tx.run(mine.values(turn_off_at=at))


async def due_to_turn_off(read: Read, now: datetime) -> list[str]:
    """Ids of workflows that are on past their time."""
    rows = await read.all(select(workflows.c.id).where(workflows.c.turn_off_at <= now, workflows.c.is_on.is_(True)))
    return [row["id"] for row in rows]


async def turn_off_past(tx: Tx, workflow_id: str, *, now: datetime) -> bool:
    """Let nobody new in if the time is still past; False when somebody gave it another one meanwhile."""
    mine = (workflows.c.id == workflow_id, workflows.c.turn_off_at <= now, workflows.c.is_on.is_(True))
    return await tx.run(update(workflows).where(*mine).values(is_on=False, turn_off_at=None, updated_at=now)) == 1


async def set_paused(tx: Tx, workflow_id: str, *, is_paused: bool, now: datetime) -> None:
    """Hold everybody inside, or let them go on."""
    mine = update(workflows).where(workflows.c.id == workflow_id, workflows.c.is_paused.is_not(is_paused))
    await tx.run(mine.values(is_paused=is_paused, updated_at=now))


async def give_slug_away(tx: Tx, workflow_id: str, *, now: datetime) -> None:
    """Delete a workflow: it is off, cannot be found, and its slug is free; those inside and the history keep it."""
    mine = update(workflows).where(workflows.c.id == workflow_id)
    await tx.run(mine.values(slug=f"{GONE}{workflow_id}", is_on=False, updated_at=now))
    await tx.run(delete(interests).where(interests.c.workflow_id == workflow_id, interests.c.trigger.is_not(None)))


def is_gone(workflow: Row) -> bool:
    """Whether a workflow was deleted; its row stays for its history."""
    return bool(workflow["slug"].startswith(GONE))


async def get_version(read: Read, workflow_id: str, version: int) -> RowMapping | None:
    """A published version with ``definition`` and ``plan``; it never changes."""
    mine = (versions.c.workflow_id == workflow_id, versions.c.version == version)
    return await read.one(select(versions).where(*mine))


async def list_versions(read: Read, workflow_id: str, *, before: int | None = None, limit: int) -> list[RowMapping]:
    """Number and time of up to ``limit`` versions, newest first, older than ``before``."""
    page = select(versions.c.version, versions.c.published_at).where(versions.c.workflow_id == workflow_id)
    if before is not None:
        page = page.where(versions.c.version < before)
    return await read.all(page.order_by(versions.c.version.desc()).limit(limit))


async def insert_version(tx: Tx, workflow: RowMapping, *, definition: Json, plan: Json, now: datetime) -> int | None:
    """Write the next version, make it the current one and turn the workflow on; its number.

    None when somebody else published in the meantime.
    """
    number = (workflow["version"] or 0) + 1
    same = workflows.c.version.is_(None) if number == 1 else workflows.c.version == number - 1
    mine = update(workflows).where(workflows.c.id == workflow["id"], same)
    if await tx.run(mine.values(version=number, is_on=True, updated_at=now)) != 1:
        return None
    row = {"workflow_id": workflow["id"], "version": number, "definition": definition, "plan": plan}
    await tx.run(insert(versions).values(**row, engine_rev=ENGINE_REV, published_at=now))
    return number


async def replace_interests(
    tx: Tx, workflow_id: str, version: int, *, triggers: Iterable[tuple[str, str]], run: Iterable[str]
) -> None:
    """Index a new version: its triggers take the place of the older ones', what its runs read is added."""
    old = delete(interests).where(interests.c.workflow_id == workflow_id, interests.c.trigger.is_not(None))
    await tx.run(old)
    same = {"workflow_id": workflow_id, "version": version}
    rows = [{**same, "key": key, "trigger": trigger} for trigger, key in triggers]
    rows += [{**same, "key": key, "trigger": None} for key in sorted(run)]
    await tx.run(insert(interests), rows)


async def count_inside(read: Read, workflow_id: str) -> int:
    """How many enrollments of the workflow are not over."""
    inside = select(func.count()).select_from(enrollments)
    return int(await read.scalar(inside.where(enrollments.c.workflow_id == workflow_id, IS_ACTIVE)) or 0)


async def list_inside(read: Read, workflow_id: str) -> list[Enrollment]:
    """The enrollments of the workflow that are not over, in the order of entry."""
    mine = select(enrollments).where(enrollments.c.workflow_id == workflow_id, IS_ACTIVE)
    return [enrollment_of(row) for row in await read.all(mine.order_by(enrollments.c.id))]


async def ids_inside(read: Read, workflow_id: str) -> list[str]:
    """The enrollments of the workflow that are not over, ascending."""
    mine = select(enrollments.c.id).where(enrollments.c.workflow_id == workflow_id, IS_ACTIVE)
    return [row["id"] for row in await read.all(mine.order_by(enrollments.c.id))]
