"""Channels: where contacts reach us, and what is written in the conversations of programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Admin, EventsWrite, Inst, Reading, SetUpRead
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.routes.records import writing
from api.schemas.conversations import (
    ChannelBody,
    ChannelMessageBody,
    ChannelPatch,
    ChannelView,
    ThreadMessageAnswer,
    channel_view,
    message_answer,
)
from domain.errors import NotFound
from services.auditing import audited
from services.conversations import channels as services
from services.conversations.chatting import Writer, Written, take_message
from store import channels as rows
from store.database import Tx

router = APIRouter(prefix="/channels", tags=["conversations"], route_class=StorableRoute)

Slug = Annotated[str, Path(max_length=63, examples=["support"])]

MAY_BE_NULL = frozenset({"stage"})


@router.get("", response_model=Page[ChannelView])
async def list_channels(read: Reading, _: SetUpRead, paging: Paged) -> Page[ChannelView]:
    """Channels by slug, those that are switched off included."""
    found = await rows.list_channels(read, after=paging.after, limit=paging.fetch)
    return page(found, paging, channel_view, key=lambda channel: channel.slug)


@router.post("", status_code=201, response_model=ChannelView, responses=refusals(409))
async def create_channel(body: ChannelBody, inst: Inst, caller: Admin, once: OnlyOnce) -> Response:
    """Connect an address of mail, a form, a chat, a messenger or another program."""

    async def work(tx: Tx) -> Answer:
        write = await writing(tx, inst, caller.cause)
        async with audited(tx, caller.author, "channel.created", body.slug, now=write.now):
            made = await services.add_channel(tx, inst, write, **body.model_dump())
        return answer(channel_view(made), 201, headers={"Location": f"/api/v1/channels/{made.slug}"})

    return await once.run(work)


@router.get("/{slug}", response_model=ChannelView)
async def show_channel(slug: Slug, read: Reading, _: SetUpRead) -> ChannelView:
    """One channel."""
    found = await rows.find_channel(read, slug)
    if found is None:
        raise NotFound(f"there is no channel {slug}", code="unknown_channel")
    return channel_view(found)


@router.patch("/{slug}", response_model=ChannelView)
async def change_channel(slug: Slug, body: ChannelPatch, inst: Inst, caller: Admin) -> Response:
    """Change a channel, or switch it off: conversations that are there are kept."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    changes = {name: value for name, value in given.items() if value is not None or name in MAY_BE_NULL}
    async with inst.db.transaction() as tx:
        write = await writing(tx, inst, caller.cause)
        async with audited(tx, caller.author, "channel.changed", slug, now=write.now):
            changed = await services.change_channel(tx, inst, write, slug, changes)
    return answer(channel_view(changed)).response()


@router.delete("/{slug}", status_code=204, responses=refusals(409))
async def delete_channel(slug: Slug, inst: Inst, caller: Admin) -> Response:
    """Remove a channel that nobody wrote to."""
    async with (
        inst.db.transaction() as tx,
        audited(tx, caller.author, "channel.deleted", slug, now=inst.clock.now()),
    ):
        await services.remove_channel(tx, slug)
    return Response(status_code=204)


@router.post(
    "/{slug}/messages", status_code=202, response_model=ThreadMessageAnswer, responses=refusals(404, 409)
)  # fmt: skip
async def take_in(
    slug: Slug, body: ChannelMessageBody, inst: Inst, caller: EventsWrite, once: OnlyOnce
) -> Response:  # fmt: skip
    """Take in what was written in a chat, a messenger or another program. The same `id` twice is one message."""

    async def work(tx: Tx) -> Answer:
        write = await writing(tx, inst, caller.cause)
        written = Written(
            conversation=body.conversation, external_id=body.id, subject=body.subject, text=body.text.strip()
        )
        made = await take_message(tx, write, slug, _writer(body), written)
        location = {"Location": f"/api/v1/threads/{made.thread.id}"}
        return answer(message_answer(made.message, made.thread, duplicate=not made.is_new), 202, headers=location)

    return await once.run(work)


def _writer(body: ChannelMessageBody) -> Writer:
    if body.contact is None:
        return Writer(user_id=body.user)
    by = next(iter((body.contact.by or {}).items()), (None, None))
    return Writer(contact_id=body.contact.id, property=by[0], value=by[1])
