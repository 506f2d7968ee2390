"""Rows of hooks: the secret addresses by which other systems let records into a workflow."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select

from domain.base import Frozen, Instant
from store.database import Read, Tx
from store.ids import new_hook_secret, new_token
from store.tables import hooks


class Hook(Frozen):
    """The address of one webhook trigger, and what its callers sign with."""

    token: str
    workflow_id: str
    trigger: str
    secret: str
    created_at: Instant


async def find_hook(read: Read, token: str) -> Hook | None:
    """The hook of this address."""
    row = await read.one(select(hooks).where(hooks.c.token == token))
    return Hook(**row) if row else None


async def list_hooks(read: Read, workflow_id: str) -> list[Hook]:
    """The hooks of a workflow, also of triggers its current version no longer has."""
    mine = select(hooks).where(hooks.c.workflow_id == workflow_id).order_by(hooks.c.trigger)
    return [Hook(**row) for row in await read.all(mine)]


async def ensure_hooks(tx: Tx, workflow_id: str, triggers: Collection[str], *, now: datetime) -> None:
    """Give each of these triggers a hook; one that has a hook keeps it."""
    for trigger in triggers:
        row = {
            "token": new_token(), "workflow_id": workflow_id, "trigger": trigger, "secret": new_hook_secret(),
            "created_at": now,
        }  # fmt: skip
        await tx.insert_ignore(hooks, [row])


async def renew_hook(tx: Tx, workflow_id: str, trigger: str, *, now: datetime) -> bool:
    """Give a trigger another address and secret, so that the old ones open nothing; False when it has no hook."""
    mine = delete(hooks).where(hooks.c.workflow_id == workflow_id, hooks.c.trigger == trigger)
    if not await tx.run(mine):
        return False
    await ensure_hooks(tx, workflow_id, [trigger], now=now)
    return True
