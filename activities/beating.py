"""Heartbeats of outside actions and of pages: when a worker dies, another takes up its attempts within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from temporalio import activity

T = TypeVar("T")

BEATS = 3
"""Heartbeats per timeout, so that a late one does not count as death."""


async def beating(attempt: Awaitable[T]) -> T:
    """Carry an attempt to its end while telling the server that this worker lives.

    A cancellation the run asked for is not obeyed: what is under way may have been handed over already, and only its
    own settling knows what became of it. The gate of its claim is what stops an attempt of an enrollment that is over.
    A worker that shuts down does end its attempts; the ledger then says what nobody knows.
    """
    work = asyncio.ensure_future(attempt)
    beat = asyncio.ensure_future(_beat())
    try:
        while not work.done():
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError:
                details = activity.cancellation_details()
                if details is None or not (details.cancel_requested or details.not_found):
                    work.cancel()
                    await asyncio.wait({work})
                    raise
        return work.result()
    finally:
        beat.cancel()


async def _beat() -> None:
    timeout = activity.info().heartbeat_timeout
    while timeout is not None:
        # The server counts from the start of the attempt, and most are over before the first is due.
        await asyncio.sleep(timeout.total_seconds() / BEATS)
        activity.heartbeat()
