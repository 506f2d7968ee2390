"""Pausing and resuming one enrollment, or everybody in a workflow (rule L5).

Who is paused is held at the next gate: clocks run on but lead nowhere, while goals, exits and suppression still act.
Resuming wakes those who were held, each at a moment of its own, and they take what passed in the meantime.
"""

from __future__ import annotations

from datetime import datetime

from domain.splitting import spread
from services.installation import Installation
from services.leaving.moving import lock_active
from services.recurring.recurring import stop_recurring
from services.versions import load_live
from services.workflow_views import WorkflowView, find, view_of
from store import workflows as rows
from store.database import Row, Tx
from store.enrollments import set_held, set_status
from store.intake import add_delivery
from store.locks import lock_enrollments
from store.pauses import begin_pause, end_pause

PAGE = 1000
"""Enrollments locked by one statement."""


async def pause_enrollment(tx: Tx, enrollment_id: str, *, now: datetime) -> bool:
    """Hold one enrollment; False when it is paused already.

    Raises:
        NotFound: there is no such enrollment.
        Conflict: it has ended.
    """
    enrollment = await lock_active(tx, enrollment_id)
    if enrollment.status == "paused":
        return False
    await set_status(tx, enrollment_id, "paused")
    await begin_pause(tx, enrollment_id, now=now)
    await add_delivery(tx, enrollment_id, "pause", {}, now=now)
    return True


async def resume_enrollment(tx: Tx, enrollment_id: str, *, now: datetime) -> bool:
    """Let one enrollment go on at once; False when it was not paused. A workflow that is paused holds it all the same.

    Raises:
        NotFound: there is no such enrollment.
        Conflict: it has ended.
    """
    enrollment = await lock_active(tx, enrollment_id)
    if enrollment.status != "paused":
        return False
    await set_status(tx, enrollment_id, "active" if enrollment.step is not None else "starting")
    await set_held(tx, [enrollment_id], None)
    await end_pause(tx, enrollment_id, now=now)
    await add_delivery(tx, enrollment_id, "resume", {}, now=now)
    return True


async def pause_workflow(tx: Tx, inst: Installation, slug: str, *, now: datetime) -> WorkflowView:
    """Let nobody in, and hold everybody inside at their next step.

    Raises:
        NotFound: there is no such workflow.
    """
    workflow = await find(tx, slug)
    if not workflow["is_paused"]:
        await rows.set_paused(tx, workflow["id"], is_paused=True, now=now)
        await begin_pause(tx, workflow["id"], now=now)
    await stop_recurring(tx, inst, workflow, missed="paused", now=now)
    return view_of(await find(tx, slug), inst)


async def resume_workflow(tx: Tx, inst: Installation, slug: str, *, now: datetime) -> WorkflowView:
    """Let everybody go on who is not paused alone; who was held meanwhile is spread over ``spread_minutes``.

    Raises:
        NotFound: there is no such workflow.
    """
    workflow = await find(tx, slug)
    if workflow["is_paused"]:
        await rows.set_paused(tx, workflow["id"], is_paused=False, now=now)
        await end_pause(tx, workflow["id"], now=now)
        await stop_recurring(tx, inst, workflow, missed="paused", now=now)
        await _wake_held(tx, workflow, now=now)
    return view_of(await find(tx, slug), inst)


async def _wake_held(tx: Tx, workflow: Row, *, now: datetime) -> None:
    """Queue a delivery for everybody held. All inside are locked: who is being held this moment is waited for."""
    if workflow["version"] is None:
        return
    content = await load_live(tx, workflow["id"], workflow["version"])
    inside = await rows.ids_inside(tx, workflow["id"])
    for begin in range(0, len(inside), PAGE):
        locked = await lock_enrollments(tx, inside[begin : begin + PAGE])
        held = [e.id for e in locked.values() if e.held_at is not None and e.status not in ("paused", "ended")]
        if not held:
            continue
        await set_held(tx, held, None)
        for enrollment_id in held:
            due_at = now + spread(enrollment_id, content.definition.settings.spread_minutes)
            await add_delivery(tx, enrollment_id, "resume", {}, now=now, due_at=due_at)
