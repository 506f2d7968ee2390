"""One attempt at calling an address outside: write, claim, call, settle (architecture.md, Effects once).

Every attempt bears the same key, so that the receiver may tell a repeated one. It is written anew each time and claimed
behind the gate: who left meanwhile is not told of.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from domain.base import Json
from domain.errors import Rejected, StepError, Unavailable
from domain.messages import StepAnswer, StepCall
from domain.ports import WebhookAnswer, WebhookRequest
from domain.webhooks import fate, retry_after_s
from services.installation import Installation
from services.running.gate import pass_gate
from services.running.inside import Inside
from services.running.settling import NOBODY_KNOWS, give_up, key_of, settle_effect, settle_stored
from services.running.variables import look_inside
from services.running.visits import open_visit
from store.database import Read, Tx
from store.effects import Effect, Verdict, claim_effect, first_effect, hold_effect

CHANNEL = "webhook"


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """What an action has to say about its call.

    ``objects``: associated object types it reads. ``write``: the call, as things stand. ``read``: what an answer that
    is no refusal leaves as outputs. ``resends``: a call whose answer was lost is made again; ``asks``: a person
    decides.
    """

    objects: Collection[str]
    write: Callable[[Read, Inside], Awaitable[WebhookRequest]]
    read: Callable[[WebhookAnswer], Mapping[str, Json]]
    resends: bool
    asks: bool = False


async def attempt_call(inst: Installation, call: StepCall, outgoing: Outgoing) -> StepAnswer:
    """Make one attempt at the call of a visit, or find out that none is needed.

    Raises:
        Unavailable: the other side cannot take it now; the ledger says ``retry`` and a later attempt claims anew.
    """
    try:
        async with inst.db.glance() as read:
            inside = await look_inside(read, inst, call, objects=outgoing.objects)
            request = await outgoing.write(read, inside) if inside is not None else None
    except StepError as no:
        async with inst.db.transaction() as tx:
            passed = await pass_gate(tx, inst, call)
            return passed if isinstance(passed, StepAnswer) else await give_up(tx, passed, no)
    async with inst.db.transaction() as tx:
        claimed = await _claim(tx, inst, call, outgoing)
    if isinstance(claimed, StepAnswer):
        return claimed
    assert request is not None, "the gate lets nobody through who is not inside"
    verdict, wait_s = await _send(inst, call, outgoing, request)
    async with inst.db.transaction() as tx:
        answer = await settle_effect(tx, await pass_gate(tx, inst, call), claimed, verdict, now=call.now)
    if answer is None:
        raise Unavailable(verdict.detail or "another attempt at this effect is under way", retry_after_s=wait_s)
    return answer


async def _claim(tx: Tx, inst: Installation, call: StepCall, outgoing: Outgoing) -> Effect | StepAnswer:
    """Pass the gate and take the effect; an answer when there is nothing to call."""
    passed = await pass_gate(tx, inst, call)
    if isinstance(passed, StepAnswer):
        return passed
    effect = await hold_effect(tx, key_of(call))
    may_ask = effect is None or effect.state == "retry" or (effect.state == "handed_over" and outgoing.resends)
    if effect is not None and not may_ask:
        return await settle_stored(tx, passed, effect)
    first = first_effect(passed.enrollment, call, CHANNEL, asks=outgoing.asks)
    taken = await claim_effect(tx, effect or first, now=call.now)
    if taken is None:
        raise Unavailable("another attempt has just claimed this effect")
    await open_visit(tx, passed)
    return taken


async def _send(
    inst: Installation, call: StepCall, outgoing: Outgoing, request: WebhookRequest
) -> tuple[Verdict, float | None]:
    """What the call came to, and how long the other side asks to be left alone."""
    try:
        answer = await inst.webhooks.send(request)
    except Rejected as no:
        return Verdict(state="refused", failure="rejected", detail=str(no)), None
    except Unavailable as away:
        if away.handed_over and not outgoing.resends:
            return NOBODY_KNOWS, None
        return Verdict(state="retry", detail=str(away)), away.retry_after_s
    said = f"the other side answered {answer.status}"
    match fate(answer.status):
        case "done":
            return Verdict(state="accepted", outputs={"status": answer.status, **outgoing.read(answer)}), None
        case "later":
            return Verdict(state="retry", detail=said), retry_after_s(answer.retry_after, now=call.now)
    return Verdict(state="refused", failure="rejected", detail=said), None
