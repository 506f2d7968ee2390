"""Notifications: what users are told inside the product, and what of it they have read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.responses import Response

from api.answers import answer
from api.deps import Inst, MessagesRead, Reading, RecordsWrite
from api.limits import StorableRoute
from api.loading import filter_or_404
from api.paging import Page, Paged, page
from api.routes.outputs import Common, Id, Text
from api.schemas.notifications import InboxView, NotificationPatch, NotificationView, ReadBody
from api.schemas.outputs import view_of
from domain.errors import NotFound
from store import notifications as rows
from store.database import Read
from store.notifications import NotificationFilters
from store.people import get_user

router = APIRouter(tags=["notifications"], route_class=StorableRoute)


@router.get("/notifications", response_model=Page[NotificationView])
async def list_notifications(
    read: Reading,
    _: MessagesRead,
    paging: Paged,
    common: Common,
    user: Text = None,
    unread: Annotated[bool | None, Query(description="Only unread ones, or only those that were read.")] = None,
) -> Page[NotificationView]:
    """Notifications of users, newest first."""
    await filter_or_404(read, common.workflow)
    filters = NotificationFilters(**{**common.model_dump(), "user": user}, unread=unread)
    found = await rows.list_notifications(read, filters, after=paging.after, limit=paging.fetch)
    return page(found, paging, lambda row: view_of(NotificationView, row), key=lambda row: str(row["id"]))


@router.get("/notifications/{notification_id}", response_model=NotificationView)
async def show_notification(notification_id: Id, read: Reading, _: MessagesRead) -> NotificationView:
    """One notification."""
    return await _view(read, notification_id)


@router.patch("/notifications/{notification_id}", response_model=NotificationView)
async def change_notification(notification_id: Id, body: NotificationPatch, inst: Inst, _: RecordsWrite) -> Response:
    """Say that a notification was read, or take that back."""
    async with inst.db.transaction() as tx:
        await rows.mark_notification(tx, notification_id, read_at=inst.clock.now() if body.read else None)
        view = await _view(tx, notification_id)
    return answer(view).response()


@router.get("/users/{user_id}/inbox", response_model=InboxView)
async def show_inbox(user_id: Id, read: Reading, inst: Inst, _: MessagesRead) -> InboxView:
    """How much waits for a user: unread notifications and open tasks."""
    await _user_or_404(read, user_id)
    return InboxView(**(await rows.inbox_of(read, user_id, now=inst.clock.now())).model_dump())


@router.post("/users/{user_id}/inbox/read", response_model=InboxView)
async def read_inbox(
    user_id: Id, inst: Inst, _: RecordsWrite, body: Annotated[ReadBody, Body(default_factory=ReadBody)]
) -> Response:
    """Mark all notifications of a user as read, or those up to the last one that was shown."""
    async with inst.db.transaction() as tx:
        await _user_or_404(tx, user_id)
        now = inst.clock.now()
        await rows.mark_all(tx, user_id, up_to=body.up_to, read_at=now)
        left = await rows.inbox_of(tx, user_id, now=now)
    return answer(InboxView(**left.model_dump())).response()


async def _view(read: Read, id: str) -> NotificationView:
    row = await rows.get_notification(read, id)
    if row is None:
        raise NotFound(f"there is no notification {id}")
    return view_of(NotificationView, row)


async def _user_or_404(read: Read, id: str) -> None:
    if await get_user(read, id) is None:
        raise NotFound(f"there is no user {id}")
