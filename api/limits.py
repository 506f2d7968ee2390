"""What a request may be before anyone reads it: bodies have a size limit, addresses and JSON hold storable text only.

FastAPI's own body limit answers in plain text when a length is declared, which would be a second error shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response
from domain.operators import is_number

MIB = 1024 * 1024
BODY_BYTES = 2 * MIB
"""A definition may have 1 MiB; the rest is room for its JSON dress."""
IMPORT_BYTES = 101 * MIB
"""A file of 100 MiB and the multipart around it."""
IMPORT = re.compile(r"/api/v1/records/[^/]+/import")
"""The one path that may have it."""
MAIL = "/api/v1/inbound/email"
MAIL_BYTES = 25 * MIB
"""What mail services take at most."""
FORM = re.compile(r"/api/v1/(inbound/sms|providers/twilio/events)|/u/.*")
"""Forms that anybody may send, of which each field is read before it is known from whom it comes."""
FORM_BYTES = 64 * 1024
SUSPICIOUS = re.compile(rb"\\u0000|[0-9][eE]\+?[0-9]{2}|[0-9]{200}")
"""What is in every JSON text with a NUL or a number too large, and in few others: only then is all of it looked at."""


class Limits:
    """ASGI middleware: 413 for bodies over the limit of their path, 422 for an address with a NUL in it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, counting its bytes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = _limit(scope["path"])
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            # No database of ours stores NUL in text; PostgreSQL refuses it with an error of its own.
            refusal = problem_response(422, "invalid", "the address contains a NUL character")
        elif _declared(scope) > limit:
            refusal = problem_response(413, "too_large", f"the body is over {limit} bytes")
        else:
            await self.app(scope, _counted(receive, limit), send)
            return
        await refusal(scope, receive, send)


def _limit(path: str) -> int:
    if path == MAIL:
        return MAIL_BYTES
    if FORM.fullmatch(path):
        return FORM_BYTES
    return IMPORT_BYTES if IMPORT.fullmatch(path) else BODY_BYTES


def _declared(scope: Scope) -> int:
    written = Headers(scope=scope).get("content-length", "0")
    return int(written) if written.isdecimal() else 0


def _counted(receive: Receive, limit: int) -> Receive:
    total = 0

    async def counting() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise HTTPException(413, f"the body is over {limit} bytes")
        return message

    return counting


class StorableRequest(Request):
    """A request whose JSON every database of ours can keep: no NaN, NUL, lone surrogate or number beyond a double."""

    async def json(self) -> Any:
        """The body as JSON.

        Raises:
            json.JSONDecodeError: with the reason in words.
        """
        if not hasattr(self, "_json"):
            body = await self.body()
            try:
                document = from_json(body, allow_inf_nan=False)
            except ValueError as error:
                raise json.JSONDecodeError(str(error), "", 0) from None
            if SUSPICIOUS.search(body) and (words := unstorable(document)) is not None:
                raise json.JSONDecodeError(words, "", 0)
            self._json = document
        return self._json


def unstorable(value: object) -> str | None:
    """What in a JSON document no database of ours can keep, in words; None when it can be kept."""
    if isinstance(value, str):
        return "a text contains a NUL character, which cannot be stored" if "\0" in value else None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return None if is_number(value) else "a number is too large to be stored; send it as a text"
    if isinstance(value, dict):
        value = [*value, *value.values()]
    parts = (unstorable(part) for part in value) if isinstance(value, list) else ()
    return next((words for words in parts if words is not None), None)


class StorableRoute(APIRoute):
    """The route class of every router: hands its handler a ``StorableRequest``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind our reading of JSON."""
        handle = super().get_route_handler()

        async def storable(request: Request) -> Response:
            return await handle(StorableRequest(request.scope, request.receive))

        return storable
