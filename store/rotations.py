"""Rows of rotations; who takes a turn locks the row first (``store.locks.lock_rotation``)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, update

from store.database import Tx
from store.tables import rotations

_WRITTEN = (
    update(rotations)
    .where(rotations.c.workflow_id == bindparam("workflow"), rotations.c.step == bindparam("at_step"))
    .values(owed=bindparam("owed"), updated_at=bindparam("now"))
)


async def keep_rotation(tx: Tx, workflow_id: str, step: str, owed: Mapping[str, int], *, now: datetime) -> None:
    """Write what each user is owed; the row is locked."""
    await tx.run(_WRITTEN, workflow=workflow_id, at_step=step, owed=dict(owed), now=now)
