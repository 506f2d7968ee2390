"""Carrying deliveries to Temporal: starts and signals, in order per enrollment, at least once.

The receiver drops repeated ids, so a delivery that arrived but could not be crossed out is harmless. A signal that
finds no run is done all the same: the enrollment is over as well, or Temporal says how its run ended and it is ended
now, or the run is missing, which no repetition of the signal mends (``services.running.lost_runs``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

from domain.base import Json
from domain.enrollments import Enrollment
from domain.errors import Unavailable
from domain.messages import EnrollmentStart
from domain.plan import ENGINE_REV
from domain.ports import RunStart
from services.installation import Installation
from services.log_fields import add_log_fields, log_fields
from services.running.lost_runs import end_if_lost
from services.versions import load_content
from store.database import Row, Tx
from store.enrollments import get_enrollments
from store.intake import (
    add_delivery,
    announce_waiting,
    claim_deliveries,
    finish_deliveries,
    leased_start,
    leased_starts,
    postpone_delivery,
)
from store.schema import load_account

log = logging.getLogger(__name__)

STARTS_AT_ONCE = 50
"""Starts of a page carried together; more do not make the server faster."""


async def deliver_batch(inst: Installation, worker: str, *, enrollment_id: str | None = None) -> int:
    """Claim what is due, carry it, cross it out. Answers how many were claimed.

    Whatever goes wrong with one is written into its row and tried again later; it stops neither the others nor the
    relay.
    """
    async with inst.db.transaction() as tx:
        claimed = await claim_deliveries(tx, worker, inst.clock.now(), enrollment_id=enrollment_id)
    if not claimed:
        return 0
    await _settle(inst, worker, claimed)
    return len(claimed)


async def deliver_now(inst: Installation, enrollment_id: str) -> None:
    """Try an enrollment's own deliveries at once; what cannot be delivered now is left to the relays.

    The start of one that this process let in as its ``starter`` is leased already and needs no claim.
    """
    async with inst.db.glance() as read:
        start = await leased_start(read, inst.name, enrollment_id)
    if start is not None:
        await _settle(inst, inst.name, [start])
    else:
        await deliver_batch(inst, inst.name, enrollment_id=enrollment_id)


async def deliver_starts(inst: Installation, enrollment_ids: Sequence[str]) -> None:
    """Start the runs of those this process let in as their ``starter``; what cannot be delivered is left to the relays.

    Each batch is crossed out before the next begins, so that none outlives its lease.
    """
    for start in range(0, len(enrollment_ids), STARTS_AT_ONCE):
        batch = enrollment_ids[start : start + STARTS_AT_ONCE]
        async with inst.db.glance() as read:
            leased = await leased_starts(read, inst.name, batch)
        if leased:
            await _settle(inst, inst.name, leased)


async def _settle(inst: Installation, worker: str, claimed: Sequence[Row]) -> None:
    """Carry deliveries this worker has leased, and cross out those that arrived."""
    async with inst.db.glance() as read:
        known = await get_enrollments(read, {delivery["enrollment_id"] for delivery in claimed})
    errors = await asyncio.gather(*(_try(inst, known.get(each["enrollment_id"]), each) for each in claimed))
    async with inst.db.transaction() as tx:
        tried = list(zip(claimed, errors, strict=True))
        await finish_deliveries(tx, worker, [delivery["seq"] for delivery, error in tried if error is None])
        for delivery, error in tried:
            if error is not None:
                await postpone_delivery(tx, worker, delivery["seq"], error, delivery["attempts"], inst.clock.now())
            else:
                await _ask_again_if_altered(tx, known.get(delivery["enrollment_id"]), delivery, now=inst.clock.now())
        await announce_waiting(tx, [delivery["enrollment_id"] for delivery, error in tried if error is None])
    for delivery, error in tried:
        inst.meter.carried(delivery["kind"], arrived=error is None)


async def _ask_again_if_altered(tx: Tx, enrollment: Enrollment | None, start: Row, *, now: datetime) -> None:
    """Have a run ask anew how long its first delay takes if live values changed since the entry that planned it read.

    Whoever tells those inside of a change cannot see an entry that commits behind it. A change still to come finds this
    one inside.
    """
    planned_by = start["payload"].get("live_revision")
    if enrollment is None or planned_by is None:
        return
    revision = (await load_account(tx)).live_revision
    if planned_by == revision:
        return
    payload: dict[str, Json] = {"record_id": enrollment.workflow_id, "version": revision, "retime": True}
    await add_delivery(tx, enrollment.id, "record_changed", payload, now=now)


async def _try(inst: Installation, enrollment: Enrollment | None, delivery: Row) -> str | None:
    """Carry one delivery; what went wrong, or None. There is nobody to carry it to where the enrollment is gone."""
    with log_fields(delivery=delivery["id"], enrollment=delivery["enrollment_id"]):
        try:
            if enrollment is not None:
                await _carry_traced(inst, enrollment, delivery)
        except Unavailable as error:
            return str(error)
        except Exception as error:
            # It belongs to this delivery, as a failed judgement to its change.
            log.warning("delivery_not_made", extra={"attempt": delivery["attempts"] + 1}, exc_info=error)
            return f"{type(error).__name__}: {error}"
    return None


async def _carry_traced(inst: Installation, enrollment: Enrollment, delivery: Row) -> None:
    """A run begins a trace of its own: it may last for months, and be one of a hundred thousand of one cause."""
    ids = {"delivery": delivery["id"], "enrollment": enrollment.id, "workflow": enrollment.workflow_id}
    if delivery["kind"] == "start":
        traced = inst.traces.trace("start run", because_of=delivery["traceparent"], **ids)
    else:
        traced = inst.traces.span("signal run", behind=delivery["traceparent"], kind=delivery["kind"], **ids)
    with traced:
        add_log_fields(trace=inst.traces.trace_id())
        await _carry(inst, enrollment, delivery)


async def _carry(inst: Installation, enrollment: Enrollment, delivery: Row) -> None:
    if delivery["kind"] != "start":
        payload = {"kind": delivery["kind"], "id": delivery["id"], **delivery["payload"]}
        if not await inst.runs.signal(enrollment.run_id, delivery["kind"], payload):
            await end_if_lost(inst, enrollment)
        return
    async with inst.db.glance() as read:
        version = delivery["payload"].get("version", enrollment.version)
        content = await load_content(read, enrollment.workflow_id, version)
    start = EnrollmentStart(
        enrollment_id=enrollment.id,
        workflow_id=enrollment.workflow_id,
        record_id=enrollment.record_id,
        object=enrollment.object,
        bound_id=enrollment.bound_id,
        bound_object=enrollment.bound_object,
        engine_rev=ENGINE_REV,
        state=delivery["payload"].get("state"),
    )
    await inst.runs.start(
        RunStart(
            run_id=enrollment.run_id,
            start=start.model_dump(mode="json", exclude_none=True),
            plan=content.plan.model_dump(mode="json", exclude_defaults=True),
            slug=content.plan.slug,
            name=content.plan.name,
            version=version,
            object=enrollment.object,
            record_id=enrollment.record_id,
            bound_id=enrollment.bound_id,
            bound_object=enrollment.bound_object,
            anew=delivery["payload"].get("anew", False),
        )
    )
