"""Idempotency keys: a POST sent again under the same key gets the first call's answer and does nothing twice.

The key is claimed in a transaction of its own, so that a second call is told to wait; the answer is stored in the
transaction that does the work, so a crash leaves either both or neither. A refused call did nothing and frees its
key: the caller may correct the body and use it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Header, Request
from starlette.responses import Response

from api.answers import Answer
from api.deps import Caller, Identified, Inst
from api.errors import StillRunning
from domain.errors import Invalid
from services.installation import Installation
from store import idempotency
from store.database import Tx

LOCKED = timedelta(minutes=1)
"""How long a call that never ended keeps its key. An upload may take longer and holds on to it while it goes on; a call
that lost its key to another one undoes what it did."""

TAKEN = "this call took so long that another one under its Idempotency-Key has begun"

Work = Callable[[Tx], Awaitable[Answer]]


class Once:
    """Runs the work of one POST once per Idempotency-Key; without a key it simply runs it."""

    def __init__(self, inst: Installation, caller: Caller, *, key: str | None, digest: str) -> None:
        self._inst = inst
        self._caller = caller
        self._key = key
        self._digest = digest
        self._mine: idempotency.Claim | None = None

    @property
    def is_keyed(self) -> bool:
        """Whether the caller sent a key."""
        return self._key is not None

    async def run(self, work: Work) -> Response:
        """Do ``work`` in one transaction and answer, or answer as the first call did.

        Raises:
            StillRunning: the first call under the key has not ended.
            Invalid: the key was used with another body.
        """

        async def alone() -> Answer:
            async with self._inst.db.transaction() as tx:
                made = await work(tx)
                await self.settle(tx, made)
            return made

        return await self._claimed(alone)

    async def run_long(self, work: Callable[[], Awaitable[Answer]]) -> Response:
        """As ``run``, for work that opens its own transactions; its answer is stored after it."""

        async def alone() -> Answer:
            made = await work()
            if self._mine is not None:
                async with self._inst.db.transaction() as tx:
                    await self.settle(tx, made)
            return made

        return await self._claimed(alone)

    async def run_staged(self, work: Callable[[], Awaitable[Answer]]) -> Response:
        """As ``run``, for work in many transactions: the last calls ``settle``, and if that fails all is undone."""
        return await self._claimed(work)

    async def holding(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The pieces of an upload; the key is held while they come.

        Raises:
            StillRunning: they came so slowly that another call has taken the key.
        """
        async for piece in pieces:
            await self._hold()
            yield piece

    async def settle(self, tx: Tx, made: Answer) -> None:
        """Store the answer of the call in the transaction that does its work.

        Raises:
            StillRunning: the key is no longer this call's; its work must not be committed.
        """
        if self._mine is None:
            return
        kept = made.body if made.kept is None else made.kept
        if not await idempotency.settle(tx, self._mine, status=made.status, headers=made.headers, body=kept):
            raise StillRunning(TAKEN)

    def over(self, content: str) -> Once:
        """The same call, with ``content`` counted as part of its body (a file's digest)."""
        digest = hashlib.sha256(f"{self._digest}:{content}".encode()).hexdigest()
        return Once(self._inst, self._caller, key=self._key, digest=digest)

    async def _claimed(self, alone: Callable[[], Awaitable[Answer]]) -> Response:
        if self._key is None:
            return (await alone()).response()
        earlier = await self._claim(self._key)
        if earlier is not None:
            return earlier.response()
        try:
            return (await alone()).response()
        except Exception:
            await self._release()
            raise

    async def _claim(self, key: str) -> Answer | None:
        now = self._inst.clock.now()
        mine = idempotency.Claim(api_key_id=self._caller.key_id, key=key, locked_until=now + LOCKED)
        async with self._inst.db.transaction() as tx:
            held = await idempotency.claim(
                tx, mine, request_hash=self._digest, now=now, kept_since=now - idempotency.KEPT
            )
        if held is None:
            self._mine = mine
            return None
        if held.request_hash != self._digest:
            raise Invalid("this Idempotency-Key was used with another request", code="idempotency_key_reused")
        if held.status is None:
            raise StillRunning("the first call under this Idempotency-Key is still running")
        return Answer(status=held.status, headers={**held.headers, "Idempotent-Replay": "true"}, body=held.body or "")

    async def _hold(self) -> None:
        now = self._inst.clock.now()
        if self._mine is None or self._mine.locked_until - now > LOCKED / 2:
            return
        async with self._inst.db.transaction() as tx:
            renewed = await idempotency.renew(tx, self._mine, locked_until=now + LOCKED)
        if renewed is None:
            raise StillRunning(TAKEN)
        self._mine = renewed

    async def _release(self) -> None:
        if self._mine is not None:
            async with self._inst.db.transaction() as tx:
                await idempotency.release(tx, self._mine)


async def read_once(
    request: Request,
    inst: Inst,
    caller: Identified,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key", min_length=1, max_length=200, description="Makes it safe to repeat, for 7 days."
        ),
    ] = None,
) -> Once:
    """The once-only runner of this request."""
    return Once(inst, caller, key=key, digest=await _digest(request) if key is not None else "")


OnlyOnce = Annotated[Once, Depends(read_once)]


async def _digest(request: Request) -> str:
    """Method, address and body; JSON counts by content, so other spacing or order is the same body."""
    body = ""
    if "json" in request.headers.get("content-type", "") and (written := await request.body()):
        try:
            body = json.dumps(await request.json(), sort_keys=True)
        except json.JSONDecodeError:
            # Whether the route wants a body at all is not known here; if it does, it refuses this one.
            body = hashlib.sha256(written).hexdigest()
    return hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n{body}".encode()).hexdigest()
