"""Turning workflows off at the time their settings name; those inside stay and finish (rule L5)."""

from __future__ import annotations

from datetime import datetime

from domain.audit import PRODUCT
from domain.definition import Definition
from domain.errors import Invalid
from domain.instants import parse_instant
from domain.problems import FieldError
from services.auditing import audited
from services.installation import Installation
from services.recurring.recurring import stop_recurring
from store.database import Row, Tx
from store.workflows import due_to_turn_off, get_workflow, set_turn_off_at, turn_off_past


async def keep_turn_off_at(
    tx: Tx, workflow_id: str, definition: Definition, *, path: str = "/settings/turn_off_at", now: datetime
) -> None:
    """Note until when a workflow lets records in; ``path`` is where that was written.

    Raises:
        Invalid: that time has passed.
    """
    written = definition.settings.turn_off_at
    at = parse_instant(written) if written is not None else None
    if at is not None and at <= now:
        words = f"{written} has passed; the workflow would be off at once"
        raise Invalid(words, errors=[FieldError(path=path, code="wrong_value", message=words)])
    await set_turn_off_at(tx, workflow_id, at)


async def forget_past_time(tx: Tx, workflow: Row, *, now: datetime) -> None:
    """Whoever turns a workflow on after its time wants it on until it is turned off again."""
    if workflow["turn_off_at"] is not None and workflow["turn_off_at"] <= now:
        await set_turn_off_at(tx, workflow["id"], None)


async def turn_off_due(inst: Installation) -> int:
    """Turn off every workflow whose time has come; how many."""
    now = inst.clock.now()
    async with inst.db.read() as read:
        due = await due_to_turn_off(read, now)
    count = 0
    for workflow_id in due:
        async with inst.db.transaction() as tx:
            workflow = await get_workflow(tx, workflow_id)
            if workflow is None:
                continue
            async with audited(tx, PRODUCT, "workflow.turned_off", workflow["slug"], now=now):
                if await turn_off_past(tx, workflow_id, now=now):
                    await stop_recurring(tx, inst, workflow, now=now)
                    count += 1
    return count
