"""What happened to messages a workflow sent; whoever answers one leaves it where it says so (rules L1 and L2).

A reply names the message it answers. It ends the enrollment that sent it, whoever of its contacts wrote, and no other;
where that one ended as its record was merged, the one that goes on for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.base import Frozen, Json
from domain.enrollments import Enrollment
from domain.errors import Conflict, Invalid
from domain.events import REPLIED, is_about_message
from domain.leaving import Departure
from domain.problems import FieldError
from domain.records import StoredRecord
from services.facts import read_facts
from services.leaving.leaving import end_enrollment
from services.leaving.moving import depart
from services.leaving.reasons import find_reason
from services.versions import Content, load_content
from store.database import Read, Tx
from store.enrollments import get_enrollment, going_on_for
from store.locks import lock_enrollments
from store.outputs import get_message
from store.schema import load_account

BEING_MERGED = "the record that was written to is being merged by others at the same time: try again"


class Answered(Frozen):
    """The message a reply or another event is about, and whose it is; ``told`` is what a timeline says about it."""

    message_id: str
    step: str
    enrollment: Enrollment
    told: dict[str, Json]

    @property
    def records(self) -> frozenset[str]:
        """The enrolled and the bound record, to be locked with the one that replied."""
        return frozenset(self.enrollment.record_ids)


async def find_answered(read: Read, name: str, properties: Mapping[str, Json]) -> Answered | None:
    """The message an event answers or is about; None for one that does not say which.

    Raises:
        Invalid: it is a reply to a message nobody sent. Other events may come from elsewhere, with ids from there.
    """
    message_id = properties.get("message")
    if not is_about_message(name) or not isinstance(message_id, str) or not message_id:
        return None
    message = await get_message(read, message_id)
    enrollment = await get_enrollment(read, message["enrollment_id"]) if message is not None else None
    if message is None or enrollment is None:
        if name != REPLIED:
            return None
        words = f"no message {message_id[:40]!r} was sent; name one by its id, as GET /messages shows it"
        raise Invalid(words, errors=[FieldError(path="/properties/message", code="wrong_value", message=words)])
    if enrollment.end_reason == "record_merged":
        enrollment = await going_on_for(read, enrollment) or enrollment
    told = {"message": message_id, **{name: message[name] for name in ("channel", "step")}}
    return Answered(
        message_id=message_id,
        step=message["step"],
        enrollment=enrollment,
        told={**told, "workflow": message["slug"]},
    )


async def stop_on_reply(tx: Tx, answered: Answered, locked: Mapping[str, StoredRecord], *, now: datetime) -> None:
    """End whom a person answered, where the workflow stops on replies; the event is written, its records are locked.

    A goal that the reply met counts first (rule L3).

    Raises:
        Conflict: the enrollment goes on under a record it was just merged into, or another one goes on for it.
    """
    enrollment = (await lock_enrollments(tx, [answered.enrollment.id])).get(answered.enrollment.id)
    if enrollment is None or answered.enrollment.status == "ended":
        return
    if enrollment.end_reason == "record_merged":
        raise Conflict(BEING_MERGED)
    if enrollment.status == "ended":
        return
    content = await load_content(tx, enrollment.workflow_id, enrollment.version)
    if not content.definition.exit.stop_on_reply:
        return
    if not locked.keys() >= set(enrollment.record_ids):
        raise Conflict(BEING_MERGED)
    goal = await _goal(tx, content, enrollment, locked, now=now)
    if goal is not None:
        await depart(tx, enrollment, goal, now=now)
    if goal is None or goal.go_to is not None:
        await end_enrollment(tx, enrollment, "replied", detail=answered.message_id, now=now)


async def _goal(
    tx: Tx, content: Content, enrollment: Enrollment, locked: Mapping[str, StoredRecord], *, now: datetime
) -> Departure | None:
    account = await load_account(tx)
    facts = await read_facts(
        tx,
        account,
        content.definition,
        enrollment.record_id,
        needs=content.leaving_needs,
        enrollment=enrollment,
        now=now,
        known=locked,
    )
    found = await find_reason(tx, account, content, enrollment, facts) if facts is not None else None
    return found if found is not None and found.reason == "goal" else None
