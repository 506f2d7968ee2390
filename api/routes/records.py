"""Records: create, change, find, forget."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic_core import from_json
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import IfMatch, Inst, Reading, RecordsRead, RecordsWrite
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.loading import record_or_404, typed
from api.paging import Page, Paged, page, read_paging
from api.preconditions import etag, expected_version
from api.schemas.records import (
    CreateRecord,
    LinkView,
    MergeBody,
    PatchRecord,
    RecordDetail,
    RecordView,
    Search,
    UpsertRecord,
    record_detail,
    record_view,
)
from domain.base import Json
from domain.errors import Invalid
from domain.problems import FieldError
from domain.records import Cause, StoredRecord
from services.installation import Installation
from services.records import records as services
from services.records.merging import merge_records
from services.records.searching import find_records
from store.associations import list_associations
from store.database import Read, Tx

router = APIRouter(prefix="/records", tags=["records"], route_class=StorableRoute)

WHERE_BYTES = 2048
"""Longer conditions do not belong in an address; POST …/search takes them."""

Object = Annotated[str, Path(max_length=40, examples=["contact"])]
RecordId = Annotated[str, Path(max_length=36)]


@router.post("/{object}", status_code=201, response_model=RecordDetail)
async def create_record(
    object: Object, body: CreateRecord, inst: Inst, caller: RecordsWrite, once: OnlyOnce
) -> Response:
    """Create a record, with associations to others."""

    async def work(tx: Tx) -> Answer:
        write = await writing(tx, inst, caller.cause)
        made = await services.create_record(tx, write, object, body.properties, _links(body))
        return await _created(tx, made)

    return await once.run(work)


@router.put(
    "/{object}/by/{property}/{value:path}",
    response_model=RecordDetail,
    responses={201: {"model": RecordDetail}, **refusals(409)},
)
async def upsert_record(
    object: Object,
    property: Annotated[str, Path(max_length=40, examples=["email"])],
    value: Annotated[str, Path(max_length=500, examples=["ana@example.com"])],
    body: UpsertRecord,
    inst: Inst,
    caller: RecordsWrite,
) -> Response:
    """Change the record that has this unique value (200), or create it (201)."""
    async with inst.db.transaction() as tx:
        write = await writing(tx, inst, caller.cause)
        held = typed(write.schema, object, property, value)
        made, created = await services.upsert_record(tx, write, object, property, held, body.properties, _links(body))
        if created:
            return (await _created(tx, made)).response()
        detail = record_detail(made, await links(tx, made.id))
    return answer(detail, headers={"ETag": etag(made.version)}).response()


@router.get("/{object}", response_model=Page[RecordView])
async def list_records(
    object: Object,
    read: Reading,
    _: RecordsRead,
    inst: Inst,
    paging: Paged,
    where: Annotated[str | None, Query(description="A condition as URL-encoded JSON, up to 2 KiB.")] = None,
) -> Page[RecordView]:
    """Records in order of creation, all or those that satisfy a condition."""
    found = await find_records(
        read, inst, object, _where(where), now=inst.clock.now(), after=paging.after, limit=paging.fetch
    )
    return page(found, paging, record_view, key=lambda record: record.id)


@router.post("/{object}/search", response_model=Page[RecordView])
async def search_records(object: Object, body: Search, inst: Inst, _: RecordsRead, once: OnlyOnce) -> Response:
    """The same with a condition of any length."""
    paging = read_paging(body.limit, body.cursor)

    async def work() -> Answer:
        async with inst.db.read() as read:
            found = await find_records(
                read, inst, object, body.where, now=inst.clock.now(), after=paging.after, limit=paging.fetch
            )
        return answer(page(found, paging, record_view, key=lambda record: record.id))

    return await once.run_long(work)


@router.get("/{object}/{record_id}", response_model=RecordDetail)
async def show_record(object: Object, record_id: RecordId, read: Reading, _: RecordsRead) -> Response:
    """One record with its associations."""
    record = await record_or_404(read, object, record_id)
    return answer(
        record_detail(record, await links(read, record.id)), headers={"ETag": etag(record.version)}
    ).response()


@router.patch("/{object}/{record_id}", response_model=RecordView, responses=refusals(409))
async def change_record(
    object: Object, record_id: RecordId, body: PatchRecord, inst: Inst, caller: RecordsWrite, if_match: IfMatch = None
) -> Response:
    """Set properties; null clears. Answers with the new version; If-Match makes it conditional on the version read."""
    expected = expected_version(if_match)
    async with inst.db.transaction() as tx:
        write = await writing(tx, inst, caller.cause)
        await record_or_404(tx, object, record_id)
        made = await services.update_record(tx, write, record_id, body.properties, if_version=expected)
    return answer(record_view(made), headers={"ETag": etag(made.version)}).response()


@router.delete("/{object}/{record_id}", status_code=204)
async def delete_record(object: Object, record_id: RecordId, inst: Inst, caller: RecordsWrite) -> Response:
    """Delete a record: its unique values are free at once and its enrollments end."""
    async with inst.db.transaction() as tx:
        write = await writing(tx, inst, caller.cause)
        await record_or_404(tx, object, record_id)
        await services.delete_record(tx, write, record_id)
    return answer(None).response()


@router.post("/{object}/{record_id}/merge", response_model=RecordDetail, responses=refusals(409))
async def merge_record(
    object: Object, record_id: RecordId, body: MergeBody, inst: Inst, caller: RecordsWrite, once: OnlyOnce
) -> Response:
    """Merge this record into another, which stays: its values win, and what it lacked comes from this one.

    Associations, events and enrollments go over to it; of two enrollments under one key the older goes on. Answers with
    the record that stays.
    """

    async def work(tx: Tx) -> Answer:
        write = await writing(tx, inst, caller.cause)
        stays = await merge_records(tx, write, object, record_id, body.into)
        return answer(record_detail(stays, await links(tx, stays.id)), headers={"ETag": etag(stays.version)})

    return await once.run(work)


async def writing(tx: Tx, inst: Installation, cause: Cause, *, wake: bool = True) -> services.Write:
    """What every write of records needs to know, as of now."""
    return await services.begin_write(tx, inst, cause, wake=wake)


async def links(read: Read, record_id: str) -> list[LinkView]:
    """What a record is associated with."""
    found = (await list_associations(read, [record_id]))[record_id]
    return [LinkView(object=a.other_object, id=a.other_id, label=a.label, since=a.created_at) for a in found]


async def _created(tx: Tx, record: StoredRecord) -> Answer:
    headers = {"Location": f"/api/v1/records/{record.object}/{record.id}", "ETag": etag(record.version)}
    return answer(record_detail(record, await links(tx, record.id)), 201, headers=headers)


def _links(body: CreateRecord) -> list[services.Link]:
    return [services.Link(object=link.object, id=link.id, label=link.label) for link in body.associations]


def _where(written: str | None) -> dict[str, Json] | None:
    if written is None:
        return None
    problem = None
    if len(written.encode()) > WHERE_BYTES:
        problem = f"longer than {WHERE_BYTES} bytes: use POST …/search"
    else:
        try:
            condition = from_json(written, allow_inf_nan=False)
        except ValueError as error:
            problem = f"not valid JSON: {error}"
        else:
            if isinstance(condition, dict):
                return condition
            problem = "a condition is a JSON object"
    raise Invalid(problem, errors=[FieldError(path="query:where", code="wrong_value", message=problem)])
