"""What became of one message, and of all messages of one visit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal

from domain.base import Frozen, Json
from domain.lost_answers import ASKED
from domain.messages import StepAnswer
from domain.names import recipient_of
from services.running.inside import Passed
from services.running.visits import open_visit, settle_visit
from store.database import Tx
from store.effects import CLOSED, Effect, Verdict, close_effect, find_message_id, hold_effect, left_before

SENT = "sent"
MOST_TOLD = 200
"""Of more messages than these a visit says how many came to what, and not what became of each."""

NOBODY_KNOWS = Verdict(state="unknown", failure="unknown", detail="handed over, and no answer came back")


class Fate(Frozen):
    """What became of one message; ``message`` is its id once it was accepted, ``outputs`` what it gives later steps.

    ``is_in_ledger`` is false of one that was never claimed; ``is_undecided``: somebody has to say what became of it.
    ``recipient``: which of many it was for.
    """

    outcome: Literal["done", "skipped", "failed"]
    reason: str | None = None
    detail: str | None = None
    message: str | None = None
    outputs: dict[str, Json] | None = None
    is_in_ledger: bool = False
    is_undecided: bool = False
    recipient: str | None = None


async def fate_of(tx: Tx, effect: Effect, *, now: datetime) -> Fate:
    """What the ledger holds. A hand-over that nobody answered for becomes ``unknown``."""
    if effect.state not in CLOSED:
        await close_effect(tx, effect, NOBODY_KNOWS, now=now)
        effect = effect.model_copy(update=NOBODY_KNOWS.model_dump())
    if effect.state == "accepted":
        return Fate(
            outcome="done",
            message=await find_message_id(tx, effect.key),
            outputs=effect.outputs,
            is_in_ledger=True,
            recipient=recipient_of(effect.key),
        )
    return Fate(
        outcome="failed",
        reason=effect.failure or effect.state,
        detail=effect.detail,
        is_in_ledger=True,
        is_undecided=effect.is_undecided,
        recipient=recipient_of(effect.key),
    )


async def settle_fate(tx: Tx, passed: Passed, fate: Fate) -> StepAnswer:
    """Settle a visit whose one message came to this; or leave it open until somebody says what it came to."""
    if fate.is_undecided:
        return await ask_somebody(tx, passed)
    if fate.outcome == "done":
        outputs = fate.outputs if fate.outputs is not None else {"message": fate.message}
        return await settle_visit(tx, passed, outcome="done", result=outputs)
    return await settle_visit(tx, passed, outcome=fate.outcome, reason=fate.reason, detail=fate.detail)


async def ask_somebody(tx: Tx, passed: Passed) -> StepAnswer:
    """Have the run wait, without end, until a person decides (``services.running.decisions``)."""
    await open_visit(tx, passed, detail=ASKED)
    return StepAnswer(kind="wait", reason="unknown", detail=ASKED)


async def sum_up(tx: Tx, passed: Passed, keys: Collection[str], others: Sequence[Fate]) -> StepAnswer:
    """Settle a visit of many messages: those in the ledger under ``keys``, and the ``others`` that have no row.

    One that waits for another attempt is given up. It is done when any message was accepted, else failed when any
    failed, else skipped; the reason is the first one. It stays open while somebody has to say what became of one.
    The result says what became of each, unless there are more than anybody looks through.
    """
    now = passed.call.now
    fates = []
    for key in sorted(keys):
        effect = await hold_effect(tx, key)
        if effect is None:
            continue
        if effect.state == "retry":
            verdict = left_before(effect.detail)
            await close_effect(tx, effect, verdict, now=now)
            effect = effect.model_copy(update=verdict.model_dump())
        fates.append(await fate_of(tx, effect, now=now))
    if any(fate.is_undecided for fate in fates):
        return await ask_somebody(tx, passed)
    fates += others
    sent = [fate.message for fate in fates if fate.outcome == "done"]
    lost = [fate for fate in fates if fate.outcome == "failed"]
    skipped = [fate for fate in fates if fate.outcome == "skipped"]
    result: dict[str, Json] = {"messages": [*sent], "sent": len(sent), "skipped": len(skipped), "failed": len(lost)}
    if len(fates) <= MOST_TOLD:
        result["outcomes"] = {fate.recipient: _outcome(fate) for fate in fates if fate.recipient is not None}
    if sent:
        return await settle_visit(tx, passed, outcome="done", detail=_words(fates), result=result)
    first = (lost or skipped or [Fate(outcome="skipped", reason="no_record", detail="there is nobody to write to")])[0]
    detail = _words(fates) if len(fates) > 1 else first.detail
    return await settle_visit(tx, passed, outcome=first.outcome, reason=first.reason, detail=detail, result=result)


def _outcome(fate: Fate) -> str:
    return SENT if fate.outcome == "done" else fate.reason or fate.outcome


def _words(fates: Collection[Fate]) -> str:
    """``2 sent, 1 skipped (bounced)``."""
    counts = Counter((fate.outcome, fate.reason) for fate in fates)
    told = {"done": SENT, "skipped": "skipped", "failed": "failed"}
    return ", ".join(
        f"{count} {told[outcome]}" + (f" ({reason})" if reason else "") for (outcome, reason), count in counts.items()
    )
