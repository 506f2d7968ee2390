"""Associations of a record, and its timeline."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path
from starlette.responses import Response

from api.answers import Shown, answer
from api.deps import Inst, Reading, RecordsRead, RecordsWrite
from api.limits import StorableRoute
from api.loading import record_or_404
from api.paging import Page, Paged, page
from api.routes.records import Object, RecordId, links, writing
from api.schemas.records import AssociateBody, LinkView
from api.seeing import kinds_seen
from domain.errors import Invalid
from services.records import records as services
from services.telling.timeline import RecordItem, tell_record
from store.timeline import Place

router = APIRouter(prefix="/records", tags=["records"], route_class=StorableRoute)

Other = Annotated[str, Path(max_length=40, examples=["opportunity"])]


class Links(Shown):
    """What a record is associated with, oldest association first."""

    items: list[LinkView]


@router.get("/{object}/{record_id}/associations", response_model=Links)
async def list_links(object: Object, record_id: RecordId, read: Reading, _: RecordsRead) -> Links:
    """Every record this one is associated with."""
    await record_or_404(read, object, record_id)
    return Links(items=await links(read, record_id))


@router.get("/{object}/{record_id}/associations/{object2}", response_model=Links)
async def list_links_of(object: Object, record_id: RecordId, object2: Other, read: Reading, _: RecordsRead) -> Links:
    """Those of one object."""
    await record_or_404(read, object, record_id)
    return Links(items=[link for link in await links(read, record_id) if link.object == object2])


@router.put("/{object}/{record_id}/associations/{object2}/{id2}", status_code=204)
async def associate(
    object: Object,
    record_id: RecordId,
    object2: Other,
    id2: RecordId,
    inst: Inst,
    caller: RecordsWrite,
    body: Annotated[AssociateBody | None, Body()] = None,
) -> Response:
    """Associate two records; again with another label renames the association."""
    async with inst.db.transaction() as tx:
        await record_or_404(tx, object, record_id)
        await record_or_404(tx, object2, id2)
        write = await writing(tx, inst, caller.cause)
        await services.associate(tx, write, record_id, id2, body.label if body else None)
    return answer(None).response()


@router.delete("/{object}/{record_id}/associations/{object2}/{id2}", status_code=204)
async def dissociate(
    object: Object, record_id: RecordId, object2: Other, id2: RecordId, inst: Inst, caller: RecordsWrite
) -> Response:
    """End an association; one that does not exist is ended already."""
    async with inst.db.transaction() as tx:
        await record_or_404(tx, object, record_id)
        await record_or_404(tx, object2, id2)
        await services.dissociate(tx, await writing(tx, inst, caller.cause), record_id, id2)
    return answer(None).response()


@router.get("/{object}/{record_id}/timeline", response_model=Page[RecordItem])
async def show_timeline(
    object: Object, record_id: RecordId, read: Reading, caller: RecordsRead, paging: Paged
) -> Page[RecordItem]:
    """What happened to a record, newest first: changes, entry decisions, visits, messages, mail, tasks, notifications.

    Decisions and visits need enrollments:read as well, messages, mail, tasks and notifications messages:read; without
    they are left out.
    """
    await record_or_404(read, object, record_id)
    after = None if paging.after is None else _place(paging.after)
    items = await tell_record(read, record_id, kinds_seen(caller), after=after, limit=paging.fetch)
    return page(items, paging, lambda item: item[1], key=lambda item: _key(item[0]))


def _key(place: Place) -> str:
    return f"{place.at.isoformat()} {place.kind} {place.key}"


def _place(key: str) -> Place:
    try:
        at, kind, id = key.split(" ", 2)
        return Place(at=datetime.fromisoformat(at).astimezone(UTC), kind=kind, key=id)
    except ValueError:
        raise Invalid("this cursor belongs to another list") from None
