"""Rows of idempotency keys: who used which key for which request, and what was answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update

from domain.base import Frozen
from store.database import Tx
from store.tables import idempotency


class Held(Frozen):
    """A key in use. ``status`` None: the first call has not ended; else what it answered."""

    request_hash: str
    status: int | None
    headers: dict[str, str]
    body: str | None


async def claim(
    tx: Tx,
    api_key_id: str,
    key: str,
    *,
    request_hash: str,
    now: datetime,
    locked_until: datetime,
    kept_since: datetime,
) -> Held | None:
    """Take a key for a request: None when the caller has it now, else who holds it.

    A key older than ``kept_since`` and one whose first call never ended (its lock ran out) are free again.
    """
    mine = (idempotency.c.api_key_id == api_key_id, idempotency.c.key == key)
    await tx.run(delete(idempotency).where(*mine, idempotency.c.created_at < kept_since))
    row = {
        "api_key_id": api_key_id, "key": key, "request_hash": request_hash, "status": None, "headers": None,
        "body": None, "created_at": now, "locked_until": locked_until,
    }  # fmt: skip
    if await tx.insert_ignore(idempotency, [row]):
        return None
    abandoned = (idempotency.c.status.is_(None), idempotency.c.locked_until <= now)
    taken = update(idempotency).where(*mine, *abandoned)
    if await tx.run(taken.values(request_hash=request_hash, created_at=now, locked_until=locked_until)):
        return None
    held = await tx.one(select(idempotency).where(*mine))
    if held is None:
        # Its holder released it between the two looks: told as running, the caller asks again and gets it.
        return Held(request_hash=request_hash, status=None, headers={}, body=None)
    return Held(
        request_hash=held["request_hash"], status=held["status"], headers=held["headers"] or {}, body=held["body"]
    )


async def settle(tx: Tx, api_key_id: str, key: str, *, status: int, headers: dict[str, str], body: str | None) -> None:
    """Keep the answer of a claimed key."""
    mine = update(idempotency).where(idempotency.c.api_key_id == api_key_id, idempotency.c.key == key)
    await tx.run(mine.values(status=status, headers=headers, body=body, locked_until=None))


async def release(tx: Tx, api_key_id: str, key: str) -> None:
    """Free a key whose call did nothing; an answer that was kept stays."""
    mine = delete(idempotency).where(idempotency.c.api_key_id == api_key_id, idempotency.c.key == key)
    await tx.run(mine.where(idempotency.c.status.is_(None)))


async def forget(tx: Tx, kept_since: datetime) -> int:
    """Delete keys older than ``kept_since``; how many."""
    return await tx.run(delete(idempotency).where(idempotency.c.created_at < kept_since))
