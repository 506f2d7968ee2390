"""One line per request, and the id under which everything logged for it is found.

The line names the template of the route, never the address: addresses of public pages are secrets.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.installation import Installation
from services.log_fields import add_log_fields, log_fields
from store.ids import new_id

log = logging.getLogger(__name__)

HEADER = "X-Request-Id"
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")
"""What is taken over from who calls: their own id or that of a balancer, and nothing that a log would stumble over."""

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines; logged only when they fail."""


class RequestLog:
    """ASGI middleware around everything else, so that it sees what errors are answered with.

    ``prefix``: below which most routes stand, which their templates do not name.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request with its id, and log what became of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0
        inst: Installation = scope["app"].state.installation
        request_id = _request_id(scope, inst)
        inst.traces.note(request=request_id)

        async def answering(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with log_fields(request=request_id, trace=inst.traces.trace_id()):
            try:
                await self.app(scope, receive, answering)
            finally:
                route = self._route(scope)
                if status >= 400 or route not in PROBES:
                    taken_s = time.perf_counter() - begun
                    inst.meter.responded(scope["method"], route or "", status, taken_s)
                    said = {
                        "method": scope["method"],
                        "route": route,
                        "status": status or None,
                        "ms": round(taken_s * 1000, 1),
                    }
                    log.info("request", extra=said)

    def _route(self, scope: Scope) -> str | None:
        """The template that was found for the address; None where nothing lives."""
        found: Any = scope.get("route")
        template = getattr(found, "path_format", None) or getattr(found, "path", None)
        return f"{self.prefix}{template}" if template and scope["path"].startswith(f"{self.prefix}/") else template


def log_caller(key_id: str, user_id: str | None) -> None:
    """From here on the lines of this request name who calls."""
    add_log_fields(key=key_id, user=user_id)


def is_probe(scope: Scope) -> bool:
    """Whether a machine only asks how this one is."""
    return scope.get("path") in PROBES


def _request_id(scope: Scope, inst: Installation) -> str:
    given = Headers(scope=scope).get(HEADER, "")
    if WELL_FORMED.fullmatch(given):
        return given
    return new_id(inst.clock.now())
