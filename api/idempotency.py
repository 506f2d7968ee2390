"""Idempotency keys: a POST sent again under the same key gets the first call's answer and does nothing twice.

The key is claimed in a transaction of its own, so that a second call is told to wait; the answer is stored in the
transaction that does the work, so a crash leaves either both or neither. A refused call did nothing and frees its
key: the caller may correct the body and use it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
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

KEPT = timedelta(days=7)
LOCKED = timedelta(minutes=1)
"""How long a call that never ended keeps its key; an upload of the largest file takes less."""

Work = Callable[[Tx], Awaitable[Answer]]


class Once:
    """Runs the work of one POST once per Idempotency-Key; without a key it simply runs it."""

    def __init__(self, inst: Installation, caller: Caller, *, key: str | None, digest: str) -> None:
        self._inst = inst
        self._caller = caller
        self._key = key
        self._digest = digest

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
                await self._settle(tx, made)
            return made

        return await self._claimed(alone)

    async def run_long(self, work: Callable[[], Awaitable[Answer]]) -> Response:
        """As ``run``, for work that opens its own transactions; its answer is stored after it."""

        async def alone() -> Answer:
            made = await work()
            if self._key is not None:
                async with self._inst.db.transaction() as tx:
                    await self._settle(tx, made)
            return made

        return await self._claimed(alone)

    def over(self, content: str) -> Once:
        """The same call, with ``content`` counted as part of its body (a file's digest)."""
        digest = hashlib.sha256(f"{self._digest}:{content}".encode()).hexdigest()
        return Once(self._inst, self._caller, key=self._key, digest=digest)

    async def _claimed(self, alone: Callable[[], Awaitable[Answer]]) -> Response:
        if self._key is None:
            return (await alone()).response()
        earlier = await self._claim(self._key, self._inst.clock.now())
        if earlier is not None:
            return earlier.response()
        try:
            return (await alone()).response()
        except Exception:
            async with self._inst.db.transaction() as tx:
                await idempotency.release(tx, self._caller.key_id, self._key)
            raise

    async def _claim(self, key: str, now: datetime) -> Answer | None:
        async with self._inst.db.transaction() as tx:
            held = await idempotency.claim(
                tx, self._caller.key_id, key, request_hash=self._digest, now=now, locked_until=now + LOCKED,
                kept_since=now - KEPT,
            )  # fmt: skip
        if held is None:
            return None
        if held.request_hash != self._digest:
            raise Invalid("this Idempotency-Key was used with another request", code="idempotency_key_reused")
        if held.status is None:
            raise StillRunning("the first call under this Idempotency-Key is still running")
        return Answer(status=held.status, headers={**held.headers, "Idempotent-Replay": "true"}, body=held.body or "")

    async def _settle(self, tx: Tx, made: Answer) -> None:
        if self._key is not None:
            kept = made.body if made.kept is None else made.kept
            await idempotency.settle(
                tx, self._caller.key_id, self._key, status=made.status, headers=made.headers, body=kept
            )


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
    if "json" in request.headers.get("content-type", "") and await request.body():
        body = json.dumps(await request.json(), sort_keys=True)
    return hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n{body}".encode()).hexdigest()
