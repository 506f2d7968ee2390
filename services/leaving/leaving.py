"""How an enrollment ends: in one transaction with its reason, so that nothing of it commits afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.enrollments import Enrollment
from domain.errors import Conflict
from domain.facts import Seen
from domain.messages import EndReason
from services.leaving.again import come_again
from services.leaving.standing import INSIDE, tell_standing
from store.database import Tx
from store.effects import abandon_effects
from store.enrollments import active_ids_of_pair, active_ids_of_record, close_enrollment
from store.intake import add_delivery
from store.locks import lock_enrollments, lock_inside
from store.visits import close_open_visits
from store.workflows import list_inside


async def end_enrollment(
    tx: Tx,
    enrollment: Enrollment,
    reason: EndReason,
    *,
    detail: str | None = None,
    seen: Sequence[Seen] = (),
    now: datetime,
    tell: bool = True,
) -> None:
    """End a locked, active enrollment: close its visit, give up what waits to be sent, and tell its run.

    ``seen``: the values the reason was judged on, where it is a condition. ``tell`` is false when the run itself asked,
    as it learns from the answer.
    """
    await close_enrollment(tx, enrollment.id, reason, detail, now, seen=seen)
    await close_open_visits(tx, enrollment.id, now=now, reason=reason)
    await abandon_effects(tx, enrollment.id, now=now)
    await tell_standing(tx, enrollment, INSIDE, now=now, goal=detail if reason == "goal" else None)
    await come_again(tx, enrollment, reason, now=now)
    if tell:
        await add_delivery(tx, enrollment.id, "leave", {"reason": reason, "detail": detail}, now=now)


async def complete_enrollment(tx: Tx, enrollment: Enrollment, *, detail: str | None, now: datetime) -> None:
    """End a locked, active enrollment whose last step was settled in this transaction: nothing else of it is open."""
    await close_enrollment(tx, enrollment.id, "completed", detail, now)
    await tell_standing(tx, enrollment, INSIDE, now=now)
    await come_again(tx, enrollment, "completed", now=now)


async def end_all_of_record(tx: Tx, record_id: str, *, now: datetime) -> int:
    """End every active enrollment a record is part of, because it is gone (rule L6); the record is locked already."""
    parts = dict(await active_ids_of_record(tx, record_id))
    for enrollment in (await lock_enrollments(tx, parts)).values():
        if enrollment.status != "ended":
            reason: EndReason = "record_deleted" if parts[enrollment.id] else "bound_record_gone"
            await end_enrollment(tx, enrollment, reason, now=now)
    return len(parts)


async def end_all_of_workflow(tx: Tx, workflow_id: str, *, now: datetime) -> None:
    """End everybody inside a workflow that is deleted.

    Raises:
        Conflict: the record of one of them was merged into another one this very moment.
    """
    seen = await list_inside(tx, workflow_id)
    locked = await lock_inside(tx, seen)
    if len(locked) < len(seen):
        raise Conflict("a record inside was just merged into another one: try again")
    for enrollment in locked.values():
        if enrollment.status != "ended":
            await end_enrollment(tx, enrollment, "workflow_deleted", now=now)


async def end_all_of_pair(tx: Tx, one: str, other: str, *, now: datetime) -> None:
    """End every active enrollment of one of two records that is bound to the other, as they are no longer associated.

    Both are locked already. A record that was moved to another contact takes no enrollment with it: what it ran belongs
    to whom it ran with, and a trigger may let the new contact in.
    """
    for enrollment in (await lock_enrollments(tx, await active_ids_of_pair(tx, one, other))).values():
        if enrollment.status != "ended":
            await end_enrollment(tx, enrollment, "bound_record_gone", detail="no longer associated", now=now)
