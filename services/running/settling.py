"""How an outside effect comes to rest: its ledger row, its message and its visit, in one transaction.

The ledger keeps the truth about the outside world, the visit what the run was told; a truth that arrives late corrects
the first and leaves the second alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.base import Json
from domain.errors import StepError, StepFailed, StepSkipped
from domain.messages import EndReason, FailureCall, StepAnswer, StepCall
from domain.names import effect_key
from services.installation import Installation
from services.leaving.leaving import end_enrollment
from services.leaving.moving import LEFT
from services.running.gate import pass_gate
from services.running.inside import Passed
from services.running.visits import open_visit, settle_visit
from store.database import Tx
from store.effects import CLOSED, Effect, Verdict, besides, close_effect, find_message_id, hold_effect, left_before

NOBODY_KNOWS = Verdict(state="unknown", failure="unknown", detail="handed over, and no answer came back")


def key_of(call: StepCall) -> str:
    """The ledger key of the visit a call is about."""
    return effect_key(call.enrollment_id, call.step, call.n)


async def settle_effect(
    tx: Tx, passed: Passed | StepAnswer, effect: Effect, verdict: Verdict, *, now: datetime
) -> StepAnswer | None:
    """Close the attempt ``effect`` with its verdict; None when it, or another attempt, has yet to come to an end.

    ``passed`` may be the gate's no: the message is out all the same, and the ledger says so.
    """
    if isinstance(passed, StepAnswer) and passed.kind != "held" and verdict.state == "retry":
        verdict = left_before(verdict.detail)
    current = await hold_effect(tx, effect.key) or effect
    # Who was told yes knows better than who guessed or was told "later" under the same key.
    if current == effect or (verdict.state == "accepted" and current.state != "accepted"):
        await close_effect(tx, current, verdict, now=now)
        current = current.model_copy(update=verdict.model_dump())
    if isinstance(passed, StepAnswer):
        return passed
    if current.state == "retry":
        await open_visit(tx, passed, detail=current.detail)
        return None
    return await settle_stored(tx, passed, current) if current.state in CLOSED else None


async def settle_stored(tx: Tx, passed: Passed, effect: Effect) -> StepAnswer:
    """Settle a visit by what the ledger holds. A hand-over that nobody answered for becomes ``unknown``."""
    if effect.state not in CLOSED:
        await close_effect(tx, effect, NOBODY_KNOWS, now=passed.call.now)
        effect = effect.model_copy(update=NOBODY_KNOWS.model_dump())
    if effect.state == "accepted":
        outputs = effect.outputs if effect.outputs is not None else {"message": await find_message_id(tx, effect.key)}
        return await settle_visit(tx, passed, outcome="done", result=outputs)
    return await settle_visit(tx, passed, outcome="failed", reason=effect.failure or effect.state, detail=effect.detail)


async def give_up(tx: Tx, passed: Passed, no: StepError) -> StepAnswer:
    """Settle a visit that cannot have its effect any more, whatever was tried before; what was answered last is kept.

    An earlier attempt that is still ``handed_over`` may have succeeded: that is ``unknown``, not a skip.
    """
    effect = await hold_effect(tx, key_of(passed.call))
    if effect is not None and effect.state != "retry":
        return await settle_stored(tx, passed, effect)
    failure = no.failure if isinstance(no, StepFailed) else None
    if effect is not None:
        verdict = {"state": "failed", "failure": failure, "detail": besides(str(no), effect.detail)}
        await close_effect(tx, effect, Verdict.model_validate(verdict), now=passed.call.now)
        if isinstance(no, StepFailed):
            no = StepFailed(no.failure, besides(no.detail, effect.detail))
    return await settle_error(tx, passed, no)


async def settle_error(tx: Tx, passed: Passed, no: StepError) -> StepAnswer:
    """Settle a visit as skipped or failed, with the reason the error carries."""
    match no:
        case StepSkipped():
            return await settle_visit(tx, passed, outcome="skipped", reason=no.reason, detail=no.detail or None)
        case StepFailed():
            return await settle_visit(tx, passed, outcome="failed", reason=no.failure, detail=no.detail)
        case _:
            raise no


async def settle_leaving(
    tx: Tx, passed: Passed, outputs: Mapping[str, Json], reason: EndReason, *, detail: str | None
) -> StepAnswer:
    """Settle a visit as done whose step takes its own enrollment out, and end that."""
    answer = LEFT.model_copy(update={"reason": reason, "detail": detail})
    await settle_visit(tx, passed, outcome="done", result=outputs, answer=answer)
    await end_enrollment(tx, passed.enrollment, reason, detail=detail, now=passed.call.now, tell=False)
    return answer


async def record_failure(inst: Installation, failed: FailureCall) -> StepAnswer:
    """The server gave up on an action: settle its visit, so that the run can follow ``on_error``.

    What the ledger knows better stands: an effect that was accepted is done, one that was handed over is ``unknown``.
    """
    async with inst.db.transaction() as tx:
        passed = await pass_gate(tx, inst, failed.call)
        if isinstance(passed, StepAnswer):
            return passed
        return await give_up(tx, passed, StepFailed(failed.failure, failed.detail))
