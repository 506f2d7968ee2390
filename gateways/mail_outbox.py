"""Delivers email into the local outbox, for trying the product and for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from domain.ports import HandOver, Mail, Receipt
from gateways.mime import build_message
from gateways.outbox import OutboxFolder, read_outbox

__all__ = ["OutboxMail", "read_outbox"]


class OutboxMail:
    """An outgoing mail service that keeps each message as a file; same key twice: one file."""

    repeatable = True

    def __init__(self, folder: Path) -> None:
        self._outbox = OutboxFolder(folder)

    async def close(self) -> None:
        """Nothing is open."""

    @asynccontextmanager
    async def prepare(self, mail: Mail) -> AsyncIterator[HandOver]:
        """Check that the message could be sent and yield the hand-over, which writes the file.

        Raises:
            Rejected: a real mail server could not take it either; see build_message.
        """
        build_message(mail)

        async def hand_over() -> Receipt:
            return Receipt(reference=await self._outbox.put(mail.key, mail))

        yield hand_over
