"""What workflows produced: messages."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Depends, Path, Query

from api.deps import MessagesRead, Reading
from api.instants import WrittenInstant
from api.limits import StorableRoute
from api.loading import filter_or_404
from api.paging import Page, Paged, page
from api.schemas.outputs import MessageView, view_of
from domain.errors import NotFound
from store import outputs
from store.outputs import OutputFilters

router = APIRouter(route_class=StorableRoute)

MessageStatus: TypeAlias = Literal["queued", "sent", "delivered", "bounced", "complained", "failed", "unknown"]

Text = Annotated[str | None, Query(max_length=80)]
Since = Annotated[WrittenInstant | None, Query(description="Made at or after this instant.")]
Id = Annotated[str, Path(max_length=36)]


def common_filters(
    workflow: Text = None, record: Text = None, enrollment: Text = None, step: Text = None, since: Since = None
) -> OutputFilters:
    """What every list of outputs can be narrowed to."""
    return OutputFilters(workflow=workflow, record=record, enrollment=enrollment, step=step, since=since)


Common = Annotated[OutputFilters, Depends(common_filters)]


@router.get("/messages", response_model=Page[MessageView], tags=["messages"])
async def list_messages(
    read: Reading,
    _: MessagesRead,
    paging: Paged,
    common: Common,
    status: Annotated[MessageStatus | None, Query()] = None,
    channel: Annotated[Literal["email", "sms"] | None, Query()] = None,
) -> Page[MessageView]:
    """Emails and text messages, newest first."""
    await filter_or_404(read, common.workflow)
    filters = common.model_copy(update={"status": status, "channel": channel})
    rows = await outputs.list_messages(read, filters, after=paging.after, limit=paging.fetch)
    return page(rows, paging, lambda row: view_of(MessageView, row), key=lambda row: str(row["id"]))


@router.get("/messages/{message_id}", response_model=MessageView, tags=["messages"])
async def show_message(message_id: Id, read: Reading, _: MessagesRead) -> MessageView:
    """One message."""
    row = await outputs.get_message(read, message_id)
    if row is None:
        raise NotFound(f"there is no message {message_id}")
    return view_of(MessageView, row)
