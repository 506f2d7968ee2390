"""What routes ask for: the installation, a read session, the caller with the scope the route needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.request_log import log_caller
from domain.access import Scope
from domain.audit import Author
from domain.base import Frozen
from domain.errors import NotAllowed, NotAuthenticated
from domain.records import Cause
from services.installation import Installation
from store import people
from store.database import Read

bearer = HTTPBearer(auto_error=False, description="An API key, `ft_…`.")


class Caller(Frozen):
    """Who calls: the id of the API key, the user it belongs to (None: a program), and what it may do now."""

    key_id: str
    user_id: str | None = None
    scopes: frozenset[str]

    @property
    def cause(self) -> Cause:
        """What changes made by this call name as their cause."""
        return Cause(kind="api", id=self.key_id)

    @property
    def author(self) -> Author:
        """Who the audit log says it was."""
        return Author(by="key", key_id=self.key_id, user_id=self.user_id)

    def demand(self, scope: str) -> None:
        """Refuse unless the key has ``scope``.

        Raises:
            NotAllowed: it has not.
        """
        if scope not in self.scopes:
            raise NotAllowed(f"this key lacks the scope {scope}")


def installation(request: Request) -> Installation:
    """The installation that the app was started with."""
    inst: Installation = request.app.state.installation
    return inst


Inst = Annotated[Installation, Depends(installation)]


async def identify(inst: Inst, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Caller:
    """The caller behind the bearer key.

    Looked up on every request, so that a revoked key, a user who left and a role that was taken away end at once.

    Raises:
        NotAuthenticated: no key, an unknown one, a revoked one or one of a user who left.
    """
    if credentials is None:
        raise NotAuthenticated("send an API key: Authorization: Bearer ft_…")
    async with inst.db.glance() as read:
        found = await people.find_key(read, credentials.credentials)
    if found is None:
        raise NotAuthenticated("this API key is unknown or revoked")
    log_caller(found.id, found.user_id)
    return Caller(key_id=found.id, user_id=found.user_id, scopes=frozenset(found.scopes))


Identified = Annotated[Caller, Depends(identify)]


async def reading(inst: Inst, _: Identified) -> AsyncIterator[Read]:
    """One read session for one request, opened once the caller is known.

    In the other order each request would hold a connection while it waits for the one that looks up its key, and as
    many requests at once as the pool has connections would wait for each other.
    """
    async with inst.db.read() as read:
        yield read


Reading = Annotated[Read, Depends(reading, scope="function")]


def needs(scope: Scope, *others: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency that lets a caller with ``scope`` pass, or with one of the ``others``."""

    async def check(caller: Identified) -> Caller:
        if caller.scopes.isdisjoint(others):
            caller.demand(scope)
        return caller

    return check


RecordsRead = Annotated[Caller, Depends(needs("records:read"))]
RecordsWrite = Annotated[Caller, Depends(needs("records:write"))]
EventsWrite = Annotated[Caller, Depends(needs("events:write"))]
WorkflowsRead = Annotated[Caller, Depends(needs("workflows:read"))]
WorkflowsWrite = Annotated[Caller, Depends(needs("workflows:write"))]
WorkflowsPublish = Annotated[Caller, Depends(needs("workflows:publish"))]
EnrollmentsRead = Annotated[Caller, Depends(needs("enrollments:read"))]
EnrollmentsWrite = Annotated[Caller, Depends(needs("enrollments:write"))]
SetUpRead = Annotated[Caller, Depends(needs("records:read", "workflows:read"))]
"""How the installation is set up: what records are made of, and what workflows name. No record is shown by it."""
MessagesRead = Annotated[Caller, Depends(needs("messages:read"))]
MessagesSend = Annotated[Caller, Depends(needs("messages:send"))]
Admin = Annotated[Caller, Depends(needs("admin"))]

IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=200)]
