"""Addresses and numbers that nothing is sent to any more."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Inst, Reading, RecordsRead, RecordsWrite
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.routes.records import writing
from api.schemas.enrollments import cause_pointer
from api.schemas.subscriptions import SuppressionBody, SuppressionView
from domain.consent import SuppressionReason
from domain.errors import Invalid, NotFound
from domain.problems import FieldError
from services.auditing import audited
from services.installation import Installation
from services.records.places import placed
from services.records.suppressing import lift_number, lift_suppression, suppress_address, suppress_number
from store import suppressions as rows
from store.database import Tx

router = APIRouter(prefix="/suppressions", route_class=StorableRoute, tags=["subscriptions"])

BETWEEN = " "
"""What stands between the two parts of the key of a page; no address has one."""

Reason = Annotated[SuppressionReason | None, Query(description="Only this reason; without it all of them.")]


@router.get("", response_model=Page[SuppressionView])
async def list_suppressions(
    read: Reading,
    inst: Inst,
    _: RecordsRead,
    paging: Paged,
    address: Annotated[str | None, Query(max_length=320, description="Only those of this address.")] = None,
    reason: Reason = None,
) -> Page[SuppressionView]:
    """Addresses and numbers that nothing, or with `unsubscribed` no marketing, is sent to, in alphabetical order."""
    if address is not None:
        kept = await rows.suppressions_of(read, _subject(inst, address))
        found = [each for each in kept if reason in (None, each.reason)]
    else:
        last = paging.after.partition(BETWEEN) if paging.after else None
        after = (last[0], last[2]) if last else None
        found = await rows.page_addresses(read, reason=reason, after=after, limit=paging.fetch)
    return page(found, paging, _view, key=lambda each: f"{each.subject}{BETWEEN}{each.reason}")


@router.post("", status_code=201, response_model=SuppressionView, responses={200: {"model": SuppressionView}})
async def suppress(body: SuppressionBody, inst: Inst, caller: RecordsWrite, once: OnlyOnce) -> Response:
    """Send nothing to an address any more, now and whoever has it later. Known already: as it was, with 200.

    With `opted_out` it is a number, in international form, that gets no text message any more.
    """

    async def work(tx: Tx) -> Answer:
        write = await writing(tx, inst, caller.cause)
        address = _number(inst, body.address) if body.reason == "opted_out" else body.address
        async with audited(tx, caller.author, "suppression.added", rows.subject_of(address), now=write.now):
            if body.reason == "opted_out":
                made = await suppress_number(tx, write, inst.phones, address, source=body.source)
            else:
                with placed({"/property": "/address", "/value": "/address", "/properties/email": "/address"}):
                    made = await suppress_address(tx, write, address, body.reason, source=body.source)
        (kept,) = [each for each in await rows.suppressions_of(tx, address) if each.reason == body.reason]
        return answer(_view(kept), 201 if made else 200)

    return await once.run(work)


@router.delete("/{address:path}", status_code=204)
async def lift(
    address: Annotated[str, Path(max_length=320, examples=["ana@example.com"])],
    inst: Inst,
    caller: RecordsWrite,
    reason: Reason = None,
) -> Response:
    """Send to an address or a number again; the contacts that carried the reason carry it no more.

    Of a contact with the address `email_status` becomes `ok` unless another reason is left; of those who were
    written to under the number `sms_opted_out` becomes false.
    """
    address = _subject(inst, address)
    async with inst.db.transaction() as tx:
        known = {each.reason for each in await rows.suppressions_of(tx, address)}
        reasons = known & {reason} if reason else known
        if not reasons:
            raise NotFound("nothing keeps messages from this address" + (f" as {reason}" if reason else ""))
        write = await writing(tx, inst, caller.cause)
        async with audited(tx, caller.author, "suppression.lifted", rows.subject_of(address), now=write.now):
            if reasons == {"opted_out"}:
                await lift_number(tx, write, inst.phones, address)
            else:
                await lift_suppression(tx, write, address, reasons)
    return answer(None).response()


def _subject(inst: Installation, written: str) -> str:
    """What is named as it is kept: of a number its spaces are left out."""
    return _e164(inst, written) or written


def _e164(inst: Installation, written: str) -> str | None:
    return inst.phones.e164(written, "") if written.startswith("+") else None


def _number(inst: Installation, written: str) -> str:
    number = _e164(inst, written)
    if number is None:
        words = f"{written} is no phone number in international form, such as +4722123456"
        raise Invalid(words, errors=[FieldError(path="/address", code="wrong_value", message=words)])
    return number


def _view(each: rows.Suppression) -> SuppressionView:
    return SuppressionView(
        address=each.subject,
        reason=each.reason,
        source=each.source,
        since=each.since,
        cause=cause_pointer(each.cause.kind, each.cause.id),
    )
