"""Starting a run again where the database says its enrollment stands, and telling runs what they may have missed.

Everything a run was ever answered lies in the visits, so that a run which begins in the middle, or stands further back
than the database does, is told the same again and does nothing twice. It is needed where Temporal lost a run, or knows
an older state of it than the database: after a backup was restored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from domain.base import Frozen, Json
from domain.enrollments import Enrollment
from domain.landing import Mark, find_place
from domain.messages import RunState
from services.installation import Installation
from services.running.deliveries import deliver_batch, deliver_starts
from services.running.settling import wake
from services.versions import load_content
from store.database import Read, Tx
from store.enrollments import started_enrollments
from store.intake import add_delivery, having_deliveries
from store.locks import lock_inside
from store.moving import marks_of, next_turn
from store.visits import last_sleep

PAGE = 500
"""Enrollments told in one transaction."""

CAME_BY = "again, as the database knows it"
"""What Temporal UI says of how a run came where it began."""


class Told(Frozen):
    """How many runs were told what they may have missed, and how many begin anew where the database says they are."""

    told: int
    anew: int


async def standing(read: Read, enrollment: Enrollment) -> RunState:
    """Where the run of an active enrollment has to stand, by its row and its visits."""
    plan = (await load_content(read, enrollment.workflow_id, enrollment.version)).plan
    marks = (await marks_of(read, [enrollment.id])).get(enrollment.id, [])
    place = find_place(plan, enrollment.step, arriving=enrollment.moved_at is not None, marks=marks)
    counts: dict[str, int] = {}
    for mark in marks:
        counts[mark.step] = max(mark.n, counts.get(mark.step, 0))
    state = RunState(
        step=place.step,
        counts=counts,
        epoch=enrollment.epoch,
        pass_over=enrollment.pass_over or {},
        takes_up=enrollment.retried_from is not None,
        came_by=CAME_BY,
    )
    visit = place.visit
    if place.failed is not None:
        # It asks again, is answered as before, and follows what is to follow.
        return state.model_copy(update={"step": enrollment.step, "standing": True})
    if place.entering:
        return state.model_copy(update={"step": enrollment.retried_step or plan.start})
    if visit is None:
        return state.model_copy(update={"skip_sends": await _skips_sends(read, enrollment, marks)})
    skips = plan.steps[visit.step].kind == "action" and await _skips_sends(read, enrollment, marks)
    inside = {
        "standing": True,
        "turn": await next_turn(read, enrollment.id, visit.step, visit.n),
        "counts": {**counts, visit.step: visit.n},
        "skip_sends": skips,
    }
    return state.model_copy(update=inside)


async def _skips_sends(read: Read, enrollment: Enrollment, marks: Collection[Mark]) -> bool:
    """Whether messages are passed by up to the next delay or wait: the last one said so, and nobody moved it since."""
    last = await last_sleep(read, enrollment.id)
    if last is None or enrollment.moved_at is not None:
        return False
    answer, at = last
    moved = any(mark.outcome == "left" and mark.entered_at >= at for mark in marks)
    return answer.skip_sends and not moved


async def start_again(
    tx: Tx, seen: Collection[Enrollment], *, now: datetime, anew: bool = False, starter: str | None = None
) -> dict[str, RunState]:
    """Have the runs of enrollments started where these stand; who is over, or just merged, is absent.

    ``anew``: in place of those that go on, which end. ``starter``: who delivers them at once, by ``deliver_starts``.
    All are locked, with their records.
    """
    begun: dict[str, RunState] = {}
    waiting = await having_deliveries(tx, [each.id for each in seen])
    for enrollment in (await lock_inside(tx, seen)).values():
        if enrollment.status == "ended":
            continue
        state = begun[enrollment.id] = await standing(tx, enrollment)
        payload: dict[str, Json] = {
            "version": enrollment.version,
            "state": state.model_dump(mode="json", exclude_defaults=True) | {"step": state.step},
            "anew": anew,
        }
        # Behind what waits already it is not the first of its line, and left to the relays.
        mine = starter if enrollment.id not in waiting else None
        await add_delivery(tx, enrollment.id, "start", payload, now=now, leased_by=mine)
    return begun


async def _carry(inst: Installation, enrollment_ids: Sequence[str]) -> None:
    """Carry their starts now; what Temporal does not take is left to the relays."""
    await deliver_starts(inst, enrollment_ids)
    for id in enrollment_ids:
        # Some stand behind what waited before them; what fails is put off and not claimed again here.
        while await deliver_batch(inst, inst.name, enrollment_id=id):
            pass


async def tell_again(inst: Installation) -> Told:
    """Have every run told what it may have missed, as Temporal is older than the database; relays carry it.

    What was told since the older state is gone: that a date moved, somebody answered or resumed. So each is asked to
    look again. One that was moved may have gone on from there, and only the database knows how often it came where:
    it begins anew, at once: once workers are up, the older run may be handing a message over when it is replaced.
    """
    after: str | None = ""
    told = anew = 0
    while after is not None:
        async with inst.db.read() as read:
            page = await started_enrollments(read, after=after, limit=PAGE)
        now = inst.clock.now()
        async with inst.db.transaction() as tx:
            for each in page:
                if each.epoch == 0:
                    await wake(tx, each.id, now=now)
                    await add_delivery(tx, each.id, "resume", {}, now=now)
                    told += 1
        begun: list[str] = []
        for each in page:
            if each.epoch > 0:
                # Alone, as it locks a record, and work may go on meanwhile.
                async with inst.db.transaction() as tx:
                    begun += await start_again(tx, [each], now=now, anew=True, starter=inst.name)
        await _carry(inst, begun)
        anew += len(begun)
        after = page[-1].id if len(page) == PAGE else None
    return Told(told=told, anew=anew)
