"""Rows of live values: what holds for a workflow now, and what held before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import RowMapping, bindparam, insert, select, update

from domain.base import Json
from domain.live import Live
from domain.records import Cause
from store.database import Read, Tx
from store.ids import new_id
from store.schema import ACCOUNT_ID
from store.tables import account, interests, live_history, workflows

ACCOUNT = "account"
"""What a change of the account's defaults is about, where others name a record or a workflow."""

GET = select(workflows.c.live).where(workflows.c.id == bindparam("workflow_id"))


async def get_live(read: Read, workflow_id: str) -> Live | None:
    """The live values of a workflow; None before it is published."""
    stored = await read.scalar(GET, workflow_id=workflow_id)
    return Live.model_validate(stored) if stored is not None else None


async def put_live(tx: Tx, workflow_id: str, version: int, live: Live, *, cause: Cause, now: datetime) -> int:
    """Let these values hold from now on and keep them in the history; the revision of all live values then."""
    document = live.document()
    mine = update(workflows).where(workflows.c.id == workflow_id)
    await tx.run(mine.values(live=document, updated_at=now))
    row = {
        "id": new_id(now), "workflow_id": workflow_id, "version": version, "live": document,
        "cause_kind": cause.kind, "cause_id": cause.id, "changed_at": now,
    }  # fmt: skip
    await tx.run(insert(live_history).values(**row))
    return await raise_live_revision(tx)


async def raise_live_revision(tx: Tx) -> int:
    """Make every process read live values anew; the number that names this state of them."""
    tx.account, tx.live_altered = None, True
    raised = update(account).where(account.c.id == ACCOUNT_ID).values(live_revision=account.c.live_revision + 1)
    return int(await tx.scalar(raised.returning(account.c.live_revision)))


async def list_live(read: Read, workflow_id: str, *, before: str | None = None, limit: int) -> list[RowMapping]:
    """Up to ``limit`` live values a workflow had, newest first, older than the row ``before``."""
    page = select(live_history).where(live_history.c.workflow_id == workflow_id)
    if before is not None:
        page = page.where(live_history.c.id < before)
    return await read.all(page.order_by(live_history.c.id.desc()).limit(limit))


async def settings_since(read: Read, workflow_id: str, since: datetime) -> list[RowMapping]:
    """The live values that came to hold behind an instant, oldest first."""
    mine = (live_history.c.workflow_id == workflow_id, live_history.c.changed_at > since)
    return await read.all(select(live_history).where(*mine).order_by(live_history.c.id))


async def read_everywhere(tx: Tx, workflow_id: str, key: str) -> None:
    """Have enrollments of every version of the workflow found by a key, as a live value reads it from now on."""
    known = select(interests.c.version).where(
        interests.c.workflow_id == workflow_id, interests.c.key == key, interests.c.trigger.is_(None)
    )
    missing = select(workflows.c.version).where(workflows.c.id == workflow_id)
    current = await tx.scalar(missing) or 0
    has = {row["version"] for row in await tx.all(known)}
    rows: list[Mapping[str, Json]] = [
        {"workflow_id": workflow_id, "version": version, "key": key, "trigger": None}
        for version in range(1, current + 1)
        if version not in has
    ]
    await tx.run(insert(interests), rows)
