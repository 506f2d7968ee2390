"""Rows of channels."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, delete, exists, select, update

from domain.conversations import Channel, ChannelKind
from store.database import Read, Tx
from store.tables import channels, threads

BY_ADDRESS = select(channels).where(
    channels.c.kind == bindparam("kind"), channels.c.address.in_(bindparam("any_of", expanding=True)), channels.c.active
)


async def insert_channel(tx: Tx, channel: Channel) -> bool:
    """Write a new channel; False when its slug or its address is taken."""
    return await tx.insert_ignore(channels, [channel.model_dump()]) == 1


async def replace_channel(tx: Tx, channel: Channel) -> None:
    """Write everything of a channel over what is stored."""
    await tx.run(update(channels).where(channels.c.id == channel.id).values(**channel.model_dump(exclude={"id"})))


async def delete_channel(tx: Tx, id: str) -> bool:
    """Forget a channel; False when there are threads of it."""
    unused = ~exists().where(threads.c.channel_id == id)
    return await tx.run(delete(channels).where(channels.c.id == id, unused)) == 1


async def find_channel(read: Read, slug: str) -> Channel | None:
    """The channel of this slug."""
    row = await read.one(select(channels).where(channels.c.slug == slug))
    return Channel(**row) if row else None


async def get_channel(read: Read, id: str) -> Channel | None:
    """The channel of this id."""
    row = await read.one(select(channels).where(channels.c.id == id))
    return Channel(**row) if row else None


async def find_by_address(read: Read, kind: ChannelKind, any_of: Collection[str]) -> dict[str, Channel]:
    """The active channels with these addresses, by address."""
    rows = await read.all(BY_ADDRESS, kind=kind, any_of=list(any_of)) if any_of else []
    return {row["address"]: Channel(**row) for row in rows}


async def has_address(read: Read, address: str) -> bool:
    """Whether a channel of mail, active or not, has this address, in lower case."""
    mine = (channels.c.kind == "email", channels.c.address == address)
    return await read.one(select(channels.c.id).where(*mine)) is not None


async def list_channels(read: Read, *, after: str | None, limit: int) -> list[Channel]:
    """Channels by slug, from behind ``after``."""
    page = select(channels).order_by(channels.c.slug).limit(limit)
    if after is not None:
        page = page.where(channels.c.slug > after)
    return [Channel(**row) for row in await read.all(page)]


async def channels_of_pipeline(read: Read, pipeline: str) -> list[dict[str, Any]]:
    """``slug`` and ``stage`` of the channels that open tickets in a pipeline."""
    rows = await read.all(
        select(channels.c.slug, channels.c.stage).where(channels.c.pipeline == pipeline).order_by(channels.c.slug)
    )
    return [dict(row) for row in rows]
