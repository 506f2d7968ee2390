"""What anchored delays of an enrollment count from, and when that last moved (rule R4)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, select, update

from store.database import Read, Tx
from store.tables import changes, enrollments

RECENT = 100
"""Changes looked through for the one that moved a date; behind so many it counts as moved when that was noticed."""

SET_ORIGIN = (
    update(enrollments)
    .where(enrollments.c.id == bindparam("enrollment_id"))
    .values(origin=bindparam("counted_from"), origin_since=bindparam("since"))
)
CHANGED = (
    select(changes.c.kind, changes.c.before, changes.c.after, changes.c.occurred_at)
    .where(
        changes.c.record_id.in_(bindparam("ids", expanding=True)),
        changes.c.kind.in_(("updated", "settings", "associated", "dissociated")),
        changes.c.occurred_at >= bindparam("since"),
    )
    .order_by(changes.c.seq.desc())
    .limit(RECENT)
)


async def set_origin(tx: Tx, enrollment_id: str, origin: str, since: datetime) -> None:
    """Note what an enrollment counts from, and since when."""
    await tx.run(SET_ORIGIN, enrollment_id=enrollment_id, counted_from=origin, since=since)


async def last_moved(
    read: Read, subjects: Collection[str], properties: Collection[str], *, linked: bool, since: datetime
) -> datetime | None:
    """When one of ``properties`` of records, or live values, last changed since an instant; None: not lately.

    ``subjects``: ids of records and of whatever has live values. ``linked``: associations count as well.
    """
    for row in await read.all(CHANGED, ids=sorted(subjects), since=since):
        before, after = row["before"] or {}, row["after"] or {}
        moved = row["kind"] == "settings" or any(before.get(name) != after.get(name) for name in properties)
        if moved or (linked and row["kind"] in ("associated", "dissociated")):
            found: datetime = row["occurred_at"]
            return found
    return None
