"""Since when an enrollment counts from the date it counts from: what was due before that is past for it (rule R4)."""

from __future__ import annotations

from datetime import datetime

from domain.anchors import anchor_of, origin
from domain.delays import subject_of
from domain.zones import ZONE_PROPERTY
from services.running.inside import Inside
from store.database import Tx
from store.live import ACCOUNT
from store.origins import last_moved, set_origin


async def counted_since(tx: Tx, inside: Inside, *, now: datetime) -> datetime:
    """When the enrollment or its round began, or when its date or the zone last moved; a move is noted here."""
    mine = inside.enrollment
    known_since = mine.origin_since or mine.started_at
    current = origin(inside.anchor_at, inside.zone)
    if mine.origin == current:
        return known_since
    since = known_since if mine.origin_since is None else await _moved_at(tx, inside, known_since, now)
    await set_origin(tx, mine.id, current, since)
    return since


async def _moved_at(tx: Tx, inside: Inside, after: datetime, now: datetime) -> datetime:
    """When the date moved, which may be long before anybody could ask; by the clock of whoever changed it."""
    anchor = inside.definition.anchor
    assert anchor is not None, "only a dated workflow counts from a date"
    dated = subject_of(anchor_of(anchor), inside.facts)
    subjects = {inside.record.id, inside.enrollment.workflow_id, ACCOUNT, *([dated.id] if dated is not None else [])}
    properties = {ZONE_PROPERTY, *([anchor.property] if anchor.property is not None else [])}
    found = await last_moved(tx, subjects, properties, linked=anchor.of is not None, since=after)
    return min(found, now) if found is not None else now
