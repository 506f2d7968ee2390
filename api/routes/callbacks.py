"""Callbacks: addresses that steps hand out to other systems. Public; the token in the address says who may."""

from __future__ import annotations

from json import JSONDecodeError
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.answers import answer
from api.deps import Inst
from api.describing import refusals
from api.limits import StorableRoute
from api.routes.records import writing
from api.schemas.callbacks import CallbackAnswer
from domain.base import Json
from domain.errors import Invalid
from domain.links import LONGEST_TOKEN
from domain.problems import FieldError
from domain.records import Cause
from services.intake.callbacks import take_callback

public = APIRouter(tags=["hooks"], route_class=StorableRoute)

Token = Annotated[str, Path(min_length=1, max_length=LONGEST_TOKEN)]
SCHEMA = {"type": "object", "examples": [{"approved": True, "by": "Kim"}]}
BODY = {"requestBody": {"required": False, "content": {"application/json": {"schema": SCHEMA}}}}


@public.post(
    "/callbacks/{token}", status_code=202, response_model=CallbackAnswer, openapi_extra=BODY,
    responses=refusals(404, 409, 413, 422),
)  # fmt: skip
async def call_back(token: Token, request: Request, inst: Inst) -> Response:
    """Answer a step that handed out this address: the wait for it goes on, with the body's fields. Counts once."""
    body = await _json(request)
    async with inst.db.transaction() as tx:
        event = await take_callback(tx, inst, await writing(tx, inst, Cause(kind="event")), token, body)
    return answer(CallbackAnswer(status="accepted", event_id=event.id), 202).response()


async def _json(request: Request) -> Json:
    """The body; an empty one says nothing but that it was called.

    Raises:
        Invalid: it is no JSON.
    """
    if not await request.body():
        return {}
    try:
        found: Json = await request.json()
    except (JSONDecodeError, UnicodeDecodeError, RecursionError):
        message = "the body is not valid JSON"
        raise Invalid(message, errors=[FieldError(path="", code="not_json", message=message)]) from None
    return found
