"""Repairing what `verify` found, where only one thing can be right: the ledger, and where the database says one stands.

Each repair looks at the rows anew, behind their locks, and is written into the audit log in its own transaction. What
might be right in more than one way is left to a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from domain.audit import INSTALLATION
from domain.base import Json
from domain.enrollments import Enrollment
from domain.messages import RunState
from domain.verification import Finding, Odd
from services.auditing import note_made
from services.installation import Installation
from services.jobs.jobs import begin_all
from services.running.deliveries import deliver_now, deliver_starts
from services.running.lost_runs import AT_ONCE, end_if_lost
from services.running.restarting import Told, start_again, tell_again
from services.running.settling import NOBODY_KNOWS
from store.database import Tx
from store.decisions import amend_visit, message_behind, visit_behind
from store.effects import CLOSED, Effect, close_effect, correct_message, effect_keys, hold_effect
from store.enrollments import get_enrollment, get_enrollments, started_enrollments
from store.intake import add_delivery
from store.jobs import unfinished_jobs
from store.locks import lock_enrollments
from store.occurrences import recurring_workflows, tell_run

Repair: TypeAlias = Callable[[Installation, Finding], Awaitable[str | None]]


async def repair(inst: Installation, findings: Sequence[Finding]) -> list[str | None]:
    """What was done about each, in words; None: nothing, as somebody has to decide, or it is no more as it was.

    Raises:
        Unavailable: Temporal cannot be reached now.
    """
    begun = await _start_again(inst, [each for each in findings if each.odd == STARTED])
    return [begun.get(each.what) if each.odd == STARTED else await _mend(inst, each) for each in findings]


async def _mend(inst: Installation, finding: Finding) -> str | None:
    mend = ALONE.get(finding.odd)
    return await mend(inst, finding) if mend is not None else None


async def knows_no_run(inst: Installation) -> bool:
    """Whether Temporal knows not one run of those that are active: it may be the wrong one. False when nobody is.

    Raises:
        Unavailable: Temporal cannot be reached now.
    """
    after, asked = "", 0
    while True:
        async with inst.db.read() as read:
            page = await started_enrollments(read, after=after, limit=AT_ONCE)
        for each in page:
            if await inst.runs.end_of(each.run_id) != "not found":
                return False
        asked += len(page)
        if len(page) < AT_ONCE:
            return asked > 0
        after = page[-1].id


async def catch_up(inst: Installation) -> Told:
    """Make good what runs, jobs and schedules missed because Temporal is older than the database; as ``tell_again``.

    Raises:
        Unavailable: Temporal cannot be reached now.
    """
    async with inst.db.transaction() as tx:
        now = inst.clock.now()
        for workflow in await recurring_workflows(tx):
            await tell_run(tx, workflow["id"], now=now)
    told = await tell_again(inst)
    async with inst.db.read() as read:
        jobs = await unfinished_jobs(read)
    await begin_all(inst, jobs)
    async with inst.db.transaction() as tx:
        after: dict[str, Json] = {**told.model_dump(), "jobs": len(jobs)}
        await note_made(tx, INSTALLATION, "installation.caught_up", "temporal", after=after, now=inst.clock.now())
    return told


async def _start_again(inst: Installation, findings: Sequence[Finding]) -> dict[str, str]:
    """Together, as after a restore there may be many."""
    about = {each.what: each for each in findings}
    async with inst.db.read() as read:
        seen = [*(await get_enrollments(read, about)).values()]
    ends = await asyncio.gather(*(inst.runs.end_of(each.run_id) for each in seen))
    lost = [each for each, end in zip(seen, ends, strict=True) if end == "not found"]
    done: dict[str, str] = {}
    if lost:
        async with inst.db.transaction() as tx:
            states = await start_again(tx, lost, now=inst.clock.now(), starter=inst.name)
            for id, state in states.items():
                done[id] = f"its run was started again, {_place(state)}"
                await _note(tx, inst, about[id], done[id])
        await deliver_starts(inst, [*done])
    return done


def _place(state: RunState) -> str:
    where = state.step or "the end"
    return f"standing at {where}" if state.standing else f"about to come to {where}"


async def _end(inst: Installation, finding: Finding) -> str | None:
    seen, done = await _seen(inst, finding), "it was ended as failed"

    async def note(tx: Tx) -> None:
        await _note(tx, inst, finding, done)

    return done if seen is not None and await end_if_lost(inst, seen, note=note) == "ended" else None


async def _have_it_leave(inst: Installation, finding: Finding) -> str | None:
    seen = await _seen(inst, finding)
    if seen is None or seen.status != "ended":
        return None
    done = "its run was told to end"
    async with inst.db.transaction() as tx:
        payload: dict[str, Json] = {"reason": seen.end_reason, "detail": seen.end_detail}
        await add_delivery(tx, seen.id, "leave", payload, now=inst.clock.now())
        await _note(tx, inst, finding, done)
    await deliver_now(inst, seen.id)
    return done


async def _call_unknown(inst: Installation, finding: Finding) -> str | None:
    """Of a step that lasts the next attempt finds out; of one that is over nobody will."""
    now = inst.clock.now()
    async with inst.db.transaction() as tx:
        enrollment, effect = await _hold(tx, finding)
        if effect is None or effect.state != "handed_over":
            return None
        visit = await visit_behind(tx, effect)
        if enrollment.status != "ended" and (visit is None or visit["outcome"] is None):
            return None
        await close_effect(tx, effect, NOBODY_KNOWS, now=now)
        done = "it is unknown now, for somebody to decide"
        await _note(tx, inst, finding, done)
    return done


async def _correct_message(inst: Installation, finding: Finding) -> str | None:
    async with inst.db.transaction() as tx:
        _, effect = await _hold(tx, finding)
        if effect is None or (status := await correct_message(tx, effect)) is None:
            return None
        done = f"the message is {status} now"
        await _note(tx, inst, finding, done)
    return done


async def _correct_visit(inst: Installation, finding: Finding) -> str | None:
    """Of a step with one effect that came to an end. What its run was answered stays: it went on."""
    async with inst.db.transaction() as tx:
        _, effect = await _hold(tx, finding)
        visit = await visit_behind(tx, effect) if effect is not None else None
        if effect is None or visit is None or effect.state not in CLOSED or visit["outcome"] in (None, "left"):
            return None
        if await effect_keys(tx, effect.enrollment_id, effect.step, effect.n) != [effect.key]:
            return None
        was, is_ = visit["outcome"], "done" if effect.state == "accepted" else "failed"
        if was == is_:
            return None
        message = await message_behind(tx, effect)
        result = effect.outputs or ({"message": message["id"]} if message is not None else {})
        reason = None if is_ == "done" else effect.failure or "unknown"
        values = {
            "outcome": is_,
            "reason": reason,
            "detail": effect.detail,
            "result": result if is_ == "done" else None,
        }
        await amend_visit(tx, effect, values)
        done = f"the step is {is_} now, as the ledger says; its run had gone on as if it were {was}"
        await _note(tx, inst, finding, done)
    return done


async def _seen(inst: Installation, finding: Finding) -> Enrollment | None:
    async with inst.db.read() as read:
        return await get_enrollment(read, finding.enrollment) if finding.enrollment is not None else None


async def _hold(tx: Tx, finding: Finding) -> tuple[Enrollment, Effect | None]:
    """The enrollment of a finding about an effect, locked, and the effect behind it."""
    assert finding.enrollment is not None, "effects belong to enrollments"
    (enrollment,) = (await lock_enrollments(tx, [finding.enrollment])).values()
    return enrollment, await hold_effect(tx, finding.what)


async def _note(tx: Tx, inst: Installation, finding: Finding, done: str) -> None:
    after: dict[str, Json] = {**finding.model_dump(), "done": done}
    await note_made(tx, INSTALLATION, "installation.repaired", finding.what, after=after, now=inst.clock.now())


STARTED: Odd = "enrollment_without_run"

ALONE: Mapping[Odd, Repair] = {
    "enrollment_of_ended_run": _end,
    "run_of_ended_enrollment": _have_it_leave,
    "effect_never_answered": _call_unknown,
    "message_says_otherwise": _correct_message,
    "visit_says_otherwise": _correct_visit,
}
"""What is repaired one by one."""

REPAIRED: frozenset[Odd] = frozenset({STARTED, *ALONE})
