"""How late a run goes on that slept until an instant: from that instant to the transaction behind it."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from domain.enrollments import Enrollment
from domain.metering import Meter
from store.database import Tx
from store.pauses import was_paused

NOTEWORTHY_S = 60
"""From which lateness on it is asked whether a pause is the reason."""


async def measure_wake(tx: Tx, meter: Meter, enrollment: Enrollment, *, asked_for: datetime, now: datetime) -> None:
    """Count once this commits how late the enrollment goes on; nothing where it was woken before its time.

    ``asked_for``: as of when the run asks; ``now``: by the clock of this process. Who was held by a pause is not late.
    """
    due = enrollment.wakes_at
    if due is None or due > asked_for:
        return
    whose = {enrollment.id, enrollment.workflow_id}
    late_s = max(0.0, (now - due).total_seconds())
    if late_s > NOTEWORTHY_S and await was_paused(tx, whose, now, beyond=due):
        return
    tx.after_commit(partial(meter.woke, late_s))
