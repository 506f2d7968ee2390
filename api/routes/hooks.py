"""Hooks: where other systems call to let records into a workflow. Public; the signature says who may."""

from __future__ import annotations

from json import JSONDecodeError
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Inst, Reading, WorkflowsPublish
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.routes.enrollments import Slug
from api.routes.records import writing
from api.schemas.hooks import HookAnswer, HookList, hook_answer, hook_detail
from domain.base import Json
from domain.hooks import DELIVERY, DELIVERY_LENGTH, Call
from domain.records import Cause
from services.auditing import audited
from services.intake import hooks as services
from services.running.deliveries import deliver_now
from store.database import Tx

router = APIRouter(tags=["hooks"], route_class=StorableRoute)
public = APIRouter(tags=["hooks"], route_class=StorableRoute)
"""What is opened by a signature instead of a key."""

Token = Annotated[str, Path(min_length=1, max_length=64)]
TriggerId = Annotated[str, Path(max_length=40, examples=["t1"])]
Signature = Annotated[
    str | None,
    Header(
        alias="Followthrough-Signature",
        max_length=300,
        description="`t=<unix seconds>,v1=<hex>`: HMAC-SHA256 with the hook's secret over `<t>.<body>`, or over "
        "`<t>.<delivery>.<body>` for a call with a delivery id.",
    ),
]
Delivery = Annotated[
    str | None,
    Header(
        alias="Followthrough-Delivery",
        min_length=1,
        max_length=DELIVERY_LENGTH,
        pattern=DELIVERY,
        description="The caller's id of this delivery: the same again is the same delivery, for ever. Without one the "
        "same body within five minutes is.",
    ),
]
EXAMPLE = {"customer": {"email": "ana@example.com", "city": "Oslo"}}
SCHEMA = {"type": "object", "examples": [EXAMPLE]}
BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": SCHEMA}}}}


@public.post(
    "/hooks/{token}", status_code=202, response_model=HookAnswer, openapi_extra=BODY,
    responses=refusals(401, 404, 409, 413, 422),
)  # fmt: skip
async def call_hook(
    token: Token, request: Request, inst: Inst, signature: Signature = None, delivery: Delivery = None
) -> Response:
    """Let the record that a JSON body is about into the workflow of the hook. The same delivery twice is one."""
    body, unreadable = await _json(request)
    call = Call(body=await request.body(), signature=signature, delivery=delivery, unreadable=unreadable)
    async with inst.db.transaction() as tx:
        write = await writing(tx, inst, Cause(kind="event"))
        made = await services.receive(tx, write, token, call, body, starter=inst.name)
    shown = answer(hook_answer(made), 202).response()
    if made.decided is not None and made.decided.enrollment_id is not None:
        shown.background = BackgroundTask(deliver_now, inst, made.decided.enrollment_id)
    return shown


@router.get("/workflows/{slug}/hooks", response_model=HookList)
async def list_hooks(slug: Slug, read: Reading, _: WorkflowsPublish) -> HookList:
    """The hooks of a workflow with their secrets; publishing makes them."""
    return HookList(items=[hook_detail(hook) for hook in await services.show_hooks(read, slug)])


@router.post("/workflows/{slug}/hooks/{trigger}/renew", response_model=HookList)
async def renew_hook(slug: Slug, trigger: TriggerId, inst: Inst, caller: WorkflowsPublish, once: OnlyOnce) -> Response:
    """Give a hook that has leaked another address and secret; the old ones open nothing from now on."""

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        async with audited(tx, caller.author, "workflow.hook_renewed", slug, now=now):
            made = hook_detail(await services.renew(tx, slug, trigger, now=now))
        # A repeated call must not be answered from a stored secret.
        return answer(HookList(items=[made]), kept=HookList(items=[made.model_copy(update={"secret": ""})]))

    return await once.run(work)


async def _json(request: Request) -> tuple[Json, str | None]:
    """The body, or why it is no JSON, which is told once the call is verified."""
    try:
        return await request.json(), None
    except JSONDecodeError as error:
        return None, error.msg
