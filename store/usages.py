"""Documents that may use something: drafts, current versions, and versions with somebody inside."""

from __future__ import annotations

from sqlalchemy import exists, or_, select

from domain.base import Frozen, Json
from store.database import Read
from store.enrollments import IS_ACTIVE
from store.tables import enrollments, versions, workflows
from store.workflows import GONE


class Document(Frozen):
    """A definition as it is stored. ``version`` None: a draft; ``counts``: records enter it, or are inside."""

    slug: str
    name: str
    version: int | None
    counts: bool
    definition: Json


async def documents_in_use(read: Read) -> list[Document]:
    """Every draft, and every version that is the current one or has somebody inside, by workflow."""
    inside = exists().where(
        enrollments.c.workflow_id == versions.c.workflow_id, enrollments.c.version == versions.c.version, IS_ACTIVE
    )
    is_current = (workflows.c.version == versions.c.version) & workflows.c.slug.not_like(f"{GONE}%")
    columns = (workflows.c.slug, workflows.c.name, workflows.c.is_on, versions.c.version, versions.c.definition)
    found = await read.all(
        select(*columns, is_current.label("is_current"), inside.label("inside"))
        .join(versions, versions.c.workflow_id == workflows.c.id)
        .where(or_(is_current, inside))
        .order_by(workflows.c.id, versions.c.version)
    )
    published = [
        Document(
            slug=row["slug"].removeprefix(GONE),
            name=row["name"],
            version=row["version"],
            counts=bool(row["inside"] or (row["is_current"] and row["is_on"])),
            definition=row["definition"],
        )
        for row in found
    ]
    drafts = await read.all(
        select(workflows.c.slug, workflows.c.name, workflows.c.draft)
        .where(workflows.c.slug.not_like(f"{GONE}%"))
        .order_by(workflows.c.id)
    )
    known = {(each.slug, str(each.definition)) for each in published}
    return [
        *published,
        *(
            Document(slug=row["slug"], name=row["name"], version=None, counts=False, definition=row["draft"])
            for row in drafts
            if (row["slug"], str(row["draft"])) not in known
        ),
    ]
