"""Rows of idempotency keys: who used which key for which request, and what was answered."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update

from domain.base import Frozen
from store.database import Tx
from store.tables import idempotency

KEPT = timedelta(days=7)
"""How long an answer can be asked for again."""


class Held(Frozen):
    """A key in use. ``status`` None: the first call has not ended; else what it answered."""

    request_hash: str
    status: int | None
    headers: dict[str, str]
    body: str | None


class Claim(Frozen):
    """What a call says of its key: it is mine until then. The instant tells it from a later claim of the same key."""

    api_key_id: str
    key: str
    locked_until: datetime


async def claim(tx: Tx, mine: Claim, *, request_hash: str, now: datetime, kept_since: datetime) -> Held | None:
    """Take a key for a request: None when the caller has it now, else who holds it.

    A key older than ``kept_since`` and one whose first call never ended (its lock ran out) are free again.
    """
    this = (idempotency.c.api_key_id == mine.api_key_id, idempotency.c.key == mine.key)
    await tx.run(delete(idempotency).where(*this, idempotency.c.created_at < kept_since))
    row = {
        **mine.model_dump(), "request_hash": request_hash, "status": None, "headers": None, "body": None,
        "created_at": now,
    }  # fmt: skip
    if await tx.insert_ignore(idempotency, [row]):
        return None
    abandoned = (idempotency.c.status.is_(None), idempotency.c.locked_until <= now)
    taken = update(idempotency).where(*this, *abandoned)
    if await tx.run(taken.values(request_hash=request_hash, created_at=now, locked_until=mine.locked_until)):
        return None
    held = await tx.one(select(idempotency).where(*this))
    if held is None:
        # Its holder released it between the two looks: told as running, the caller asks again and gets it.
        return Held(request_hash=request_hash, status=None, headers={}, body=None)
    return Held(
        request_hash=held["request_hash"], status=held["status"], headers=held["headers"] or {}, body=held["body"]
    )


async def renew(tx: Tx, mine: Claim, *, locked_until: datetime) -> Claim | None:
    """Hold a key longer; None when another call has taken it meanwhile."""
    held = await tx.run(update(idempotency).where(*_still(mine)).values(locked_until=locked_until))
    return mine.model_copy(update={"locked_until": locked_until}) if held else None


async def settle(tx: Tx, mine: Claim, *, status: int, headers: dict[str, str], body: str | None) -> bool:
    """Keep the answer of a claimed key; False when another call has taken it meanwhile, whose answer counts."""
    kept = {"status": status, "headers": headers, "body": body, "locked_until": None}
    return await tx.run(update(idempotency).where(*_still(mine)).values(kept)) == 1


async def release(tx: Tx, mine: Claim) -> None:
    """Free a key whose call did nothing; an answer that was kept and the claim of another call stay."""
    await tx.run(delete(idempotency).where(*_still(mine)))


def _still(mine: Claim) -> tuple[ColumnElement[bool], ...]:
    """What is true of the row as long as the claim holds."""
    return (
        idempotency.c.api_key_id == mine.api_key_id,
        idempotency.c.key == mine.key,
        idempotency.c.status.is_(None),
        idempotency.c.locked_until == mine.locked_until,
    )
