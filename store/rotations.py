"""Rows of rotations; who takes a turn locks the row first (``store.locks.lock_rotation``)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, update

from domain.rotating import Rotation
from store.database import Tx
from store.tables import rotations

_WRITTEN = (
    update(rotations)
    .where(rotations.c.workflow_id == bindparam("workflow"), rotations.c.step == bindparam("at_step"))
    .values(owed=bindparam("owed"), weights=bindparam("weights"), updated_at=bindparam("now"))
)


async def keep_rotation(tx: Tx, workflow_id: str, step: str, rotation: Rotation, *, now: datetime) -> None:
    """Write how a rotation stands; the row is locked."""
    await tx.run(_WRITTEN, workflow=workflow_id, at_step=step, **rotation.model_dump(), now=now)
