"""What every answer tells browsers and caches: to take it as it is called, show it in no frame, pass its address to
nobody and keep nothing that is somebody's.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.installation import Installation

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""What an answer for a program may load, be framed by and send: nothing. Pages of ours bring a policy of their own."""

DOCS, REFERENCE = "/docs", "/openapi.json"
DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""The page that shows the reference starts itself with a script of its own. Nothing on it is from anybody else."""

HSTS = "max-age=31536000"
"""One year, for this name only: what else lives below the domain is not ours to decide about."""


class SecurityHeaders:
    """ASGI middleware around whatever answers, crashes included. A header that the answer has already stays."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, and dress its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        inst: Installation = scope["app"].state.installation
        path = scope["path"]

        async def dressing(message: Message) -> None:
            if message["type"] == "http.response.start":
                _dress(MutableHeaders(scope=message), path, is_https=inst.public_url.startswith("https://"))
            await send(message)

        await self.app(scope, receive, dressing)


def _dress(headers: MutableHeaders, path: str, *, is_https: bool) -> None:
    headers.setdefault("X-Content-Type-Options", "nosniff")
    # Addresses of public pages hold tokens; the address of whatever we lead to must not learn them.
    headers.setdefault("Referrer-Policy", "no-referrer")
    is_docs = path == DOCS or path.startswith(f"{DOCS}/")
    headers.setdefault("Content-Security-Policy", DOCS_POLICY if is_docs else NOTHING)
    # The reference tells of the program, not of who uses it.
    if not is_docs and path != REFERENCE:
        headers.setdefault("Cache-Control", "no-store")
    if is_https:
        headers.setdefault("Strict-Transport-Security", HSTS)
