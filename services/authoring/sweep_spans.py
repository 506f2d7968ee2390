"""From which instant on a workflow is swept for what changes by time: from when it lets records in."""

from __future__ import annotations

from datetime import datetime

from domain.definition import Definition, FilterTrigger
from domain.names import leaving_sweep, trigger_sweep
from domain.timing import reads_time
from services.versions import load_content
from store.database import Row, Tx
from store.sweeps import begin_anew, begin_sweeps


async def begin_to_sweep(tx: Tx, workflow: Row, definition: Definition, *, version: int, now: datetime) -> None:
    """Begin the sweeps of a definition that is about to become ``version`` of a workflow, or is its current one.

    Whoever matches at that moment does not enter; but where the same trigger let records in until now, nobody is lost.
    """
    wanted = _turning(definition)
    kept = await _turning_now(tx, workflow) if workflow["is_on"] else {}
    new = [id for id, trigger in wanted.items() if kept.get(id) != trigger]
    await begin_anew(tx, [trigger_sweep(workflow["id"], id) for id in new], at=now)
    await begin_sweeps(tx, [leaving_sweep(workflow["id"], version)], at=now)


async def sweep_from_now(tx: Tx, workflow: Row, *, now: datetime) -> None:
    """Let the triggers of a workflow that is off look at what changes from now on, as it is about to be turned on."""
    if not workflow["is_on"]:
        turning = await _turning_now(tx, workflow)
        await begin_anew(tx, [trigger_sweep(workflow["id"], id) for id in turning], at=now)


async def _turning_now(tx: Tx, workflow: Row) -> dict[str, FilterTrigger]:
    """The triggers of the current version that fire by time; none before the first."""
    if workflow["version"] is None:
        return {}
    return _turning((await load_content(tx, workflow["id"], workflow["version"])).definition)


def _turning(definition: Definition) -> dict[str, FilterTrigger]:
    triggers = () if definition.type == "scheduled" else definition.entry.triggers
    return {t.id: t for t in triggers if isinstance(t, FilterTrigger) and reads_time(t.where)}
