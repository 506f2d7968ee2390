"""A call of an address that a step handed out: once, while somebody may still wait for it."""

from __future__ import annotations

from domain.base import Json
from domain.callbacks import callback_id
from domain.enrollments import Enrollment
from domain.errors import Conflict, Invalid, NoSuchAddress
from domain.events import CALLBACK
from domain.problems import FieldError
from services.installation import Installation
from services.intake.events import Happened, KnownAlready, check_event, record_event
from services.links import read_link
from services.records.places import placed
from services.records.records import Write
from store.database import Tx
from store.enrollments import get_enrollment
from store.events import EventRow, find_by_external_id
from store.schema import load_account
from store.visits import times_at


async def take_callback(tx: Tx, inst: Installation, write: Write, token: str, body: Json) -> EventRow:
    """Record what was said under an address, which lets go on who waits for it, now or later.

    Raises:
        NoSuchAddress: the address is none of ours.
        Conflict: it was called before, its enrollment is over, or the step was passed again and handed out another one.
        Invalid: the body is no object, or too large.
    """
    link = read_link(inst, await load_account(tx), token, "callback")
    if link is None:
        raise NoSuchAddress("there is no such address")
    enrollment_id, step, n = link.key.split(":")
    external_id = callback_id(enrollment_id, step, int(n))
    if await find_by_external_id(tx, external_id) is not None:
        raise _called_before()
    enrollment = await _inside(tx, enrollment_id)
    if await times_at(tx, enrollment_id, step) > int(n):
        raise Conflict("the step handed out another address since; this one is over", code="address_replaced")
    if not isinstance(body, dict):
        message = "the body of a callback is a JSON object, or empty"
        raise Invalid(message, errors=[FieldError(path="", code="wrong_type", message=message)])
    happened = Happened(name=CALLBACK, properties=body, external_id=external_id, answers=(enrollment_id, step))
    with placed({"/properties": ""}):
        check_event(happened.model_copy(update={"name": "form.submitted", "external_id": None}), now=write.now)
    try:
        event = await record_event(tx, write, enrollment.record_id, happened)
    except KnownAlready:
        raise _called_before() from None
    # Behind the lock of its record, which whoever ends it takes as well.
    await _inside(tx, enrollment_id)
    return event


async def _inside(tx: Tx, enrollment_id: str) -> Enrollment:
    found = await get_enrollment(tx, enrollment_id)
    if found is None or found.status == "ended":
        raise Conflict("the enrollment is over: nobody waits for this any more", code="enrollment_over")
    return found


def _called_before() -> Conflict:
    return Conflict("this address was called before, and counts once; nothing was done", code="called_before")
