"""Entering and leaving by hand or through the API: what was asked is checked, then the engine's rules decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.base import Frozen, Json
from domain.errors import Conflict, Invalid, NotFound
from domain.parameters import wrong_parameters
from domain.problems import FieldError
from domain.records import Cause
from services.entering.enrolling import Decided, EnrollRequest, enroll
from services.leaving.leaving import end_enrollment
from services.versions import load_live
from store.database import Row, Tx
from store.enrollments import get_enrollment
from store.locks import lock_inside, lock_records


class Ask(Frozen):
    """Somebody asks that a record enters: objects and ids of the record and of what it is about."""

    object: str
    record_id: str
    bound_object: str | None = None
    bound_id: str | None = None
    parameters: dict[str, Json] = {}


async def enroll_by_hand(
    tx: Tx, workflow: Row, ask: Ask, *, cause: Cause, now: datetime, starter: str | None = None
) -> Decided:
    """Decide whether the record enters the workflow (rules E1, E2, E5 to E7). ``starter``: see ``EnrollRequest``.

    Raises:
        NotFound: a named record never existed.
        Invalid: the workflow is about another object, or a parameter is unknown, wrong or missing.
    """
    if ask.object != workflow["object"]:
        message = f"{workflow['slug']} is about {workflow['object']} records, not {ask.object}"
        raise Invalid(message, errors=[FieldError(path="/record/object", code="wrong_value", message=message)])
    await check_parameters(tx, workflow, ask.parameters)
    wanted = {ask.record_id: ask.object}
    if ask.bound_id is not None and ask.bound_object is not None:
        wanted[ask.bound_id] = ask.bound_object
    # Deleted records are let through: the decision about them, no_record, is worth a row.
    found = await lock_records(tx, wanted, write=True)
    for record_id, object in wanted.items():
        if record_id not in found or found[record_id].object != object:
            raise NotFound(f"there is no {object} {record_id}")
    request = EnrollRequest(
        workflow_id=workflow["id"],
        record_id=ask.record_id,
        bound_id=ask.bound_id,
        cause=cause,
        parameters=ask.parameters,
        starter=starter,
    )
    return await enroll(tx, request, now=now)


async def unenroll(tx: Tx, enrollment_id: str, *, by: str | None = None, now: datetime) -> bool:
    """Take a record out of a workflow; False when it had ended already, which is left as it is.

    ``by``: who did it, as words that the end keeps.

    Raises:
        NotFound: there is no such enrollment.
        Conflict: its record was merged into another one this very moment.
    """
    known = await get_enrollment(tx, enrollment_id)
    if known is None:
        raise NotFound(f"there is no enrollment {enrollment_id}")
    enrollment = (await lock_inside(tx, [known])).get(enrollment_id)
    if enrollment is None:
        raise Conflict("the record was just merged into another one: try again")
    if enrollment.status == "ended":
        return False
    await end_enrollment(tx, enrollment, "unenrolled", detail=by, now=now)
    return True


async def check_parameters(tx: Tx, workflow: Row, given: Mapping[str, Json]) -> None:
    """Refuse parameters that the workflow does not have.

    Raises:
        Invalid: each with its path under ``/parameters``.
    """
    if workflow["version"] is None:
        return
    definition = (await load_live(tx, workflow["id"], workflow["version"])).definition
    if wrong := wrong_parameters(definition, given):
        raise Invalid(wrong[0].message, errors=wrong)
