"""What mail services tell of the email they carry. Public; the signature says who calls."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from api.answers import answer
from api.deps import Inst
from api.describing import refusals
from api.limits import StorableRoute
from api.schemas.providers import ProviderAnswer
from domain.base import Json
from domain.provider_signing import LONGEST_PART, ProviderCall
from domain.records import Cause
from services.intake.providers import take_call

public = APIRouter(prefix="/providers", tags=["inbound"], route_class=StorableRoute)

SERVICE = Cause(kind="event")
REFUSED = refusals(401, 404, 409, 413, 422)


def _body(kind: str, example: Json) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": kind, "examples": [example]}}}
    return {"requestBody": {"required": True, "content": content}}


def _header(name: str, description: str) -> Any:
    return Header(alias=name, max_length=LONGEST_PART, description=description)


MESSAGE = "0192.hello.1@example.com"
SENDGRID: Json = [
    {"event": "delivered", "email": "ana@example.com", "smtp-id": f"<{MESSAGE}>", "timestamp": 1600112492}
]
MAILGUN: Json = {
    "signature": {"timestamp": "1600112502", "token": "a8ce0edb2dd8301dee6c", "signature": "d2271d12299f6592d9d4"},
    "event-data": {
        "event": "delivered", "recipient": "ana@example.com", "message": {"headers": {"message-id": MESSAGE}},
    },
}  # fmt: skip
STANDARD: Json = {
    "type": "email.bounced",
    "data": {"message_id": MESSAGE, "recipient": "ana@example.com", "permanent": True, "reason": "550 no such user"},
}


@public.post(
    "/sendgrid/events", response_model=ProviderAnswer, openapi_extra=_body("array", SENDGRID), responses=REFUSED
)
async def tell_by_sendgrid(
    request: Request,
    inst: Inst,
    signature: Annotated[str, _header("X-Twilio-Email-Event-Webhook-Signature", "ECDSA, in base64.")] = "",
    timestamp: Annotated[str, _header("X-Twilio-Email-Event-Webhook-Timestamp", "Signed with the body.")] = "",
) -> Response:
    """What became of email (SendGrid's Event Webhook), signed with the key of the secret `sendgrid_events`."""
    call = ProviderCall(body=await request.body(), signature=signature, timestamp=timestamp)
    return answer(ProviderAnswer(**(await take_call(inst, "sendgrid", call, SERVICE)).model_dump())).response()


@public.post(
    "/mailgun/events", response_model=ProviderAnswer, openapi_extra=_body("object", MAILGUN), responses=REFUSED
)
async def tell_by_mailgun(request: Request, inst: Inst) -> Response:
    """What became of an email (Mailgun's webhooks), signed with the key of the secret `mailgun_events`.

    The signature stands in the body; its token opens one body only.
    """
    call = ProviderCall(body=await request.body())
    return answer(ProviderAnswer(**(await take_call(inst, "mailgun", call, SERVICE)).model_dump())).response()


@public.post(
    "/standard/events", response_model=ProviderAnswer, openapi_extra=_body("object", STANDARD), responses=REFUSED
)
async def tell_by_standard(
    request: Request,
    inst: Inst,
    id: Annotated[str, _header("webhook-id", "Of this call; the same again is the same call.")] = "",
    timestamp: Annotated[str, _header("webhook-timestamp", "Unix seconds.")] = "",
    signature: Annotated[str, _header("webhook-signature", "`v1,` and base64, several divided by spaces.")] = "",
) -> Response:
    """What became of an email, as any program tells it that signs by the Standard Webhooks with `standard_events`.

    `type`: `email.delivered`, `email.bounced` (the address is no good, unless `permanent` is false), `email.delayed`,
    `email.complained` or `email.unsubscribed`; other types are ignored.
    """
    call = ProviderCall(body=await request.body(), signature=signature, timestamp=timestamp, id=id)
    return answer(ProviderAnswer(**(await take_call(inst, "standard", call, SERVICE)).model_dump())).response()
