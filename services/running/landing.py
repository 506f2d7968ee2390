"""Moving one enrollment to another version (rule R12): where it goes on, and the run's way of finding that out.

What ``plan_moves`` answers is both what a preview tells and what ``go_over`` writes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from domain.anchors import is_yearly
from domain.base import Json
from domain.enrollments import Enrollment
from domain.landing import Landing, Place, find_done, find_place, is_same, land
from domain.messages import StepAnswer, Whereabouts, WhereCall
from domain.plan import Plan
from domain.splitting import spread
from services.installation import Installation
from services.leaving.leaving import end_enrollment
from services.leaving.moving import moved_to
from services.running.inside import Passed
from services.running.visits import open_visit
from services.versions import Content, load_content
from store.database import Read, Row, Tx
from store.effects import MAY_BE_OUT, abandon_effects
from store.intake import add_delivery
from store.locks import lock_enrollments
from store.moving import effects_of, marks_of, next_turn, put_landing, visit_of
from store.visits import close_open_visits

NEW_VERSION = "new_version"
"""Why a visit is closed, and a run moved, by publishing."""

PAST_TIME = "past its time in this version; its turn comes"
"""Detail of a visit that only waits for its turn."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One enrollment, where it stands and where it would go on. ``under_way``: its outside action was handed over.

    ``old`` is the plan of the version it is in.
    """

    enrollment: Enrollment
    old: Plan
    place: Place
    landing: Landing
    under_way: bool


async def plan_moves(read: Read, enrollments: Collection[Enrollment], content: Content) -> list[Planned]:
    """Where each goes on in another version, as of now; whoever shall really move is locked before."""
    new, yearly = content.plan, is_yearly(content.definition)
    ids = [each.id for each in enrollments]
    marks, ledger = await marks_of(read, ids), await effects_of(read, ids)
    plans: dict[int, Plan] = {}
    planned: list[Planned] = []
    for each in enrollments:
        mine, effects = marks.get(each.id, []), ledger.get(each.id, {})
        for version in {each.version, *(mark.version for mark in mine)} - plans.keys():
            plans[version] = (await load_content(read, each.workflow_id, version)).plan
        old = plans[each.version]
        place = find_place(old, each.step, arriving=each.moved_at is not None, marks=mine)
        out = [visit for visit, states in effects.items() if not MAY_BE_OUT.isdisjoint(states.values())]
        passed = (each.pass_over or {}).items()
        # Who takes up an earlier passage passes over what that one did.
        done = {id: edge for id, edge in passed if is_same(old.steps.get(id), new.steps.get(id))}
        done |= find_done(mine, out, plans, new)
        visit = place.visit
        planned.append(
            Planned(
                enrollment=each,
                old=old,
                place=place,
                landing=land(old, new, place, done, each.pass_over or (), yearly=yearly),
                under_way=visit is not None and "handed_over" in effects.get((visit.step, visit.n), {}).values(),
            )
        )
    return planned


async def go_over(tx: Tx, planned: Planned, new: Plan, *, now: datetime) -> Enrollment:
    """Write where a locked, active enrollment goes on, and tell its run; as it is now."""
    was, landing = planned.enrollment, planned.landing
    moved = was.model_copy(update={"version": new.version, "epoch": was.epoch + 1, "step": landing.step})
    await put_landing(tx, moved, landing, now=now)
    if not landing.keeps:
        await close_open_visits(tx, was.id, now=now, reason=NEW_VERSION)
        await abandon_effects(tx, was.id, now=now)
    told = moved_to(moved)
    payload: dict[str, Json] = {
        **told.model_dump(include={"version", "step", "epoch"}),
        "reason": NEW_VERSION,
        "after_answer": landing.keeps and planned.under_way,
    }
    await add_delivery(tx, was.id, "moved", payload, now=now)
    return moved


async def come_to_an_end(tx: Tx, planned: Planned, moved: Enrollment, *, now: datetime) -> bool:
    """End who was moved and has nothing left to do; False when something is left."""
    if planned.place.failed is not None:
        await end_enrollment(tx, moved, "failed", detail=planned.place.failed, now=now)
    elif planned.landing.step is None:
        await end_enrollment(tx, moved, "completed", now=now)
    else:
        return False
    return True


async def find_whereabouts(inst: Installation, call: WhereCall) -> Whereabouts:
    """What a run needs that was told of another version: its plan, and where the enrollment stands in it."""
    async with inst.db.transaction() as tx:
        enrollment = (await lock_enrollments(tx, [call.enrollment_id])).get(call.enrollment_id)
        if enrollment is None or enrollment.status == "ended":
            reason = enrollment.end_reason if enrollment is not None else None
            return Whereabouts(reason=reason, detail=enrollment.end_detail if enrollment is not None else None)
        content = await load_content(tx, enrollment.workflow_id, enrollment.version)
        marks = (await marks_of(tx, [enrollment.id])).get(enrollment.id, [])
        arriving = enrollment.moved_at is not None
        place = find_place(content.plan, enrollment.step, arriving=arriving, marks=marks)
        visit = place.visit
        return Whereabouts(
            plan=content.plan,
            step=place.step,
            n=visit.n if visit is not None else None,
            turn=await next_turn(tx, enrollment.id, visit.step, visit.n) if visit is not None else 0,
            epoch=enrollment.epoch,
            pass_over=enrollment.pass_over or {},
        )


async def give_turn(tx: Tx, passed: Passed) -> StepAnswer | None:
    """The answer to who was moved while it slept and is past its time: when its turn comes in the spread.

    None: it goes on now. The turn is given once, at the first question under the new version, and kept.
    """
    visit = await visit_of(tx, passed.call) if passed.call.turn else None
    if visit is None or not was_moved(passed, visit):
        return None
    if visit["version"] != passed.enrollment.version:
        at = passed.call.now + spread(passed.enrollment.id, passed.definition.settings.spread_minutes)
    else:
        at = visit["wakes_at"] or passed.call.now
    if at <= passed.call.now:
        return None
    answer = StepAnswer(kind="wait", wake_at=at)
    await open_visit(tx, passed, detail=PAST_TIME, wakes_at=at, answer=answer)
    return answer


def was_moved(passed: Passed, visit: Row) -> bool:
    """Whether a visit began under another version, or has waited for its turn since."""
    return bool(visit["version"] != passed.enrollment.version or visit["detail"] == PAST_TIME)
