"""Taking an enrollment to another step: a goal that jumps (rule L3), or an operator who skips a wait or moves it.

The step and the raised epoch are committed together; every call of an older epoch is answered ``moved`` from then on,
so nothing of what the run was doing commits any more. The signal only makes it faster.
"""

from __future__ import annotations

from datetime import date, datetime

from domain.anchors import kept_by
from domain.base import Json
from domain.enrollments import Enrollment
from domain.errors import Conflict, Invalid, NotFound
from domain.leaving import Departure
from domain.messages import Outcome, StepAnswer
from domain.problems import FieldError
from domain.reader import similar
from domain.steps import TIMED_OUT
from services.leaving.leaving import end_enrollment
from services.leaving.standing import INSIDE, tell_standing
from services.versions import load_content
from store.database import Tx
from store.effects import abandon_effects
from store.enrollments import get_enrollment, move_enrollment, set_round
from store.goals import put_goal
from store.intake import add_delivery
from store.locks import lock_enrollments
from store.moving import forget_done
from store.visits import close_open_visits, open_visit_of

LEFT = StepAnswer(kind="left", outcome="left")
"""The answer to whoever is over; with the reason in it."""

BY_HAND = "by_hand"
"""Why an operator's move closes a visit."""


async def depart(tx: Tx, enrollment: Enrollment, found: Departure, *, now: datetime, tell: bool = True) -> StepAnswer:
    """Let a reason have its effect on a locked, active enrollment: it ends, or goes on where its goal leads.

    ``tell`` is false when the run itself asked, as it learns from the answer.
    """
    if found.reason == "goal" and found.detail is not None:
        await put_goal(tx, enrollment, found.detail, found.seen, now=now)
    if found.go_to is not None:
        await tell_standing(tx, enrollment, INSIDE, now=now, goal=found.detail)
        await _keep_year(tx, enrollment)
        return await move(tx, enrollment, found.go_to, reason="goal", detail=found.detail, now=now, tell=tell)
    await end_enrollment(tx, enrollment, found.reason, detail=found.detail, seen=found.seen, now=now, tell=tell)
    return LEFT.model_copy(update={"reason": found.reason, "detail": found.detail})


async def move(
    tx: Tx,
    enrollment: Enrollment,
    step: str | None,
    *,
    reason: str,
    detail: str | None = None,
    outcome: Outcome = "left",
    edge: str | None = None,
    now: datetime,
    tell: bool = True,
) -> StepAnswer:
    """Let a locked, active enrollment go on at ``step`` (None: the end); what it stands in is closed as ``outcome``."""
    moved = enrollment.model_copy(update={"epoch": enrollment.epoch + 1, "step": step})
    await move_enrollment(tx, enrollment.id, step, epoch=moved.epoch, now=now)
    if enrollment.pass_over is not None and outcome == "left":
        # Whoever is sent to a step does it, whatever it did before.
        await forget_done(tx, enrollment.id)
    await close_open_visits(tx, enrollment.id, now=now, reason=reason, outcome=outcome, edge=edge)
    await abandon_effects(tx, enrollment.id, now=now)
    answer = moved_to(moved).model_copy(update={"reason": reason, "detail": detail})
    if tell:
        payload: dict[str, Json] = answer.model_dump(include={"version", "step", "epoch", "reason", "detail"})
        await add_delivery(tx, enrollment.id, "moved", payload, now=now)
    return answer


def moved_to(enrollment: Enrollment) -> StepAnswer:
    """Where an enrollment stands, for a run that thinks it stands elsewhere."""
    return StepAnswer(kind="moved", version=enrollment.version, step=enrollment.step, epoch=enrollment.epoch)


async def skip_wait(tx: Tx, enrollment_id: str, *, now: datetime) -> None:
    """Let an enrollment go on that sleeps in a delay or a wait, as if its time were over.

    Raises:
        NotFound: there is no such enrollment.
        Conflict: it has ended, or stands in no such step.
    """
    enrollment = await lock_active(tx, enrollment_id)
    stands = await open_visit_of(tx, enrollment_id)
    if stands is None or stands["kind"] not in ("delay", "wait"):
        where = f"it is at the step {stands['step']!r}" if stands else "it has not come to a step that waits"
        raise Conflict(f"there is no wait to skip: {where}", code="nothing_to_skip")
    plan = (await load_content(tx, enrollment.workflow_id, enrollment.version)).plan
    await _keep_year(tx, enrollment)
    edge = TIMED_OUT if stands["kind"] == "wait" else None
    target = plan.steps[stands["step"]].way(edge)
    await move(tx, enrollment, target, reason=BY_HAND, outcome="done", edge=edge, now=now)


async def move_to(tx: Tx, enrollment_id: str, step: str, *, now: datetime) -> None:
    """Let an enrollment go on at any step of its version.

    Raises:
        NotFound: there is no such enrollment.
        Conflict: it has ended.
        Invalid: its version has no such step.
    """
    enrollment = await lock_active(tx, enrollment_id)
    plan = (await load_content(tx, enrollment.workflow_id, enrollment.version)).plan
    if step not in plan.steps:
        words = f"version {plan.version} of {plan.slug} has no step {step!r}{similar(step, plan.steps)}"
        raise Invalid(words, errors=[FieldError(path="/step", code="unknown_step", message=words)])
    await _keep_year(tx, enrollment)
    await move(tx, enrollment, step, reason=BY_HAND, now=now)


async def _keep_year(tx: Tx, enrollment: Enrollment) -> None:
    """Keep the year of a round that somebody is led on in, as a delay does that is over by itself."""
    if enrollment.round_since is None or enrollment.origin is None:
        return
    since = date.fromisoformat(enrollment.round_since)
    if (kept := kept_by(enrollment.origin, since)) != since:
        await set_round(tx, enrollment.id, max(enrollment.round, 1), kept)


async def lock_active(tx: Tx, enrollment_id: str) -> Enrollment:
    """Lock an enrollment somebody wants to act on.

    Raises:
        NotFound: there is no such enrollment.
        Conflict: it has ended.
    """
    if await get_enrollment(tx, enrollment_id) is None:
        raise NotFound(f"there is no enrollment {enrollment_id}")
    enrollment = (await lock_enrollments(tx, [enrollment_id]))[enrollment_id]
    if enrollment.status == "ended":
        raise Conflict(f"enrollment {enrollment_id} has ended", code="ended")
    return enrollment
