"""What the SMS service tells us: what became of a message, and what came in. Public; its signature says who calls."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.deps import Inst, MessagesRead, Reading
from api.describing import refusals
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.schemas.texts import InboundTextView, text_view
from domain.errors import Invalid, NotAuthenticated
from domain.incoming_texts import TextKind
from domain.problems import FieldError
from domain.records import Cause
from services.installation import Installation
from services.intake.texts import IncomingText, take_text, tell_text
from store import texts as rows
from store.texts import TextFilters

public = APIRouter(tags=["inbound"], route_class=StorableRoute)
router = APIRouter(prefix="/inbound", tags=["inbound"], route_class=StorableRoute)

SIGNATURE = "X-Twilio-Signature"
NOTHING_TO_SAY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""The service would send what stands here to whoever wrote."""

FAILED = frozenset({"undelivered", "failed"})
LONGEST_TEXT = 20_000
LONGEST_NUMBER = 32
LONGEST_ID = 64
SERVICE = Cause(kind="event")

FORM = {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}
BODY = {"requestBody": {"required": True, "content": FORM}}


@public.post(
    "/providers/twilio/events", status_code=204, openapi_extra=BODY, responses=refusals(401, 404, 409, 413, 422)
)  # fmt: skip
async def tell_status(request: Request, inst: Inst, key: Annotated[str, Query(max_length=140)]) -> Response:
    """What became of a text message of ours (Twilio's status callback); `key` is the one its address was given."""
    fields = await _signed(request, inst)
    status = fields.get("MessageStatus", "").lower()
    if status == "delivered" or status in FAILED:
        code = fields.get("ErrorCode", "")
        detail = f"{status}, code {code}" if code.isdecimal() else status
        arrived = status == "delivered"
        await tell_text(inst, key, arrived=arrived, detail=None if arrived else detail, cause=SERVICE)
    return Response(status_code=204)


@public.post("/inbound/sms", openapi_extra=BODY, response_class=Response, responses=refusals(401, 409, 413, 422))
async def take_sms(request: Request, inst: Inst) -> Response:
    """A text message that came in (Twilio's incoming message); the same twice is one.

    STOP and its like keep every text message from the number, START lets them go there again; anything else answers
    the last message that went there.
    """
    fields = await _signed(request, inst)
    wanted = {"MessageSid": LONGEST_ID, "From": LONGEST_NUMBER, "To": LONGEST_NUMBER}
    missing = [name for name, most in wanted.items() if not 0 < len(fields.get(name, "")) <= most]
    if missing:
        words = f"a message that came in has {', '.join(wanted)}"
        wrong = [FieldError(path=f"/{name}", code="missing_field", message=words) for name in missing]
        raise Invalid(words, errors=wrong)
    came = IncomingText(
        reference=fields["MessageSid"],
        sender=fields["From"],
        recipient=fields["To"],
        text=fields.get("Body", "").replace("\x00", "")[:LONGEST_TEXT],
    )
    await take_text(inst, came, SERVICE)
    return Response(NOTHING_TO_SAY, 200, media_type="text/xml")


@router.get("/texts", response_model=Page[InboundTextView])
async def list_texts(
    read: Reading,
    _: MessagesRead,
    paging: Paged,
    kind: Annotated[TextKind | None, Query()] = None,
    record: Annotated[str | None, Query(max_length=80)] = None,
) -> Page[InboundTextView]:
    """Text messages that came in, newest first."""
    found = await rows.list_texts(read, TextFilters(kind=kind, record=record), after=paging.after, limit=paging.fetch)
    return page(found, paging, text_view, key=lambda text: text.id)


async def _signed(request: Request, inst: Installation) -> dict[str, str]:
    """The fields of a form that the service sent.

    Raises:
        NotAuthenticated: it did not.
    """
    form = parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
    url = inst.public_url + request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if not inst.sms.is_from_service(url, form, request.headers.get(SIGNATURE, "")):
        words = f"{SIGNATURE} is not that of our account for {url}; see PUBLIC_URL and SMS_URL"
        raise NotAuthenticated(words)
    return dict(form)
