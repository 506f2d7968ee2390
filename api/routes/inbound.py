"""Mail that comes in: taken as it is, whichever program hands it over."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.answers import answer
from api.deps import EventsWrite, Inst, MessagesRead, Reading
from api.describing import refusals
from api.instants import WrittenInstant
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.schemas.inbound import InboundAnswer, InboundView, inbound_answer, inbound_view
from domain.errors import Invalid, NotFound
from domain.incoming_mail import InboundKind
from domain.problems import FieldError
from services.intake.mail import Envelope, take_mail
from store import inbound as rows
from store.inbound import MailFilters

router = APIRouter(prefix="/inbound", tags=["inbound"], route_class=StorableRoute)

EXAMPLE = "From: ana@example.com\r\nTo: reply@mail.example.com\r\nSubject: Re: Hello\r\n\r\nYes, please.\r\n"
SCHEMA = {"type": "string", "format": "binary", "examples": [EXAMPLE]}
BODY = {"requestBody": {"required": True, "content": {"message/rfc822": {"schema": SCHEMA}}}}
NO_MAIL = ("application/json", "multipart/form-data")
"""What a body is called that is certainly no mail: nobody sends one under these names."""

Address = Annotated[str, Query(max_length=320)]


@router.post(
    "/email", status_code=202, response_model=InboundAnswer, openapi_extra=BODY, responses=refusals(409, 413, 422)
)
async def take_email(
    request: Request,
    inst: Inst,
    caller: EventsWrite,
    sender: Annotated[
        str | None, Query(max_length=320, description="Who sent it by the envelope; empty: nobody, as of a report.")
    ] = None,
    recipient: Annotated[
        list[Address] | None, Query(max_length=100, description="Whom it went to by the envelope.")
    ] = None,
) -> Response:
    """Take in a mail, up to 25 MiB, byte by byte as it came: an answer of a contact, an absence note, a report.

    The same mail twice is one.
    """
    envelope = Envelope(sent_by=sender, sent_to=tuple(recipient or ()))
    taken = await take_mail(inst, await _mail(request), envelope, caller.cause)
    return answer(inbound_answer(taken), 202).response()


@router.get("/emails", response_model=Page[InboundView])
async def list_emails(
    read: Reading,
    _: MessagesRead,
    paging: Paged,
    kind: Annotated[InboundKind | None, Query()] = None,
    record: Annotated[str | None, Query(max_length=80)] = None,
    since: Annotated[WrittenInstant | None, Query(description="Came in at or after this instant.")] = None,
) -> Page[InboundView]:
    """Mail that came in, newest first."""
    filters = MailFilters(kind=kind, record=record, since=since)
    found = await rows.list_mails(read, filters, after=paging.after, limit=paging.fetch)
    return page(found, paging, inbound_view, key=lambda mail: mail.id)


@router.get("/emails/{mail_id}", response_model=InboundView)
async def show_email(mail_id: Annotated[str, Path(max_length=36)], read: Reading, _: MessagesRead) -> InboundView:
    """One mail."""
    found = await rows.get_mail(read, mail_id)
    if found is None:
        raise NotFound(f"no mail {mail_id} came in")
    return inbound_view(found)


async def _mail(request: Request) -> bytes:
    """The body, once it is known who sends it.

    Raises:
        Invalid: it is empty, or called what is no mail.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in NO_MAIL:
        raise _refused("wrong_content_type", "send the mail itself with Content-Type: message/rfc822")
    body = await request.body()
    if not body.strip():
        raise _refused("missing_field", "the body is the mail, with its headers; there is nothing")
    return body


def _refused(code: str, message: str) -> Invalid:
    return Invalid(message, errors=[FieldError(path="", code=code, message=message)])
