"""How an outside effect comes to rest: its ledger row, its message and its visit, in one transaction.

The ledger keeps the truth about the outside world, the visit what the run was told; a truth that arrives late corrects
the first and leaves the second alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from domain.base import Json
from domain.errors import StepError, StepFailed, StepSkipped
from domain.messages import EndReason, FailureCall, StepAnswer, StepCall
from domain.names import effect_key
from services.installation import Installation
from services.leaving.leaving import end_enrollment
from services.leaving.moving import LEFT
from services.running.gate import pass_gate
from services.running.inside import Passed
from services.running.summing import NOBODY_KNOWS as NOBODY_KNOWS
from services.running.summing import Fate, fate_of, settle_fate, sum_up
from services.running.visits import open_visit, settle_visit
from store.database import Tx
from store.decisions import visit_behind
from store.effects import CLOSED, Effect, Verdict, besides, close_effect, effect_keys, hold_effect, left_before
from store.intake import add_delivery

Conclude: TypeAlias = Callable[[Tx, Passed, Fate], Awaitable[StepAnswer | Fate]]
"""What to do once a message came to an end: settle its visit, or keep what became of it for the sum."""


def key_of(call: StepCall) -> str:
    """The ledger key of the visit a call is about."""
    return effect_key(call.enrollment_id, call.step, call.n)


async def settle_attempt(
    tx: Tx, passed: Passed | StepAnswer, effect: Effect, verdict: Verdict, conclude: Conclude, *, now: datetime
) -> StepAnswer | Fate | None:
    """Close the attempt ``effect`` with its verdict; None when it, or another attempt, has yet to come to an end.

    ``passed`` may be the gate's no: the message is out all the same, and the ledger says so.
    """
    if isinstance(passed, StepAnswer) and verdict.state == "retry" and not await _goes_on(tx, passed, effect):
        verdict = left_before(verdict.detail)
    current = await hold_effect(tx, effect.key) or effect
    if current == effect or _knows_better(effect, verdict, current):
        await close_effect(tx, current, verdict, now=now)
        if current.is_undecided:
            # Its run sleeps until somebody decides, and hears of nothing but that.
            await wake(tx, current.enrollment_id, now=now)
        current = current.model_copy(update=verdict.model_dump())
    if isinstance(passed, StepAnswer):
        return passed
    if current.state == "retry":
        await open_visit(tx, passed, detail=current.detail)
        return None
    return await conclude(tx, passed, await fate_of(tx, current, now=now)) if current.state in CLOSED else None


async def _goes_on(tx: Tx, passed: StepAnswer, effect: Effect) -> bool:
    """Whether the visit of an attempt that the gate turned away still lasts, so that there will be another one."""
    if passed.kind != "moved":
        return passed.kind == "held"
    visit = await visit_behind(tx, effect)
    return visit is not None and visit["outcome"] is None


def _knows_better(effect: Effect, verdict: Verdict, current: Effect) -> bool:
    """Whether an answer that comes late says more than the ledger holds by now."""
    if verdict.state == "accepted":
        # Who was told yes knows better than who guessed or was told "later" under the same key.
        return current.state != "accepted"
    if current.state != "unknown" or current.attempt != effect.attempt:
        return False
    return verdict.state == "refused" or (verdict.state == "retry" and current.is_undecided)


async def settle_effect(
    tx: Tx, passed: Passed | StepAnswer, effect: Effect, verdict: Verdict, *, now: datetime
) -> StepAnswer | None:
    """The same for the only effect of a visit, which is settled with it."""
    made = await settle_attempt(tx, passed, effect, verdict, settle_fate, now=now)
    assert not isinstance(made, Fate), "its visit was settled"
    return made


async def settle_stored(tx: Tx, passed: Passed, effect: Effect) -> StepAnswer:
    """Settle a visit by what the ledger holds."""
    return await settle_fate(tx, passed, await fate_of(tx, effect, now=passed.call.now))


async def give_up(tx: Tx, passed: Passed, no: StepError) -> StepAnswer:
    """Settle a visit that cannot have its only effect any more, whatever was tried before."""
    return await settle_fate(tx, passed, await last_fate(tx, key_of(passed.call), no, now=passed.call.now))


async def settle_failure(tx: Tx, passed: Passed, no: StepError) -> StepAnswer:
    """The same for a visit with however many effects."""
    call = passed.call
    keys = await effect_keys(tx, call.enrollment_id, call.step, call.n)
    if any(key != key_of(call) for key in keys):
        return await sum_up(tx, passed, keys, ())
    return await give_up(tx, passed, no)


async def wake(tx: Tx, enrollment_id: str, *, now: datetime) -> None:
    """Have a run that waits for somebody's decision ask again."""
    # What times a run anew wakes whatever it sleeps in; of this subject no version is ever older news.
    payload: dict[str, Json] = {"record_id": enrollment_id, "version": 0, "retime": True}
    await add_delivery(tx, enrollment_id, "record_changed", payload, now=now)


async def keep_fate(tx: Tx, passed: Passed, fate: Fate) -> Fate:
    """Leave the visit open: other messages of it have yet to come to an end."""
    return fate


async def last_fate(tx: Tx, key: str, no: StepError, *, now: datetime) -> Fate:
    """What becomes of a message that cannot be sent any more, whatever was tried before; the last answer is kept.

    An earlier attempt that is still ``handed_over`` may have succeeded: that is ``unknown``, not a skip.
    """
    effect = await hold_effect(tx, key)
    if effect is not None and effect.state != "retry":
        return await fate_of(tx, effect, now=now)
    failure = no.failure if isinstance(no, StepFailed) else None
    if effect is not None:
        verdict = {"state": "failed", "failure": failure, "detail": besides(str(no), effect.detail)}
        await close_effect(tx, effect, Verdict.model_validate(verdict), now=now)
        if isinstance(no, StepFailed):
            no = StepFailed(no.failure, besides(no.detail, effect.detail))
    match no:
        case StepSkipped():
            return Fate(outcome="skipped", reason=no.reason, detail=no.detail or None)
        case StepFailed():
            return Fate(outcome="failed", reason=no.failure, detail=no.detail)
        case _:
            raise no


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
        return await settle_failure(tx, passed, StepFailed(failed.failure, failed.detail))
