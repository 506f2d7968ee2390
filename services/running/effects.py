"""One attempt at an outside effect: prepare, claim, hand over, settle (architecture.md, Effects once).

Nothing talks to the network inside a transaction. What is prepared cannot deliver; what is handed over was claimed in a
committed row before; what was claimed and never answered is ``unknown``, unless the channel knows our key and can
simply be asked again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from domain.consent import Channel, Terms
from domain.errors import Rejected, StepError, Unavailable
from domain.facts import RecordFacts
from domain.messages import StepAnswer, StepCall
from domain.ports import HandOver, Mail, Sms
from domain.reading import needs_objects
from services.installation import Installation
from services.running.consent import judge_consent
from services.running.gate import pass_gate
from services.running.holding import hold_back, hold_of
from services.running.inside import Inside, Passed
from services.running.settling import NOBODY_KNOWS, give_up, key_of, settle_effect, settle_stored
from services.running.variables import look_inside
from services.running.visits import open_visit
from store.database import Read, Tx
from store.effects import Effect, Verdict, claim_effect, first_effect, hold_effect, put_message

M = TypeVar("M", Mail, Sms)

ROUNDS = 3
"""How often a message is prepared again at once because its recipient changed before it was claimed."""


class _Moved(Exception):
    """What the message was prepared for is not what the claim found."""


class _Taken(Exception):
    """Another attempt claimed the effect at the same moment."""


@dataclass(frozen=True, kw_only=True)
class Letter(Generic[M]):
    """What an outside action has to say about its message; the rest is the same for every channel.

    ``objects``: associated object types the content reads, ``address_objects`` those the address is found through.
    ``address``: who gets it, judged when preparing and again in the claim (raises StepSkipped or StepFailed);
    ``contact``: the contact it goes to, if it is one, and ``terms`` what that contact has to agree to.
    ``write``: the complete message for that address. ``repeatable``: the gateway delivers one key once, so it may be
    asked again.
    """

    channel: Channel
    repeatable: bool
    objects: Collection[str]
    address_objects: Collection[str]
    address: Callable[[Inside], str]
    contact: Callable[[Inside], RecordFacts | None]
    terms: Terms
    write: Callable[[Read, Inside, str], Awaitable[M]]
    prepare: Callable[[M], AbstractAsyncContextManager[HandOver]]


@dataclass(frozen=True, kw_only=True)
class _Claimed:
    passed: Passed
    effect: Effect


@dataclass(frozen=True, kw_only=True)
class _Written(Generic[M]):
    """A message, and the id of the contact it was written for."""

    message: M
    contact_id: str | None


async def attempt(inst: Installation, call: StepCall, letter: Letter[M]) -> StepAnswer:
    """Make one attempt at the effect of a visit, or find out that none is needed.

    The same call again: one delivery on a repeatable channel, else at most one and an ``unknown`` when it was lost.

    Raises:
        Unavailable: the other side cannot take it now; the ledger says ``retry`` and a later attempt claims anew.
    """
    for _ in range(ROUNDS):
        try:
            return await _attempt(inst, call, letter)
        except _Moved:
            continue
        except _Taken:
            raise Unavailable("another attempt has just claimed this effect") from None
    raise Unavailable("what the message is about kept changing while it was prepared")


async def _attempt(inst: Installation, call: StepCall, letter: Letter[M]) -> StepAnswer:
    try:
        written = await _write(inst, call, letter)
    except StepError as no:
        return await refuse(inst, call, no)
    if written is None:
        async with inst.db.transaction() as tx:
            passed = await pass_gate(tx, inst, call)
            if isinstance(passed, StepAnswer):
                return passed
            if (held := await hold_back(tx, inst, passed, await hold_effect(tx, key_of(call)))) is not None:
                return held
        raise _Moved
    return await _send(inst, call, letter, written)


async def refuse(inst: Installation, call: StepCall, no: StepError) -> StepAnswer:
    """Settle a visit that has nothing to send, whatever an earlier attempt came to."""
    async with inst.db.transaction() as tx:
        passed = await pass_gate(tx, inst, call)
        return passed if isinstance(passed, StepAnswer) else await give_up(tx, passed, no)


async def _write(inst: Installation, call: StepCall, letter: Letter[M]) -> _Written[M] | None:
    """Prepare the content. None when the gate will turn the call away, or hold the message back: nothing to write."""
    async with inst.db.glance() as read:
        inside = await look_inside(read, inst, call, objects={*letter.objects, *letter.address_objects})
        if inside is None:
            return None
        address, contact = letter.address(inside), letter.contact(inside)
        await judge_consent(read, inside, letter.terms, contact, address, now=_now(inst, call), key=key_of(call))
        if hold_of(inst, inside, call) is not None:
            return None
        message = await letter.write(read, inside, address)
        return _Written(message=message, contact_id=contact.id if contact else None)


async def _send(inst: Installation, call: StepCall, letter: Letter[M], written: _Written[M]) -> StepAnswer:
    claimed: _Claimed | StepAnswer | None = None
    verdict: Verdict | None = None
    try:
        async with letter.prepare(written.message) as hand_over:
            async with inst.db.transaction() as tx:
                claimed = await _claim(tx, inst, letter, written, call)
            if isinstance(claimed, StepAnswer):
                return claimed
            receipt = await hand_over()
            verdict = Verdict(state="accepted", reference=receipt.reference)
    except (Rejected, Unavailable) as no:
        # A connection that breaks after the answer changes nothing about the answer.
        if isinstance(claimed, StepAnswer):
            return claimed
        verdict = verdict or _verdict(no, repeatable=letter.repeatable)
        answer = await _settle(inst, call, letter, written, claimed, verdict)
        if answer is None:
            raise
        return answer
    answer = await _settle(inst, call, letter, written, claimed, verdict)
    if answer is None:
        raise Unavailable("another attempt at this effect is under way")
    return answer


async def _claim(
    tx: Tx, inst: Installation, letter: Letter[M], written: _Written[M], call: StepCall
) -> _Claimed | StepAnswer:
    """Pass the gate, judge address and consent anew and take the effect; an answer when there is nothing to hand over.

    Of whom marketing goes to the record is locked as if it were written, so that of two messages one sees the other.
    """
    alone = [written.contact_id] if letter.terms.marketing and written.contact_id else []
    passed = await pass_gate(tx, inst, call, needs=needs_objects(letter.address_objects), write=alone)
    if isinstance(passed, StepAnswer):
        return passed
    key, now = key_of(call), _now(inst, call)
    effect = await hold_effect(tx, key)
    if effect is not None and not _may_ask(effect, letter.repeatable):
        return await settle_stored(tx, passed, effect)
    try:
        address, contact = letter.address(passed), letter.contact(passed)
        if (address, contact.id if contact else None) != (written.message.to, written.contact_id):
            raise _Moved
        await judge_consent(tx, passed, letter.terms, contact, address, now=now, key=key)
    except StepError as no:
        return await give_up(tx, passed, no)
    if (held := await hold_back(tx, inst, passed, effect)) is not None:
        return held
    taken = await claim_effect(tx, effect or first_effect(passed.enrollment, call, letter.channel), now=call.now)
    if taken is None:
        raise _Taken
    row = {**_message_row(passed, letter, written), "claimed_at": now}
    await put_message(tx, key, row, is_first=effect is None, now=call.now)
    await open_visit(tx, passed)
    return _Claimed(passed=passed, effect=taken)


def _may_ask(effect: Effect, repeatable: bool) -> bool:
    return effect.state == "retry" or (effect.state == "handed_over" and repeatable)


async def _settle(
    inst: Installation,
    call: StepCall,
    letter: Letter[M],
    written: _Written[M],
    claimed: _Claimed | None,
    verdict: Verdict,
) -> StepAnswer | None:
    """Write down what became of the attempt; None when it is to be tried again.

    The other side may have said no before there was a claim (a recipient refused at RCPT): the claim is then made and
    closed in one transaction, and nothing was handed over in between.
    """
    async with inst.db.transaction() as tx:
        if claimed is not None:
            passed = await pass_gate(tx, inst, call)
            return await settle_effect(tx, passed, claimed.effect, verdict, now=call.now)
        late = await _claim(tx, inst, letter, written, call)
        if isinstance(late, StepAnswer):
            return late
        return await settle_effect(tx, late.passed, late.effect, verdict, now=call.now)


def _verdict(no: Rejected | Unavailable, *, repeatable: bool) -> Verdict:
    if isinstance(no, Rejected):
        return Verdict(state="refused", failure="rejected", detail=str(no))
    if no.handed_over and not repeatable:
        return NOBODY_KNOWS
    return Verdict(state="retry", detail=str(no))


def _now(inst: Installation, call: StepCall) -> datetime:
    """When the message leaves: an outage may have made that later than it was asked for."""
    return max(call.now, inst.clock.now())


def _message_row(passed: Passed, letter: Letter[M], written: _Written[M]) -> dict[str, Any]:
    message = written.message
    mail: Mail | None = message if isinstance(message, Mail) else None
    return {
        "enrollment_id": passed.enrollment.id,
        "workflow_id": passed.enrollment.workflow_id,
        "step": passed.call.step,
        "record_id": passed.record.id,
        "contact_id": written.contact_id,
        "marketing": letter.terms.marketing,
        "subscription": letter.terms.subscription,
        "channel": letter.channel,
        "sender": message.sender,
        "recipient": message.to,
        "subject": mail.subject if mail else None,
        "html": mail.html if mail else None,
        "text": message.text,
        "message_id": mail.message_id if mail else None,
        "email": mail.email if mail else None,
        "email_version": mail.email_version if mail else None,
        "links": list(mail.links) if mail is not None else None,
    }
