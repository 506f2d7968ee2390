"""Beginning again where something failed: one enrollment."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import EnrollmentsWrite, Inst
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.routes.enrollments import EnrollmentId, delivering
from api.schemas.enrollments import DecisionAnswer, RetryBody, TemporalView
from domain.enrollments import Enrollment
from domain.errors import Conflict
from domain.telling import tell_decision
from services.entering.retrying import retry
from services.installation import Installation
from services.running.stuck import TRIED_AGAIN, find_stuck
from store.database import Tx

router = APIRouter(tags=["enrollments"], route_class=StorableRoute)


NO: dict[int | str, Any] = {200: {"model": DecisionAnswer, "description": "It did not enter; `decision` says why."}}


@router.post(
    "/enrollments/{enrollment_id}/retry", status_code=202, response_model=DecisionAnswer, responses=NO | refusals(409)
)
async def retry_one(
    enrollment_id: EnrollmentId, body: RetryBody, inst: Inst, caller: EnrollmentsWrite, once: OnlyOnce
) -> Response:
    """Have an enrollment that failed, or completed with a step that failed, begin again there, as a new enrollment.

    Triggers and re-entry are not asked; suppression, goals, exits and consent hold, and nobody is inside twice. It runs
    the current version, with the parameters, the event of entry and the outputs of the one before. What that did behind
    the step, and whatever was accepted, is passed over. The same order again answers with the same enrollment.

    Of one that is inside, what waits to be tried again is tried at once (`tried_again`), also where its last attempt
    broke off; what is being tried this moment is left alone.
    """
    begun: list[str] = []

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        made = await retry(tx, enrollment_id, body.step, cause=caller.cause, now=now, starter=inst.name)
        if made.is_new and made.enrollment_id is not None:
            begun.append(made.enrollment_id)
        return _answered(inst, made.decision, made.detail, made.enrollment_id, made.run_id)

    async with inst.db.read() as read:
        stuck = await find_stuck(read, enrollment_id, body.step)
    if stuck is not None:
        return await once.run_long(partial(_try_again, inst, stuck))
    return delivering(inst, await once.run(work), begun)


async def _try_again(inst: Installation, stuck: Enrollment) -> Answer:
    if not await inst.runs.try_again(stuck.run_id):
        words = f"it is inside, at the step {stuck.step!r}, and nothing of it waits: it is being tried this moment"
        raise Conflict(words, code="nothing_to_retry")
    return _answered(inst, TRIED_AGAIN, None, stuck.id, stuck.run_id)


def _answered(
    inst: Installation, decision: str, detail: str | None, enrollment_id: str | None, run_id: str | None
) -> Answer:
    shown = DecisionAnswer(
        decision=decision,
        detail=detail,
        words=tell_decision(decision, detail),
        enrollment_id=enrollment_id,
        temporal=None if run_id is None else TemporalView(workflow_id=run_id, ui_url=inst.runs.link(run_id)),
    )
    if decision not in ("enrolled", TRIED_AGAIN):
        return answer(shown)
    return answer(shown, 202, headers={"Location": f"/api/v1/enrollments/{enrollment_id}"})
