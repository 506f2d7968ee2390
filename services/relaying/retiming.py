"""Telling whoever waits by live values that changed (rules R8 and R12), so that their run asks anew how long."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError

from domain.base import Json
from domain.concerns import PARTS, Part, from_account, waits_by
from domain.enrollments import Enrollment
from domain.errors import NotFound
from domain.records import Change
from services.versions import load_live
from store.database import Tx
from store.enrollments import inside_after
from store.intake import add_delivery
from store.live import ACCOUNT
from store.locks import lock_enrollments


async def retime_page(tx: Tx, change: Change, *, after: str, limit: int, now: datetime) -> str | None:
    """Tell those concerned of up to ``limit`` inside, behind an id; answers the last id looked at, or None at the end.

    They are locked first: whoever is deciding how long to wait by the older values commits before it is looked where
    it stands, and whoever begins behind that reads the newer ones.
    """
    workflow_id = None if change.record_id == ACCOUNT else change.record_id
    page = await inside_after(tx, workflow_id, after, limit)
    inside = await lock_enrollments(tx, [each.id for each in page])
    payload: dict[str, Json] = {"record_id": change.record_id, "version": change.record_version, "retime": True}
    for id in sorted(inside):
        if inside[id].status != "ended" and await _is_concerned(tx, change, inside[id]):
            await add_delivery(tx, id, "record_changed", payload, now=now)
    return page[-1].id if len(page) == limit else None


async def _is_concerned(tx: Tx, change: Change, enrollment: Enrollment) -> bool:
    """Whether it waits by what changed; so does who is in a version that cannot be read, as nobody knows by what."""
    parts = _parts_of(change)
    try:
        content = await load_live(tx, enrollment.workflow_id, enrollment.version)
    except (ValidationError, NotFound):
        return True
    if change.record_id == ACCOUNT:
        parts &= from_account(content.definition.settings)
    if enrollment.step is None:
        return bool(parts)
    step = content.steps.get(enrollment.step)
    return bool(parts & waits_by(step, content.plan.steps.get(enrollment.step)))


def _parts_of(change: Change) -> frozenset[Part]:
    """What changed; where an older release wrote the change, it may be everything."""
    named = (change.detail or {}).get("parts")
    return frozenset(part for part in PARTS if not isinstance(named, list) or part in named)
