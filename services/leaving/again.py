"""Remembering one trigger of whoever is inside already, for when the passage ends (``while_active: again``, rule E6).

The transaction that ends the enrollment writes what was remembered as a new cause. It does not judge it: it may only
share the lock of the record, and an entry needs it alone. A relay judges the cause as any other, from rule E2 on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.base import Json
from domain.enrollments import Enrollment
from domain.facts import Seen
from domain.messages import EndReason
from domain.names import entry_key
from domain.records import Cause, Change
from store.changes import Stamp, append_change
from store.database import Tx
from store.enrollments import remember_again, take_again
from store.records import get_record

AGAIN = "again"
"""Where the detail of a change of kind ``enrollment`` holds the remembered request."""

REMEMBERED = Seen(what="remembered: it is judged again when this passage ends", value=None, holds=True)

FOR_GOOD: frozenset[EndReason] = frozenset({"record_deleted", "workflow_deleted"})
"""Ends after which there is nobody, or nothing, to enter again."""


async def remember(tx: Tx, workflow_id: str, key: str, request: Mapping[str, Json]) -> None:
    """Keep the newest trigger under a key that is locked, in place of an older one."""
    await remember_again(tx, workflow_id, key, request)


async def come_again(tx: Tx, enrollment: Enrollment, reason: EndReason, *, now: datetime) -> None:
    """Write what was remembered while ``enrollment`` was inside as a new cause; usually there is nothing.

    Where one opportunity runs at a time, what another one asked for is remembered under the record's own key; of who
    entered before several ran, what its own asked for is remembered under the key of both.
    """
    if reason == "record_merged":
        return  # The other passage goes on, and what is remembered waits for its end.
    keys = {enrollment.key, enrollment.record_id, entry_key(enrollment.record_id, enrollment.bound_id)}
    remembered = await take_again(tx, enrollment.workflow_id, keys)
    if not remembered or reason in FOR_GOOD:
        return
    record = await get_record(tx, enrollment.record_id)
    if record is None:
        return
    for request in remembered:
        stamp = Stamp(now=now, cause=Cause.model_validate(request["cause"]))
        await append_change(tx, record, "enrollment", stamp, detail={AGAIN: request})


def remembered_in(change: Change) -> Mapping[str, Json] | None:
    """The request a change asks to judge anew, as ``remember`` got it."""
    request = (change.detail or {}).get(AGAIN)
    return request if isinstance(request, dict) else None
