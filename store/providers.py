"""Rows about what mail services tell: the tokens of their calls, and the messages these are about."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import RowMapping, bindparam, select

from store.database import Read, Tx, portions
from store.tables import effects, messages, provider_tokens

DIGEST = select(provider_tokens.c.digest).where(provider_tokens.c.id == bindparam("of"))
NAMED = (
    select(messages, effects.c.state.label("effect_state"))
    .outerjoin(effects, effects.c.key == messages.c.effect_key)
    .where(messages.c.message_id.in_(bindparam("ids", expanding=True)), messages.c.channel == "email")
    .order_by(messages.c.id)
)


async def take_token(tx: Tx, token: str, digest: str, *, now: datetime) -> bool:
    """Keep which body a token came with; False when it came with another one before."""
    if await tx.insert_ignore(provider_tokens, [{"id": token, "digest": digest, "received_at": now}]):
        return True
    return bool(await tx.scalar(DIGEST, of=token) == digest)


async def note_event(tx: Tx, event: str, *, now: datetime) -> bool:
    """Keep that something was told; False when it was before."""
    return await tx.insert_ignore(provider_tokens, [{"id": event, "digest": "", "received_at": now}]) == 1


async def find_named(read: Read, message_ids: Collection[str]) -> dict[str, RowMapping]:
    """Emails of ours by their Message-ID without brackets, with ``effect_state``: None when the ledger forgot it."""
    found: dict[str, RowMapping] = {}
    for portion in portions(sorted(message_ids)):
        found |= {row["message_id"]: row for row in await read.all(NAMED, ids=portion)}
    return found
