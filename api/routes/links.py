"""What readers of messages open: public addresses that carry a signed token, for mail services and for people."""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.deps import Inst
from api.errors import mark_unproven
from api.pages.preferences import ALL_OFF, HEADERS, NOBODY, ONE_OFF, SAVED, lost_page, preference_page
from api.routes.records import writing
from domain.records import Cause
from services.intake import answering, reactions

# Nothing for programs of the installation's owner, so not in the reference.
public = APIRouter(include_in_schema=False)

Token = Annotated[str, Path()]
READER = Cause(kind="event")
# What an address may hold as it is; anything else could end the header.
URL_CHARACTERS = "%/:=&?~#+!$,;'@()*[]"
# The smallest image there is: one transparent point.
PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@public.get("/u/{token}")
async def show_choices(token: Token, request: Request, inst: Inst) -> Response:
    """The preference page. It changes nothing: mail services open every address to look for what is bad."""
    async with inst.db.read() as read:
        sent = await answering.find_sent(read, inst, token, "unsubscribe")
        if sent is None:
            return _lost(request)
        return preference_page(await answering.show_preferences(read, sent))


@public.post("/u/{token}")
async def unsubscribe(token: Token, request: Request, inst: Inst) -> Response:
    """RFC 8058: whoever posts to the address of a message gets no more of its type; the page posts what to get."""
    # Our page sends a plain form. Whatever else comes is the one click, in either of the forms it may have.
    form = parse_qs((await request.body()).decode(errors="replace"))
    action = form.get("action", [None])[0]
    async with inst.db.read() as read:
        sent = await answering.find_sent(read, inst, token, "unsubscribe")
    if sent is None:
        return _lost(request)
    async with inst.db.transaction() as tx:
        write = await writing(tx, inst, READER)
        match action:
            case "save":
                offered = form.get("shown")
                is_saved = await answering.choose(tx, write, sent, set(form.get("type", ())), offered=offered)
                said = SAVED if is_saved else NOBODY
            case "all":
                await answering.unsubscribe_altogether(tx, write, sent)
                said = ALL_OFF
            case _:
                await answering.unsubscribe(tx, write, sent)
                said = ONE_OFF
        shown = await answering.show_preferences(tx, sent)
    if action is None:
        return Response(f"{ONE_OFF}\n", 200, HEADERS, "text/plain")
    return preference_page(shown, said=said)


@public.get("/t/o/{token}")
async def show_pixel(token: Token, request: Request, inst: Inst) -> Response:
    """The image that tells that a message is shown; it is the same one whatever the token is."""
    async with inst.db.read() as read:
        reaction = await reactions.find_reaction(read, inst, token, "open")
    if reaction is not None:
        async with inst.db.transaction() as tx:
            await reactions.record_reaction(tx, await writing(tx, inst, READER), reaction, request.headers)
    else:
        mark_unproven(request)
    return Response(PIXEL, 200, HEADERS, "image/gif")


@public.api_route("/t/c/{token}", methods=["GET", "HEAD"])
async def follow(token: Token, request: Request, inst: Inst) -> Response:
    """Lead on to where a link of a message leads, and nowhere else: the address is stored with the message."""
    async with inst.db.read() as read:
        reaction = await reactions.find_reaction(read, inst, token, "click")
    if reaction is None or reaction.url is None:
        return _lost(request)
    # Who asks for the head only does not want to read what is there.
    if request.method == "GET":
        async with inst.db.transaction() as tx:
            await reactions.record_reaction(tx, await writing(tx, inst, READER), reaction, request.headers)
    return Response(status_code=302, headers={**HEADERS, "Location": quote(reaction.url, safe=URL_CHARACTERS)})


def _lost(request: Request) -> Response:
    mark_unproven(request)
    return lost_page()
