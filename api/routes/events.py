"""Events: what happened to records, said by whoever saw it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import EventsWrite, Inst, Reading, RecordsRead
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.instants import WrittenInstant
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.routes.records import writing
from api.schemas.events import (
    DuplicateAnswer,
    EventAnswer,
    EventRecord,
    EventView,
    SendEvent,
    duplicate_answer,
    event_answer,
    event_view,
)
from domain.errors import NotFound
from services.intake.events import Happened, Whose
from services.intake.events import send_event as send
from store.database import Tx
from store.events import EventFilters, get_event
from store.events import list_events as rows

router = APIRouter(prefix="/events", tags=["events"], route_class=StorableRoute)

Text = Annotated[str | None, Query(max_length=200)]


@router.post("", status_code=202, response_model=EventAnswer | DuplicateAnswer, responses=refusals(404, 409))
async def send_event(body: SendEvent, inst: Inst, caller: EventsWrite, once: OnlyOnce) -> Response:
    """Record an event of a record: triggers, waits and conditions see it. The same `event_id` twice is one event.

    A duplicate is answered with the event as it is kept to keys with records:read, else with its id.
    """

    async def work(tx: Tx) -> Answer:
        happened = Happened(
            name=body.event, properties=body.properties, occurred_at=body.occurred_at, external_id=body.event_id
        )
        made = await send(tx, await writing(tx, inst, caller.cause), _whose(body.record), happened)
        blind = not made.is_new and "records:read" not in caller.scopes
        told = duplicate_answer(made, body) if blind else event_answer(made)
        return answer(told, 202, headers={"Location": f"/api/v1/events/{made.event.id}"})

    return await once.run(work)


@router.get("", response_model=Page[EventView])
async def list_events(
    read: Reading,
    _: RecordsRead,
    paging: Paged,
    record: Text = None,
    event: Text = None,
    since: Annotated[WrittenInstant | None, Query(description="Happened at or after this instant.")] = None,
) -> Page[EventView]:
    """Events in the order they came in, newest first."""
    filters = EventFilters(record=record, event=event, since=since)
    found = await rows(read, filters, after=paging.after, limit=paging.fetch)
    return page(found, paging, event_view, key=lambda row: row.id)


@router.get("/{event_id}", response_model=EventView)
async def show_event(event_id: Annotated[str, Path(max_length=36)], read: Reading, _: RecordsRead) -> EventView:
    """One event."""
    found = await get_event(read, event_id)
    if found is None:
        raise NotFound(f"there is no event {event_id}")
    return event_view(found)


def _whose(record: EventRecord) -> Whose:
    if record.id is not None:
        return Whose(object=record.object, id=record.id)
    (property, value), *_ = (record.by or {}).items()
    return Whose(object=record.object, property=property, value=value, create=record.create)
