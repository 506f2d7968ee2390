"""What a change means for those inside: a reason to leave ends them at once, anything else they read is passed on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.base import Json
from domain.enrollments import Enrollment
from domain.facts import Facts
from domain.records import Change, StoredRecord
from domain.touches import changed_properties, keys_touched
from domain.zones import ZONE_PROPERTY
from services.facts import NOBODY, read_facts
from services.leaving.moving import depart
from services.leaving.reasons import as_of, find_reason
from services.versions import Content, load_live
from store.candidates import enrollments_reading
from store.database import Tx
from store.intake import add_delivery
from store.locks import lock_enrollments, lock_records
from store.schema import load_account


async def judge_departures(tx: Tx, change: Change, *, after: str, limit: int, now: datetime) -> list[str]:
    """End or tell up to ``limit`` enrollments the change concerns, from an id on; answers the ids looked at.

    Each is judged on the change's own ``after``, so a goal reached and taken back before anybody looked counts (L3);
    one that was over before the entry does not.
    """
    concerned = await enrollments_reading(tx, change.record_id, keys_touched(change), after=after, limit=limit)
    if not concerned:
        return []
    ids = {change.record_id} | {e.record_id for e in concerned} | {e.bound_id for e in concerned if e.bound_id}
    locked = await lock_records(tx, ids, write=False)
    for enrollment in (await lock_enrollments(tx, [e.id for e in concerned])).values():
        if enrollment.status != "ended" and not is_older(change, enrollment):
            await _judge_one(tx, change, enrollment, locked, now=now)
    return [e.id for e in concerned]


def is_older(change: Change, enrollment: Enrollment) -> bool:
    """Whether a change came before the entry: a goal that was met and over by then ends nobody.

    Only for the records that every entry locks, as only their sequence is the order of commits.
    """
    locked = change.record_id in (enrollment.record_id, enrollment.bound_id)
    return locked and enrollment.entered_seq is not None and change.seq <= enrollment.entered_seq


async def _judge_one(
    tx: Tx, change: Change, enrollment: Enrollment, locked: Mapping[str, StoredRecord], *, now: datetime
) -> None:
    content = await load_live(tx, enrollment.workflow_id, enrollment.version)
    # What an associated record was before the entry counts no more; what it is now does, as the order of its changes
    # and the entry is not that of their commits.
    counted = change if enrollment.entered_seq is None or change.seq > enrollment.entered_seq else None
    facts = await facts_of(tx, counted, enrollment, content, now=now, known=locked)
    if facts is None:
        return
    reason = await find_reason(tx, await load_account(tx), content, enrollment, facts, change=counted)
    if reason is not None:
        await depart(tx, enrollment, reason, now=now)
        return
    own = change.cause.kind == "enrollment" and change.cause.id == enrollment.id
    if change.wake and not own and enrollment.status != "starting":
        if change.kind == "event":
            await add_delivery(tx, enrollment.id, "event_happened", {"event": (change.detail or {})["event"]}, now=now)
            return
        payload: dict[str, Json] = {"record_id": change.record_id, "version": change.record_version}
        if _moves_clock(change, enrollment, content):
            payload["retime"] = True
        await add_delivery(tx, enrollment.id, "record_changed", payload, now=now)


def _moves_clock(change: Change, enrollment: Enrollment, content: Content) -> bool:
    """Whether the change moved the record into another zone, in which its delays and windows are meant."""
    by_record = content.definition.settings.timezone == "record" and change.record_id == enrollment.record_id
    return by_record and ZONE_PROPERTY in changed_properties(change)


async def facts_of(
    tx: Tx,
    change: Change | None,
    enrollment: Enrollment,
    content: Content,
    *,
    now: datetime,
    known: Mapping[str, StoredRecord] = NOBODY,
) -> Facts | None:
    """What the reasons to leave read, as the change left it; None when the record is gone.

    ``known``: records this transaction has locked already; they are not read again.
    """
    facts = await read_facts(
        tx,
        await load_account(tx),
        content.definition,
        enrollment.record_id,
        needs=content.leaving_needs,
        enrollment=enrollment,
        now=now,
        known=known,
    )
    return as_of(facts, change) if facts is not None else None
