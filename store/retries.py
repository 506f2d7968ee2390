"""Rows of passages that were taken up again."""

from __future__ import annotations

from sqlalchemy import bindparam, update

from store.database import Tx
from store.tables import enrollments

TAKEN_UP = update(enrollments).where(enrollments.c.id == bindparam("old")).values(retried_as=bindparam("made"))


async def mark_retried(tx: Tx, old: str, made: str) -> None:
    """Note which passage takes up this one, whose record is locked."""
    await tx.run(TAKEN_UP, old=old, made=made)
