"""The import of a CSV file: taken in while it streams, worked through by a run of its own."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Inst, RecordsWrite, bearer, identify, installation
from api.idempotency import OnlyOnce
from api.limits import unstorable
from api.routes.jobs import job_view
from api.routes.records import Object
from api.schemas.outputs import JobView
from domain.base import Json
from domain.errors import Invalid
from domain.importing import ImportOptions
from domain.problems import FieldError
from services.jobs.imports import stage
from services.jobs.jobs import begin_all
from store.database import Tx
from store.jobs import Job


class UploadRoute(APIRoute):
    """Knows the caller before it reads what is sent; FastAPI takes a whole form in before it asks who sent it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the check of the key."""
        handle = super().get_route_handler()

        async def known(request: Request) -> Response:
            (await identify(installation(request), await bearer(request))).demand("records:write")
            return await handle(request)

        return known


router = APIRouter(prefix="/records", tags=["imports"], route_class=UploadRoute)

MAPPING = '{"columns": {"E-mail": {"property": "email"}, "Town": {"property": "city"}, "Notes": {"ignore": true}}}'
"""The example the documentation shows."""

PIECE_BYTES = 256 * 1024


@router.post("/{object}/import", status_code=202, response_model=JobView)
async def import_records(
    object: Object,
    inst: Inst,
    _: RecordsWrite,
    once: OnlyOnce,
    file: Annotated[UploadFile, File(description="CSV, UTF-8, up to 100 MiB.")],
    mapping: Annotated[
        str, Form(description="Which column is which property, as JSON.", max_length=1_000_000, examples=[MAPPING])
    ],
    key: Annotated[
        str, Form(max_length=40, description="The unique property that tells records apart.", examples=["email"])
    ],
    wake: Annotated[bool, Form(description="Whether triggers and waits look at these changes.")] = True,
    on_bad_value: Annotated[Literal["reject_row", "leave_out"], Form()] = "reject_row",
    dry_run: Annotated[bool, Form(description="Check and count; write nothing.")] = False,
) -> Response:
    """Take a file in and answer with the job that works through it; its rows tell what was not taken, and why."""
    options = ImportOptions(
        object=object, key=key, mapping=_mapping(mapping), wake=wake, on_bad_value=on_bad_value, dry_run=dry_run
    )
    staged: list[Job] = []
    content = f"{options.model_dump_json()} {await _digest(file)}" if once.is_keyed else ""
    mine = once.over(content)

    async def accept(tx: Tx, job: Job) -> None:
        await mine.settle(tx, _answer(job))

    async def work() -> Answer:
        job = await stage(inst, mine.holding(_pieces(file)), options, accept)
        staged.append(job)
        return _answer(job)

    made = await mine.run_staged(work)
    made.background = BackgroundTask(begin_all, inst, staged)
    return made


def _answer(job: Job) -> Answer:
    return answer(job_view(job), 202, headers={"Location": f"/api/v1/jobs/{job.id}"})


def _mapping(written: str) -> Json:
    try:
        read: Json = from_json(written, allow_inf_nan=False)
        if (words := unstorable(read)) is not None:
            raise ValueError(words)
    except ValueError as error:
        message = f"the mapping is not valid JSON: {error}"
        raise Invalid(message, errors=[FieldError(path="/mapping", code="not_json", message=message)]) from None
    return read


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    await file.seek(0)
    while piece := await file.read(PIECE_BYTES):
        yield piece


async def _digest(file: UploadFile) -> str:
    digest = hashlib.sha256()
    async for piece in _pieces(file):
        digest.update(piece)
    return digest.hexdigest()
