"""Writes down who changed the set-up, in the transaction of the change: without its row there is no change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from domain.audit import Author, State, What, differing, kind_of
from services.audit_states import STATES
from store.audit import insert_entry
from store.database import Tx
from store.locks import lock_audited


@asynccontextmanager
async def audited(tx: Tx, author: Author, what: What, subject: str, *, now: datetime) -> AsyncIterator[None]:
    """Write down what happens to ``subject`` within; where nothing becomes of it, nothing.

    Whoever changes the same thing waits until this transaction ends, so that each entry begins where the one before it
    ended. It comes before every other lock of the transaction; of several things, in the order of their names.
    """
    kind = kind_of(what)
    await lock_audited(tx, kind, subject)
    before = await STATES[kind](tx, subject)
    yield
    after = await STATES[kind](tx, subject)
    if before is not None and after is not None:
        before, after = differing(before, after)
        if not before and not after:
            return
    if before != after:
        await insert_entry(tx, author, what, subject, before=before, after=after, now=now)


async def note_made(
    tx: Tx, author: Author, what: What, subject: str, *, after: State | None = None, now: datetime
) -> None:
    """Write down that ``subject`` is there now, where nobody knew before what it would be called.

    ``after``: what to say of it where its kind has no state of its own.
    """
    after = after or await STATES[kind_of(what)](tx, subject)
    await insert_entry(tx, author, what, subject, before=None, after=after, now=now)
