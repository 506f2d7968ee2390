"""Tells a waiting loop that somebody committed something; never what, and never instead of looking."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

CHANNEL = "ft_changes"
POLL_S = 0.02
"""How often SQLite's data version is looked at; a look costs microseconds and reads no table."""


class ChangeFeed:
    """One listener with a connection of its own; made by ``Database.changes``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._version: int | None = None
        self._heard = asyncio.Event()
        self._lost = False

    async def wait(self, timeout_s: float) -> None:
        """Return when anything may have been committed by any process since the last return; else after ``timeout_s``.

        The first call returns at once, because nobody knows what happened before. Early returns are allowed, so look
        at the tables afterwards and do not count on something being there.
        """
        if self._engine.dialect.name == "sqlite":
            await self._wait_for_version(timeout_s)
        else:
            await self._wait_for_notice(timeout_s)

    async def close(self) -> None:
        """Give the connection back; a later wait opens a new one."""
        connection, self._connection, self._version = self._connection, None, None
        if connection is not None:
            await connection.close()
        await self._engine.dispose()

    async def _wait_for_version(self, timeout_s: float) -> None:
        # data_version of a connection moves when another connection commits; nothing is ever written on this one,
        # so commits of this process count like those of the others.
        connection = self._connection or await self._engine.connect()
        self._connection = connection
        deadline = asyncio.get_running_loop().time() + timeout_s
        seen, self._version = self._version, None  # An interrupted look says nothing: the next wait returns at once.
        while True:
            version = (await connection.exec_driver_sql("PRAGMA data_version")).scalar()
            left = deadline - asyncio.get_running_loop().time()
            if version != seen or left <= 0:
                self._version = version
                return
            await asyncio.sleep(min(POLL_S, left))

    async def _wait_for_notice(self, timeout_s: float) -> None:
        if self._connection is None or self._lost:
            await self._listen()
            return
        try:
            await asyncio.wait_for(self._heard.wait(), timeout_s)
        except TimeoutError:
            return
        self._heard.clear()

    async def _listen(self) -> None:
        if self._connection is not None:
            # Its other end is gone, or whoever waited was cancelled before it listened; this gives back ours.
            await self._connection.invalidate()
            await self._connection.close()
            self._connection = None
        # Kept from the first moment, so that it is closed whatever happens before it listens.
        self._lost = True
        self._connection = await self._engine.connect()
        driver: Any = (await self._connection.get_raw_connection()).driver_connection
        await driver.add_listener(CHANNEL, self._on_notice)
        driver.add_termination_listener(self._on_lost)
        self._lost = False

    def _on_notice(self, *_: object) -> None:
        self._heard.set()

    def _on_lost(self, *_: object) -> None:
        # Whatever was announced while nobody listened is lost: count it as heard, and listen anew on the next wait.
        self._lost = True
        self._heard.set()
