"""Lists of records, static and dynamic, and their members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Admin, Inst, Reading, RecordsRead, RecordsWrite, SetUpRead
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.loading import object_or_404
from api.paging import Page, Paged, page
from api.routes.records import RecordId
from api.schemas.lists import ListBody, ListPatch, ListView
from api.schemas.records import RecordView, record_view
from domain.lists import RecordList
from services.auditing import audited
from services.lists import lists as services
from store import lists as rows
from store.changes import Stamp
from store.database import Read, Tx
from store.schema import load_schema

router = APIRouter(prefix="/lists", tags=["lists"], route_class=StorableRoute)

Slug = Annotated[str, Path(max_length=63, examples=["customers"])]


@router.get("", response_model=Page[ListView], responses=refusals(404))
async def list_lists(
    read: Reading, _: SetUpRead, paging: Paged, object: Annotated[str | None, Query(max_length=40)] = None
) -> Page[ListView]:
    """Lists, in order of creation."""
    if object is not None:
        object_or_404(await load_schema(read), object)
    found = await rows.page_lists(read, object=object, after=paging.after, limit=paging.fetch)
    shown = {view.slug: view for view in await _views(read, found)}
    return page(found, paging, lambda each: shown[each.slug], key=lambda each: each.id)


@router.post("", status_code=201, response_model=ListView)
async def create_list(body: ListBody, inst: Inst, caller: Admin, once: OnlyOnce) -> Response:
    """Add a list. A dynamic one is filled behind the answer: `is_filling` says until when."""

    async def work(tx: Tx) -> Answer:
        stamp = Stamp(now=inst.clock.now(), cause=caller.cause, wake=body.wake)
        async with audited(tx, caller.author, "list.created", body.slug, now=stamp.now):
            made = await services.create_list(tx, inst, body.slug, body.object, stamp, name=body.name, where=body.where)
        (view,) = await _views(tx, [made])
        return answer(view, 201, headers={"Location": f"/api/v1/lists/{made.slug}"})

    return await once.run(work)


@router.get("/{slug}", response_model=ListView)
async def show_list(slug: Slug, read: Reading, _: SetUpRead) -> ListView:
    """One list with the number of its members."""
    (view,) = await _views(read, [await services.list_or_404(read, slug)])
    return view


@router.patch("/{slug}", response_model=ListView, responses=refusals(409))
async def change_list(slug: Slug, body: ListPatch, inst: Inst, caller: Admin) -> Response:
    """Rename a list, or give a dynamic one another condition: whoever joins or leaves by it triggers workflows."""
    async with inst.db.transaction() as tx:
        stamp = Stamp(now=inst.clock.now(), cause=caller.cause, wake=body.wake)
        async with audited(tx, caller.author, "list.changed", slug, now=stamp.now):
            made = await services.change_list(tx, inst, slug, stamp, name=body.name, where=body.where)
        (view,) = await _views(tx, [made])
    return answer(view).response()


@router.delete("/{slug}", status_code=204, responses=refusals(409))
async def delete_list(slug: Slug, inst: Inst, caller: Admin) -> Response:
    """Remove a list that no workflow and no other list uses; 409 names who does."""
    async with inst.db.transaction() as tx, audited(tx, caller.author, "list.deleted", slug, now=inst.clock.now()):
        await services.delete_list(tx, slug)
    return answer(None).response()


@router.get("/{slug}/members", response_model=Page[RecordView])
async def list_members(slug: Slug, read: Reading, _: RecordsRead, paging: Paged) -> Page[RecordView]:
    """The records on a list, in order of their creation."""
    known = await services.list_or_404(read, slug)
    found = await rows.page_members(read, known.id, after=paging.after, limit=paging.fetch)
    return page(found, paging, record_view, key=lambda record: record.id)


@router.put("/{slug}/members/{record_id}", status_code=204, responses=refusals(409))
async def add_member(slug: Slug, record_id: RecordId, inst: Inst, caller: RecordsWrite) -> Response:
    """Put a record on a static list; one that is on it stays."""
    async with inst.db.transaction() as tx:
        await services.add_member(tx, slug, record_id, Stamp(now=inst.clock.now(), cause=caller.cause))
    return answer(None).response()


@router.delete("/{slug}/members/{record_id}", status_code=204, responses=refusals(409))
async def remove_member(slug: Slug, record_id: RecordId, inst: Inst, caller: RecordsWrite) -> Response:
    """Take a record off a static list; one that is not on it stays off."""
    async with inst.db.transaction() as tx:
        await services.remove_member(tx, slug, record_id, Stamp(now=inst.clock.now(), cause=caller.cause))
    return answer(None).response()


async def _views(read: Read, found: Sequence[RecordList]) -> list[ListView]:
    ids = [each.id for each in found]
    counts, filling = await rows.count_members(read, ids), await rows.being_filled(read, ids)
    return [
        ListView(
            slug=each.slug,
            name=each.name,
            object=each.object,
            where=each.condition,
            members=counts[each.id],
            is_filling=each.id in filling,
            created_at=each.created_at,
            updated_at=each.updated_at,
        )
        for each in found
    ]
