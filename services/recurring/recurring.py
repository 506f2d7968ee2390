"""Keeps the run that opens occurrences in step with its workflow (rule R13).

Whoever publishes, turns, pauses or deletes a scheduled workflow leaves a row behind in the same transaction; the relays
carry it to Temporal. So a run is neither forgotten nor started for what was not committed, and one that Temporal lost
is there again within minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.definition import Definition
from domain.errors import Unavailable
from domain.names import SIGNAL_CHANGED, recurrence_run_id
from domain.occurrences import MissReason
from services.entering.doors import lets_in
from services.installation import Installation
from services.jobs.bulk_audiences import check_triggers
from services.recurring.occurrences import deal_with_overdue
from services.versions import load_content
from store.database import Row, Tx
from store.locks import lock_schema
from store.occurrences import begin_recurrence, note_told, recurring_workflows, runs_to_tell, tell_run

SURE_FOR = timedelta(minutes=10)
"""How long a run that was there is believed to be there still; well within the hour after which it would be missed."""


async def begin_to_recur(tx: Tx, inst: Installation, workflow: Row, definition: Definition, *, now: datetime) -> None:
    """Let a definition that just became the current version happen on its schedule, from now on.

    ``workflow``: as it was until now. What has come by its schedule is dealt with first; where that stays the same,
    nothing is left out. The row of the workflow is locked by then: whoever locks both does so in this order.

    Raises:
        Invalid: no database can answer a trigger; ``errors`` names it.
    """
    if definition.schedule is None:
        return
    await check_triggers(tx, definition, now=now)
    if workflow["is_on"]:
        before = (await load_content(tx, workflow["id"], workflow["version"])).definition.schedule
        if before == definition.schedule and lets_in(workflow, now):
            await tell_run(tx, workflow["id"], now=now)
            return
        await deal_with_overdue(tx, inst, workflow, now=now)
    await begin_recurrence(tx, workflow["id"], now=now)


async def recur_from_now(tx: Tx, workflow: Row, *, now: datetime) -> None:
    """Let a workflow that was just turned on happen again; what came while it was off, as it was, does not count."""
    if workflow["type"] == "scheduled" and not lets_in(workflow, now):
        await begin_recurrence(tx, workflow["id"], now=now)


async def stop_recurring(
    tx: Tx, inst: Installation, workflow: Row, *, missed: MissReason = "turned_off", now: datetime
) -> None:
    """Have the run told of a workflow, as it was until now, that is turned off, paused, resumed or deleted.

    What has come and was not opened until this moment is ``missed``.
    """
    if workflow["type"] != "scheduled":
        return
    if workflow["is_on"]:
        await deal_with_overdue(tx, inst, workflow, missed=missed, now=now)
    await tell_run(tx, workflow["id"], now=now)


async def recur_in_another_zone(tx: Tx, inst: Installation, *, now: datetime) -> None:
    """The zone of the account is about to change, by whose clock schedules without one of their own happen."""
    # Before what it names is locked: whoever publishes locks both in this order.
    await lock_schema(tx)
    for workflow in await recurring_workflows(tx):
        await deal_with_overdue(tx, inst, workflow, now=now)
        await begin_recurrence(tx, workflow["id"], now=now)


async def tell_recurrences(inst: Installation) -> int:
    """Start or signal the runs that are to look again, and make sure of those not looked at for a while; how many.

    While Temporal is away they wait for the next time. A run told twice looks twice.
    """
    now = inst.clock.now()
    async with inst.db.read() as read:
        due = await runs_to_tell(read, now)
    for n, row in enumerate(due):
        try:
            await _tell(inst, row)
        except Unavailable:
            return n
        async with inst.db.transaction() as tx:
            again_at = now + SURE_FOR if row["is_on"] else None
            await note_told(tx, row["workflow_id"], row["revision"], again_at=again_at)
    return len(due)


async def _tell(inst: Installation, row: Row) -> None:
    if row["is_on"]:
        is_changed = row["told"] < row["revision"]
        await inst.runs.start_recurrence(row["workflow_id"], row["slug"], changed=is_changed)
    else:
        # A run that is not there has nothing to end.
        await inst.runs.signal(recurrence_run_id(row["workflow_id"]), SIGNAL_CHANGED, {})
