"""Threads: conversations with contacts, what was written in them, and the tickets they are about."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Inst, MessagesRead, MessagesSend, Reading, RecordsWrite
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.routes.records import writing
from api.schemas.conversations import (
    AnswerBody,
    ThreadBody,
    ThreadMessageAnswer,
    ThreadMessageView,
    ThreadPatch,
    ThreadView,
    message_answer,
    message_view,
    thread_view,
)
from domain.conversations import Thread, ThreadMessage
from domain.errors import NotFound
from services.conversations.attaching import attach
from services.conversations.mailing import Letter, answer_in, write_to
from services.conversations.sending import begin_mail
from services.installation import Installation
from store import threads as rows
from store.database import Read, Tx
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


@router.post("", status_code=202, response_model=ThreadMessageAnswer, responses=refusals(404, 409))
async def begin_thread(body: ThreadBody, inst: Inst, caller: MessagesSend, once: OnlyOnce) -> Response:
    """Begin a conversation by mail. It is sent by a run of its own; `status` of the message tells what became of it."""
    letter = Letter(user_id=body.user, text=body.text, html=body.html, subject=body.subject)

    async def work(tx: Tx) -> Answer:
        write = await writing(tx, inst, caller.cause)
        return _sent(await write_to(tx, write, body.channel, letter, ticket_id=body.ticket, contact_id=body.contact))

    return _then_send(inst, await once.run(work))


@router.post("/{thread_id}/messages", status_code=202, response_model=ThreadMessageAnswer, responses=refusals(404, 409))
async def answer_thread(
    thread_id: ThreadId, body: AnswerBody, inst: Inst, caller: MessagesSend, once: OnlyOnce
) -> Response:
    """Answer the contact by mail. It is sent by a run of its own; `status` of the message tells what became of it."""
    letter = Letter(user_id=body.user, text=body.text, html=body.html, subject=body.subject)

    async def work(tx: Tx) -> Answer:
        write = await writing(tx, inst, caller.cause)
        return _sent(await answer_in(tx, write, thread_id, letter, sent_from=body.sent_from))

    return _then_send(inst, await once.run(work))


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


def _sent(made: tuple[ThreadMessage, Thread]) -> Answer:
    message, thread = made
    return answer(message_answer(message, thread), 202, headers={"Location": f"/api/v1/threads/{thread.id}"})


def _then_send(inst: Installation, shown: Response) -> Response:
    """The answer, and the run that sends the mail behind it; the relays start what cannot be started now."""
    shown.background = BackgroundTask(begin_mail, inst, str(json.loads(bytes(shown.body))["id"]))
    return shown


async def _thread(read: Read, thread_id: str) -> Thread:
    found = await rows.get_thread(read, thread_id)
    if found is None:
        raise NotFound(f"there is no thread {thread_id}", code="unknown_thread")
    return found
