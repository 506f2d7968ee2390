"""What a person decides about an effect whose fate nobody knows, or what the service that carries it tells of it.

A run that waits for it goes on by it. Where the run went on long ago the decision sets right what ledger, message and
visit say, and the run is left alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.entry_words import cause_words
from domain.errors import Conflict, NotFound
from domain.lost_answers import REPORTED, Settlement, settled_words
from domain.names import recipient_of
from domain.records import Cause
from domain.telling import tell_effect
from services.running.settling import wake
from services.running.summing import SENT
from store.database import Row, Tx
from store.decisions import amend_visit, decisions_about, message_behind, put_decision, visit_behind
from store.effects import Effect, Verdict, close_effect, find_effect, hold_effect, unknown_effects
from store.locks import lock_enrollments


async def settle_by_hand(
    tx: Tx, key: str, settlement: Settlement, note: str | None, *, cause: Cause, now: datetime
) -> str:
    """Settle an effect that is ``unknown``; the id of its enrollment. Of two who decide at once one is turned away.

    ``resend``: the next attempt claims it anew, behind the gate and by consent, cap and hours of that minute.

    Raises:
        NotFound: the ledger has no such effect.
        Conflict: it is not unknown (any more), or shall be sent once more by a run that has gone on.
    """
    known = await find_effect(tx, key)
    if known is None:
        raise NotFound(f"there is no effect {key}")
    enrollment = (await lock_enrollments(tx, [known.enrollment_id]))[known.enrollment_id]
    effect = await hold_effect(tx, key)
    assert effect is not None, "effects of an enrollment go with its history only"
    if effect.state != "unknown":
        raise Conflict(await _why_not(tx, effect), code="settled")
    visit = await visit_behind(tx, effect)
    is_open = enrollment.status != "ended" and visit is not None and visit["outcome"] is None
    if settlement == "resend" and not is_open:
        words = "its run does not wait for it any more: begin again at the step, or settle it as accepted or failed"
        raise Conflict(words, code="gone_on")
    words = settled_words(settlement, cause_words(cause.kind, cause.id), note)
    message = await message_behind(tx, effect)
    let_go = message["claimed_at"] if message is not None else None
    verdict = _verdict(settlement, words, carries_message=message is not None)
    await close_effect(tx, effect, verdict, now=now, sent_at=let_go)
    await put_decision(tx, effect, settlement, note, cause=cause, now=now)
    if is_open:
        await amend_visit(tx, effect, {"detail": words})
        await wake(tx, enrollment.id, now=now)
    elif visit is not None and (amended := _amended(visit, key, verdict, message)) is not None:
        await amend_visit(tx, effect, amended)
    elif visit is not None and verdict.state == "failed":
        await _say_failed(tx, effect, visit, verdict)
    return enrollment.id


async def settle_by_report(tx: Tx, key: str, *, now: datetime) -> None:
    """Settle as accepted what the service that carries it tells of: the answer that was lost comes another way.

    Whatever was believed of it until now, by whomever; a run that waits for a decision goes on. Nothing when that is
    known, or the ledger forgot it.
    """
    known = await find_effect(tx, key)
    if known is None or known.state == "accepted":
        return
    (enrollment,) = (await lock_enrollments(tx, [known.enrollment_id])).values()
    effect = await hold_effect(tx, key)
    if effect is None or effect.state == "accepted":
        return
    visit, message = await visit_behind(tx, effect), await message_behind(tx, effect)
    verdict = _verdict("accepted", REPORTED, carries_message=True)
    await close_effect(tx, effect, verdict, now=now, sent_at=message["claimed_at"] if message is not None else None)
    if enrollment.status != "ended" and visit is not None and visit["outcome"] is None:
        # An attempt that is under way reads the ledger by itself.
        if effect.is_undecided:
            await amend_visit(tx, effect, {"detail": REPORTED})
            await wake(tx, enrollment.id, now=now)
    elif visit is not None and (amended := _amended(visit, key, verdict, message)) is not None:
        await amend_visit(tx, effect, amended)


async def _why_not(tx: Tx, effect: Effect) -> str:
    decided = await decisions_about(tx, [effect.key])
    if not decided:
        return f"there is nothing to decide: {tell_effect(effect.state)}"
    last = decided[-1]
    who = cause_words(last["cause_kind"], last["cause_id"])
    return f"somebody {settled_words(last['settled_as'], who, last['note'])}"


def _verdict(settlement: Settlement, words: str, *, carries_message: bool) -> Verdict:
    match settlement:
        case "accepted":
            return Verdict(state="accepted", outputs=None if carries_message else {})
        case "failed":
            return Verdict(state="failed", failure="gave_up", detail=words)
    return Verdict(state="retry", detail=words)


async def _say_failed(tx: Tx, effect: Effect, visit: Row, verdict: Verdict) -> None:
    """Have a visit of many that was over as ``unknown`` say why it failed, once nobody has to guess any more."""
    if (visit["outcome"], visit["reason"]) != ("failed", "unknown"):
        return
    if not await unknown_effects(tx, effect.enrollment_id, effect.step, effect.n):
        await amend_visit(tx, effect, {"reason": verdict.failure, "detail": verdict.detail})


def _amended(visit: Row, key: str, verdict: Verdict, message: Row | None) -> dict[str, Any] | None:
    """What a visit that is over says now; None: as before, as the record left it, or something else failed."""
    result = visit["result"] or {}
    sent = verdict.state == "accepted"
    if "messages" in result:
        if not sent or message is None:
            return None
        counted = {"messages": [*result["messages"], message["id"]], "sent": result["sent"] + 1,
                   "failed": max(0, result["failed"] - 1)}  # fmt: skip
        if "outcomes" in result:
            counted["outcomes"] = {**result["outcomes"], recipient_of(key): SENT}
        return {"outcome": "done", "reason": None, "result": {**result, **counted}}
    if visit["outcome"] != "failed" or visit["reason"] != "unknown":
        return None
    if sent:
        result = {"message": message["id"]} if message is not None else {}
        return {"outcome": "done", "reason": None, "detail": None, "result": result}
    return {"reason": verdict.failure, "detail": verdict.detail}
