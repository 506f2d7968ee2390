"""One attempt at an outside effect: prepare, claim, hand over, settle (architecture.md, Effects once).

Nothing talks to the network inside a transaction. What is prepared cannot deliver; what is handed over was claimed in a
committed row before; what was claimed and never answered is ``unknown``, unless the channel knows our key and can
simply be asked again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from domain.errors import Rejected, StepError, StepSkipped, Unavailable
from domain.messages import StepAnswer, StepCall
from domain.names import recipient_of
from domain.reading import needs_objects
from services.installation import Installation
from services.running.consent import judge_consent
from services.running.gate import pass_gate
from services.running.holding import hold_back, hold_of
from services.running.inside import Passed
from services.running.letters import Letter, M, Written, message_row
from services.running.settling import Conclude, last_fate, settle_attempt, settle_failure
from services.running.summing import NOBODY_KNOWS, Fate, fate_of, sum_up
from services.running.variables import look_inside
from services.running.visits import open_visit
from store.database import Tx
from store.effects import (
    Effect,
    Verdict,
    claim_effect,
    closed_effects,
    effect_keys,
    first_effect,
    hold_effect,
    put_message,
    waiting_effects,
    went_there,
)
from store.enrollments import get_enrollment
from store.locks import lock_address

ROUNDS = 3
"""How often a message is prepared again at once because its recipient changed before it was claimed."""


LONGEST_ROUND_S = 240
"""After this long no further message of many is begun: with the longest sending it stays below what an attempt has."""


TAKEN_BEFORE = Fate(outcome="skipped", reason="already_done", detail="it was accepted before the step began again")
"""What becomes of one of many that an earlier passage sent."""


class _Moved(Exception):
    """What the message was prepared for is not what the claim found."""


class _Taken(Exception):
    """Another attempt claimed the effect at the same moment."""


@dataclass(frozen=True, kw_only=True)
class _Claimed:
    passed: Passed
    effect: Effect


async def attempt(inst: Installation, call: StepCall, letter: Letter[M]) -> StepAnswer:
    """Make one attempt at the effect of a visit, or find out that none is needed.

    The same call again: one delivery on a repeatable channel, else at most one and an ``unknown`` when it was lost.

    Raises:
        Unavailable: the other side cannot take it now; the ledger says ``retry`` and a later attempt claims anew.
    """
    made = await _attempt_anew(inst, call, letter)
    assert isinstance(made, StepAnswer), "it is the only message of its visit"
    return made


async def attempt_each(inst: Installation, call: StepCall, letters: Collection[Letter[M]]) -> StepAnswer:
    """The same for many messages of one visit, each with a key of its own; it is settled when all came to an end.

    What came to an end before is not touched again. Whoever is no recipient any more is given up.

    Raises:
        Unavailable: some have to be tried again, or there was no time for all of them.
    """
    begun, waiting = inst.clock.now(), None
    async with inst.db.glance() as read:
        closed = await closed_effects(read, call.enrollment_id, call.step, call.n)
        enrollment = await get_enrollment(read, call.enrollment_id)
    taken = enrollment.taken_at(call.step, call.n) if enrollment is not None else ()
    others: list[Fate] = []
    for letter in letters:
        if letter.key in closed:
            continue
        recipient = recipient_of(letter.key_for(call))
        if recipient in taken:
            others.append(TAKEN_BEFORE.model_copy(update={"recipient": recipient}))
            continue
        if (inst.clock.now() - begun).total_seconds() > LONGEST_ROUND_S:
            raise waiting or Unavailable("there are more recipients than one attempt has time for", retry_after_s=1)
        try:
            made = await _attempt_anew(inst, call, letter)
        except Unavailable as later:
            waiting = later
            continue
        if isinstance(made, StepAnswer):
            return made
        others.append(made.model_copy(update={"recipient": recipient}))
    if waiting is not None:
        raise waiting
    async with inst.db.transaction() as tx:
        passed = await pass_gate(tx, inst, call)
        if isinstance(passed, StepAnswer):
            return passed
        keys = await effect_keys(tx, call.enrollment_id, call.step, call.n)
        reopened = await waiting_effects(tx, call.enrollment_id, call.step, call.n)
        if reopened.intersection(letter.key for letter in letters if letter.key is not None):
            # Somebody decided meanwhile that one shall leave once more.
            raise Unavailable("one of the messages shall be sent once more", retry_after_s=1)
        return await sum_up(tx, passed, keys, [fate for fate in others if not fate.is_in_ledger])


async def _attempt_anew(inst: Installation, call: StepCall, letter: Letter[M]) -> StepAnswer | Fate:
    for _ in range(ROUNDS):
        try:
            return await _attempt(inst, call, letter)
        except _Moved:
            continue
        except _Taken:
            raise Unavailable("another attempt has just claimed this effect") from None
    raise Unavailable("what the message is about kept changing while it was prepared")


async def _attempt(inst: Installation, call: StepCall, letter: Letter[M]) -> StepAnswer | Fate:
    try:
        written = await _write(inst, call, letter)
    except StepError as no:
        return await _refuse(inst, call, letter.key_for(call), no, letter.conclude)
    if written is None:
        async with inst.db.transaction() as tx:
            passed = await pass_gate(tx, inst, call)
            if isinstance(passed, StepAnswer):
                return passed
            effect = await hold_effect(tx, letter.key_for(call))
            if effect is not None and not _may_ask(effect, letter.repeatable):
                return await letter.conclude(tx, passed, await fate_of(tx, effect, now=call.now))
            if letter.waits and (held := await hold_back(tx, inst, passed, effect)) is not None:
                return held
        raise _Moved
    return await _send(inst, call, letter, written)


async def refuse(inst: Installation, call: StepCall, no: StepError) -> StepAnswer:
    """Settle a visit that has nothing to send, whatever an earlier attempt came to."""
    async with inst.db.transaction() as tx:
        passed = await pass_gate(tx, inst, call)
        return passed if isinstance(passed, StepAnswer) else await settle_failure(tx, passed, no)


async def _refuse(inst: Installation, call: StepCall, key: str, no: StepError, conclude: Conclude) -> StepAnswer | Fate:
    async with inst.db.transaction() as tx:
        passed = await pass_gate(tx, inst, call)
        if isinstance(passed, StepAnswer):
            return passed
        return await conclude(tx, passed, await last_fate(tx, key, no, now=call.now))


async def _write(inst: Installation, call: StepCall, letter: Letter[M]) -> Written[M] | None:
    """Prepare the content. None when the gate will turn the call away, or hold the message back: nothing to write."""
    async with inst.db.glance() as read:
        objects = {*letter.objects, *letter.address_objects}
        inside = await look_inside(read, inst, call, objects=objects, through=letter.through)
        if inside is None:
            return None
        address, contact = letter.address(inside), letter.contact(inside)
        key = letter.key_for(call)
        await judge_consent(read, inside, letter.terms, contact, address, now=_now(inst, call), key=key)
        if letter.waits and hold_of(inst, inside, call) is not None:
            return None
        message = await letter.write(read, inside, address)
        return Written(message=message, contact_id=contact.id if contact else None)


async def _send(inst: Installation, call: StepCall, letter: Letter[M], written: Written[M]) -> StepAnswer | Fate:
    claimed: _Claimed | StepAnswer | Fate | None = None
    verdict: Verdict | None = None
    try:
        async with letter.prepare(written.message) as hand_over:
            async with inst.db.transaction() as tx:
                claimed = await _claim(tx, inst, letter, written, call)
            if isinstance(claimed, StepAnswer | Fate):
                return claimed
            receipt = await hand_over()
            verdict = Verdict(state="accepted", reference=receipt.reference)
    except (Rejected, Unavailable) as no:
        # A connection that breaks after the answer changes nothing about the answer.
        if isinstance(claimed, StepAnswer | Fate):
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
    tx: Tx, inst: Installation, letter: Letter[M], written: Written[M], call: StepCall
) -> _Claimed | StepAnswer | Fate:
    """Pass the gate, judge address and consent anew and take the effect; an answer when there is nothing to hand over.

    Of whom marketing goes to the record is locked as if it were written, so that of two messages one sees the other.
    """
    alone = [written.contact_id] if letter.terms.marketing and written.contact_id else []
    needs = needs_objects({*letter.address_objects, *letter.through})
    passed = await pass_gate(tx, inst, call, needs=needs, write=alone)
    if isinstance(passed, StepAnswer):
        return passed
    key, now = letter.key_for(call), _now(inst, call)
    effect = await hold_effect(tx, key)
    if effect is not None and not _may_ask(effect, letter.repeatable):
        return await letter.conclude(tx, passed, await fate_of(tx, effect, now=call.now))
    try:
        address, contact = letter.address(passed), letter.contact(passed)
        if (address, contact.id if contact else None) != (written.message.to, written.contact_id):
            raise _Moved
        # From here on nobody keeps messages from this address before the claim is committed.
        await lock_address(tx, address, write=False)
        if letter.key is not None and await went_there(tx, call, key, address, written.contact_id):
            raise StepSkipped("already_done", "this step wrote to them before, under another record")
        await judge_consent(tx, passed, letter.terms, contact, address, now=now, key=key)
    except StepError as no:
        return await letter.conclude(tx, passed, await last_fate(tx, key, no, now=call.now))
    if letter.waits and (held := await hold_back(tx, inst, passed, effect)) is not None:
        return held
    first = first_effect(passed.enrollment, call, letter.channel, asks=letter.asks).model_copy(update={"key": key})
    taken = await claim_effect(tx, effect or first, now=call.now)
    if taken is None:
        raise _Taken
    row = {**message_row(passed, letter, written), "claimed_at": now}
    await put_message(tx, key, row, is_first=effect is None, now=call.now)
    await open_visit(tx, passed)
    return _Claimed(passed=passed, effect=taken)


def _may_ask(effect: Effect, repeatable: bool) -> bool:
    return effect.state == "retry" or (effect.state == "handed_over" and repeatable)


async def _settle(
    inst: Installation,
    call: StepCall,
    letter: Letter[M],
    written: Written[M],
    claimed: _Claimed | None,
    verdict: Verdict,
) -> StepAnswer | Fate | None:
    """Write down what became of the attempt; None when it is to be tried again.

    The other side may have said no before there was a claim (a recipient refused at RCPT): the claim is then made and
    closed in one transaction, and nothing was handed over in between.
    """
    async with inst.db.transaction() as tx:
        if claimed is not None:
            passed = await pass_gate(tx, inst, call)
            return await settle_attempt(tx, passed, claimed.effect, verdict, letter.conclude, now=call.now)
        late = await _claim(tx, inst, letter, written, call)
        if isinstance(late, StepAnswer | Fate):
            return late
        return await settle_attempt(tx, late.passed, late.effect, verdict, letter.conclude, now=call.now)


def _verdict(no: Rejected | Unavailable, *, repeatable: bool) -> Verdict:
    if isinstance(no, Rejected):
        return Verdict(state="refused", failure="rejected", detail=str(no))
    if no.handed_over and not repeatable:
        return NOBODY_KNOWS
    return Verdict(state="retry", detail=str(no))


def _now(inst: Installation, call: StepCall) -> datetime:
    """When the message leaves: an outage may have made that later than it was asked for."""
    return max(call.now, inst.clock.now())
