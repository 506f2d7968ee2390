"""Delivers text messages into the local outbox, for trying the product and for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from domain.ports import HandOver, Receipt, Sms
from gateways.outbox import OutboxFolder


class OutboxSms:
    """An outgoing SMS service that keeps each message as a file; same key twice: one file."""

    repeatable = True

    def __init__(self, folder: Path) -> None:
        self._outbox = OutboxFolder(folder)

    def is_from_service(self, url: str, form: Sequence[tuple[str, str]], signature: str) -> bool:
        """Never: files call nobody."""
        return False

    @asynccontextmanager
    async def prepare(self, sms: Sms) -> AsyncIterator[HandOver]:
        """Yield the hand-over, which writes the file."""

        async def hand_over() -> Receipt:
            return Receipt(reference=await self._outbox.put(sms.key, sms))

        yield hand_over
