"""What steps leave behind: the ledger that makes outside effects happen once, and messages.

A row of the ledger moves only by compare-and-set on (state, attempt), so of two attempts one wins and the other reads
what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

from sqlalchemy import RowMapping, String, bindparam, case, exists, func, insert, or_, select, update

from domain.base import Frozen, Json
from domain.enrollments import Enrollment
from domain.messages import FailureClass, StepCall
from domain.names import effect_key
from store.columns import Document
from store.database import Read, Tx
from store.ids import new_id
from store.locks import lock_effect
from store.outputs import Fate
from store.tables import effects, enrollments, messages, visits

EffectState: TypeAlias = Literal["handed_over", "retry", "accepted", "refused", "failed", "unknown"]

CLOSED: frozenset[EffectState] = frozenset({"accepted", "refused", "failed", "unknown"})
"""States nothing is asked of the outside world in any more."""

MESSAGE_STATUS: Mapping[EffectState, str] = {
    "handed_over": "queued",
    "retry": "queued",
    "accepted": "sent",
    "refused": "failed",
    "failed": "failed",
    "unknown": "unknown",
}


_CAS = (effects.c.key == bindparam("of"), effects.c.state == bindparam("was"), effects.c.attempt == bindparam("after"))

RECLAIM = update(effects).where(*_CAS).values(
    state=bindparam("now"), attempt=bindparam("nth"), failure=None, detail=None, updated_at=bindparam("at")
)  # fmt: skip
CLOSE = update(effects).where(*_CAS).values(
    state=bindparam("now"), failure=bindparam("why"), detail=bindparam("more"), reference=bindparam("their_key"),
    outputs=bindparam("said", type_=Document), updated_at=bindparam("at"),
)  # fmt: skip
# A report of the other side may be quicker than the answer to the attempt, and knows more.
_TOLD_SINCE = messages.c.status.in_(get_args(Fate))
TELL = update(messages).where(messages.c.effect_key == bindparam("of")).values(
    status=case((_TOLD_SINCE, messages.c.status), else_=bindparam("now", type_=String)),
    detail=case((_TOLD_SINCE, messages.c.detail), else_=bindparam("more", type_=String)),
    sent_at=bindparam("at"),
)  # fmt: skip
CORRECT = update(messages).where(messages.c.effect_key == bindparam("of")).values(
    status=bindparam("now"), detail=bindparam("more")
)  # fmt: skip
STATUS = select(messages.c.status).where(messages.c.effect_key == bindparam("of"))
FIND = select(effects).where(effects.c.key == bindparam("of"))
MESSAGE_ID = select(messages.c.id).where(messages.c.effect_key == bindparam("of"))
OF_VISIT = (
    select(effects.c.key, effects.c.state)
    .where(
        effects.c.enrollment_id == bindparam("of"), effects.c.step == bindparam("at"), effects.c.n == bindparam("nth")
    )
    .order_by(effects.c.key)
)  # fmt: skip
WAITING = select(effects).where(effects.c.enrollment_id == bindparam("of"), effects.c.state == "retry")


MAY_BE_OUT: frozenset[EffectState] = frozenset({"handed_over", "accepted", "unknown"})
"""States of an effect that the outside world may have noticed."""


class Effect(Frozen):
    """One row of the ledger. ``attempt`` counts hand-overs that were claimed; ``failure`` is set unless accepted.

    ``asks``: should it become ``unknown``, its run waits until somebody decides.
    """

    key: str
    enrollment_id: str
    workflow_id: str
    step: str
    n: int
    channel: str
    state: EffectState
    attempt: int
    asks: bool = False
    reference: str | None = None
    failure: FailureClass | None = None
    detail: str | None = None
    outputs: dict[str, Json] | None = None

    @property
    def is_undecided(self) -> bool:
        """Whether nobody knows what became of it, and somebody is asked."""
        return self.state == "unknown" and self.asks


class Verdict(Frozen):
    """What an attempt came to, as the ledger keeps it. ``outputs``: what the other side's answer gives later steps."""

    state: EffectState
    failure: FailureClass | None = None
    detail: str | None = None
    reference: str | None = None
    outputs: dict[str, Json] | None = None


def first_effect(enrollment: Enrollment, call: StepCall, channel: str, *, asks: bool) -> Effect:
    """The effect of a visit before its first claim."""
    return Effect(
        key=effect_key(call.enrollment_id, call.step, call.n),
        enrollment_id=call.enrollment_id,
        workflow_id=enrollment.workflow_id,
        step=call.step,
        n=call.n,
        channel=channel,
        state="retry",
        attempt=0,
        asks=asks,
    )


def _effect_of(row: RowMapping) -> Effect:
    return Effect(**{name: row[name] for name in Effect.model_fields})


async def hold_effect(tx: Tx, key: str) -> Effect | None:
    """The ledger row of a key, locked until the transaction ends; None when nothing was claimed yet."""
    row = await lock_effect(tx, key)
    return _effect_of(row) if row else None


async def find_effect(read: Read, key: str) -> Effect | None:
    """The ledger row of a key as it was read last, or None."""
    row = await read.one(FIND, of=key)
    return _effect_of(row) if row else None


async def effect_keys(read: Read, enrollment_id: str, step: str, n: int) -> list[str]:
    """The keys of everything a visit handed over or tried to, in order."""
    return [row["key"] for row in await read.all(OF_VISIT, of=enrollment_id, at=step, nth=n)]


async def closed_effects(read: Read, enrollment_id: str, step: str, n: int) -> frozenset[str]:
    """The keys of what came to an end of it."""
    rows = await read.all(OF_VISIT, of=enrollment_id, at=step, nth=n)
    return frozenset(row["key"] for row in rows if row["state"] in CLOSED)


async def unknown_effects(read: Read, enrollment_id: str, step: str, n: int) -> frozenset[str]:
    """The keys of what nobody knows of it."""
    rows = await read.all(OF_VISIT, of=enrollment_id, at=step, nth=n)
    return frozenset(row["key"] for row in rows if row["state"] == "unknown")


async def waiting_effects(read: Read, enrollment_id: str, step: str, n: int) -> frozenset[str]:
    """The keys of what waits to be handed over once more of it."""
    rows = await read.all(OF_VISIT, of=enrollment_id, at=step, nth=n)
    return frozenset(row["key"] for row in rows if row["state"] == "retry")


async def claim_effect(tx: Tx, effect: Effect, *, now: datetime) -> Effect | None:
    """Move an effect to ``handed_over`` for one more attempt; ``attempt`` 0 is one that has no row yet.

    Returns the row as it is now, or None when another attempt was quicker.
    """
    claimed = effect.model_copy(
        update={"state": "handed_over", "attempt": effect.attempt + 1, "failure": None, "detail": None}
    )
    if effect.attempt == 0:
        won = await tx.insert_ignore(effects, [{**claimed.model_dump(), "created_at": now, "updated_at": now}])
        return claimed if won else None
    moved = await tx.run(RECLAIM, **_cas(effect), now=claimed.state, nth=claimed.attempt, at=now)
    return claimed if moved == 1 else None


async def close_effect(
    tx: Tx, effect: Effect, verdict: Verdict, *, now: datetime, sent_at: datetime | None = None
) -> None:
    """Write what an attempt came to, if the row still is what the attempt left; with it the message's status.

    ``sent_at``: when it was accepted, if that was not now.
    """
    closed = await tx.run(
        CLOSE,
        **_cas(effect),
        now=verdict.state,
        why=verdict.failure,
        more=verdict.detail,
        their_key=verdict.reference,
        said=verdict.outputs,
        at=now,
    )
    if closed == 1:
        left_at = (sent_at or now) if verdict.state == "accepted" else None
        await tx.run(TELL, of=effect.key, now=MESSAGE_STATUS[verdict.state], more=verdict.detail, at=left_at)


async def correct_message(tx: Tx, effect: Effect) -> str | None:
    """Have the message of an effect say what the ledger does; its status, or None when there was nothing to correct.

    What the other side reported since stands.
    """
    said = await tx.scalar(STATUS, of=effect.key)
    status = MESSAGE_STATUS[effect.state]
    if said is None or said == status or said in get_args(Fate):
        return None
    await tx.run(CORRECT, of=effect.key, now=status, more=effect.detail)
    return status


def left_before(said: str | None) -> Verdict:
    """What becomes of an effect whose record left while it waited; ``said``: what the other side answered last."""
    return Verdict(state="failed", failure="gave_up", detail=besides("the record left before it could be sent", said))


def besides(why: str, said: str | None) -> str:
    """Why an effect was given up, and the last words of the other side, which tell more."""
    return f"{why}; the last answer was: {said}" if said else why


async def abandon_effects(tx: Tx, enrollment_id: str, *, now: datetime) -> None:
    """Give up what waits to be sent for an enrollment that ended: nothing of it is handed over any more."""
    for row in await tx.all(WAITING, of=enrollment_id):
        await close_effect(tx, _effect_of(row), left_before(row["detail"]), now=now)


async def lost_effects(read: Read, before: datetime, limit: int) -> list[Effect]:
    """Up to ``limit`` effects handed over before ``before``, and never answered, whose step or enrollment is over."""
    its_visit = (
        visits.c.enrollment_id == effects.c.enrollment_id,
        visits.c.step == effects.c.step,
        visits.c.n == effects.c.n,
        visits.c.turn == 0,
    )
    left = exists().where(*its_visit, visits.c.outcome.is_not(None))
    ended = exists().where(enrollments.c.id == effects.c.enrollment_id, enrollments.c.status == "ended")
    lost = (effects.c.state == "handed_over", effects.c.updated_at < before, left | ended)
    return [_effect_of(row) for row in await read.all(select(effects).where(*lost).limit(limit))]


def _cas(effect: Effect) -> dict[str, Any]:
    """The row as the caller knows it; if it is another by now, nothing is written."""
    return {"of": effect.key, "was": effect.state, "after": effect.attempt}


async def went_there(read: Read, call: StepCall, key: str, address: str, contact_id: str | None) -> bool:
    """Whether another message of the same visit went, or may have, to this address or contact.

    Of two contacts that became one the key names the one that is gone; its message was moved to the other.
    """
    other = (effects.c.enrollment_id == call.enrollment_id, effects.c.step == call.step, effects.c.n == call.n)
    same = func.lower(messages.c.recipient) == address.lower()
    whose = same if contact_id is None else or_(same, messages.c.contact_id == contact_id)
    found = select(effects.c.key).join(messages, messages.c.effect_key == effects.c.key)
    out = effects.c.state.in_(sorted(MAY_BE_OUT))
    return await read.scalar(found.where(*other, effects.c.key != key, out, whose).limit(1)) is not None


async def put_message(tx: Tx, effect_key: str, values: Mapping[str, Any], *, is_first: bool, now: datetime) -> None:
    """Write the message of an effect, or renew its content before another attempt; it waits as ``queued``."""
    if is_first:
        row = {**values, "id": new_id(now), "effect_key": effect_key, "status": "queued", "created_at": now}
        await tx.run(insert(messages), **row)
        return
    await tx.run(
        update(messages).where(messages.c.effect_key == effect_key).values(**values, status="queued", detail=None)
    )


async def find_message_id(read: Read, effect_key: str) -> str | None:
    """The id of the message an effect carries, or None when none was written."""
    found: str | None = await read.scalar(MESSAGE_ID, of=effect_key)
    return found
