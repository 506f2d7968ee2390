"""Threads: conversations with contacts, what was written in them, and the tickets they are about."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import answer
from api.deps import Inst, MessagesRead, Reading, RecordsWrite
from api.describing import refusals
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.routes.records import writing
from api.schemas.conversations import ThreadMessageView, ThreadPatch, ThreadView, message_view, thread_view
from domain.conversations import Thread
from domain.errors import NotFound
from services.conversations.attaching import attach
from store import threads as rows
from store.database import Read
from store.threads import ThreadFilters

router = APIRouter(prefix="/threads", tags=["conversations"], route_class=StorableRoute)

ThreadId = Annotated[str, Path(max_length=36)]
Text = Annotated[str | None, Query(max_length=80)]


@router.get("", response_model=Page[ThreadView])
async def list_threads(
    read: Reading, _: MessagesRead, paging: Paged, channel: Text = None, contact: Text = None, ticket: Text = None
) -> Page[ThreadView]:
    """Conversations, those begun last first."""
    filters = ThreadFilters(channel=channel, contact=contact, ticket=ticket)
    found = await rows.list_threads(read, filters, after=paging.after, limit=paging.fetch)
    return page(found, paging, thread_view, key=lambda thread: thread.id)


@router.get("/{thread_id}", response_model=ThreadView)
async def show_thread(thread_id: ThreadId, read: Reading, _: MessagesRead) -> ThreadView:
    """One conversation."""
    return thread_view(await _thread(read, thread_id))


@router.patch("/{thread_id}", response_model=ThreadView, responses=refusals(404, 409))
async def change_thread(thread_id: ThreadId, body: ThreadPatch, inst: Inst, caller: RecordsWrite) -> Response:
    """Say which ticket a conversation is about."""
    async with inst.db.transaction() as tx:
        changed = await attach(tx, await writing(tx, inst, caller.cause), thread_id, body.ticket)
    return answer(thread_view(changed)).response()


@router.get("/{thread_id}/messages", response_model=Page[ThreadMessageView])
async def list_messages(thread_id: ThreadId, read: Reading, _: MessagesRead, paging: Paged) -> Page[ThreadMessageView]:
    """What was written in a conversation, oldest first."""
    thread = await _thread(read, thread_id)
    found = await rows.list_thread_messages(read, thread.id, after=paging.after, limit=paging.fetch)
    return page(found, paging, message_view, key=lambda message: message.id)


async def _thread(read: Read, thread_id: str) -> Thread:
    found = await rows.get_thread(read, thread_id)
    if found is None:
        raise NotFound(f"there is no thread {thread_id}", code="unknown_thread")
    return found
