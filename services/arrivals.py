"""What a change means for those outside: which triggers it fires, for which record, bound to which.

A filter trigger fires when it holds on the facts with the change and did not hold without it (rule E3); what the
change does not touch is read as it is now.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from domain.conditions import Condition
from domain.definition import ChangedTrigger, CreatedTrigger, Definition, FilterTrigger, Trigger
from domain.facts import Associated, Facts, Seen, with_association, with_properties
from domain.judging import judge
from domain.reading import objects_read
from domain.records import Change
from domain.touches import keys_touched
from services.enrolling import EnrollRequest, enroll
from services.facts import read_facts
from services.versions import load_content
from store.associations import associated_ids
from store.candidates import triggers_reading
from store.database import Tx
from store.locks import lock_records
from store.records import get_record
from store.schema import load_account

PAGE = 500
"""Entries decided in one transaction; a change with more goes on from its cursor."""


@dataclass(frozen=True)
class Arrival:
    """A record a trigger lets in; ``place`` orders the arrivals of one change, so that a cursor can point into them."""

    workflow_id: str
    trigger: str
    record_id: str
    bound_id: str | None
    seen: tuple[Seen, ...]

    @property
    def place(self) -> str:
        """The position among the arrivals of a change."""
        return f"{self.workflow_id}:{self.trigger}:{self.record_id}"


async def judge_arrivals(tx: Tx, change: Change, *, now: datetime) -> str | None:
    """Decide about up to ``PAGE`` records the change lets in; answers the cursor to go on from, or None at the end."""
    if not change.wake:
        return None
    arrivals = sorted([a async for a in _arrivals(tx, change, now=now)], key=lambda a: a.place)
    left = [a for a in arrivals if change.cursor is None or a.place > change.cursor]
    page = left[:PAGE]
    await lock_records(tx, {i for a in page for i in (a.record_id, a.bound_id) if i}, write=True)
    for arrival in page:
        request = EnrollRequest(
            workflow_id=arrival.workflow_id,
            record_id=arrival.record_id,
            bound_id=arrival.bound_id,
            trigger=arrival.trigger,
            cause=change.cause,
            change_seq=change.seq,
            seen=arrival.seen,
        )
        await enroll(tx, request, now=now)
    return page[-1].place if len(left) > PAGE else None


async def _arrivals(tx: Tx, change: Change, *, now: datetime) -> AsyncIterator[Arrival]:
    for ref in await triggers_reading(tx, keys_touched(change)):
        definition = (await load_content(tx, ref.workflow_id, ref.version)).definition
        trigger = next(t for t in definition.entry.triggers if t.id == ref.trigger)
        fired = _Firing(tx, change, definition, trigger, now)
        async for record_id, bound_id, seen in fired.entries():
            yield Arrival(ref.workflow_id, ref.trigger, record_id, bound_id, seen)


@dataclass(frozen=True)
class _Firing:
    """One trigger judged on one change."""

    tx: Tx
    change: Change
    definition: Definition
    trigger: Trigger
    now: datetime

    @property
    def subject_object(self) -> str:
        """The object ``where`` is about."""
        named: str | None = getattr(self.trigger, "object", None)
        return named or self.definition.object

    async def entries(self) -> AsyncIterator[tuple[str, str | None, tuple[Seen, ...]]]:
        """(enrolled record, bound record, values seen) for everybody the trigger lets in."""
        async for subject_id, seen in self._subjects():
            if self.subject_object == self.definition.object:
                yield subject_id, None, seen
                continue
            for record_id in await self._entering(subject_id):
                yield record_id, subject_id, seen

    async def _entering(self, subject_id: str) -> list[str]:
        """Records that enter with this one bound: all associated ones, or the one just linked."""
        change = self.change
        if change.kind == "associated" and change.record_id == subject_id:
            detail = change.detail or {}
            if detail.get("other_object") == self.definition.object:
                return [str(detail["other_id"])]
        return await associated_ids(self.tx, subject_id, self.definition.object)

    async def _subjects(self) -> AsyncIterator[tuple[str, tuple[Seen, ...]]]:
        """Records for which the trigger fires on this change."""
        match self.trigger:
            case FilterTrigger():
                async for found in self._filtered(self.trigger.where):
                    yield found
            case CreatedTrigger():
                if self.change.kind == "created" and self.change.object == self.subject_object:
                    async for found in self._as_of_change(self.trigger.where):
                        yield found
            case ChangedTrigger():
                if self.change.object == self.subject_object and changed_as_wanted(self.trigger, self.change):
                    async for found in self._as_of_change(self.trigger.where):
                        yield found
            case _:
                raise NotImplementedError(f"trigger {self.trigger.id} is not available and cannot be published")

    async def _as_of_change(self, where: Condition | None) -> AsyncIterator[tuple[str, tuple[Seen, ...]]]:
        if where is None:
            yield self.change.record_id, ()
            return
        facts = await self._facts(self.change.record_id, where)
        if facts is None:
            return
        verdict = judge(where, with_properties(facts, self.change.record_id, self.change.after or {}))
        if verdict.holds:
            yield self.change.record_id, verdict.seen

    async def _filtered(self, where: Condition) -> AsyncIterator[tuple[str, tuple[Seen, ...]]]:
        change = self.change
        if change.object == self.subject_object:
            subjects = [change.record_id]
        elif change.kind in ("created", "updated"):
            subjects = await associated_ids(self.tx, change.record_id, self.subject_object)
        else:
            subjects = []
        for subject_id in subjects:
            facts = await self._facts(subject_id, where)
            if facts is None:
                continue
            with_, without = await self._both(facts)
            verdict = judge(where, with_)
            if verdict.holds and (without is None or not judge(where, without).holds):
                yield subject_id, verdict.seen

    async def _both(self, facts: Facts) -> tuple[Facts, Facts | None]:
        """The facts with the change and without it; None: without it there was nobody to judge."""
        change = self.change
        if change.kind in ("created", "updated"):
            with_ = with_properties(facts, change.record_id, change.after or {})
            if change.kind == "created" and facts.record.id == change.record_id:
                return with_, None
            return with_, with_properties(facts, change.record_id, change.before)
        return await self._both_of_association(facts)

    async def _both_of_association(self, facts: Facts) -> tuple[Facts, Facts | None]:
        change = self.change
        detail = change.detail or {}
        other_id = str(detail.get("other_id"))
        if change.kind == "associated":
            if detail.get("other_object") == self.definition.object != self.subject_object:
                return facts, None
            return facts, with_properties(facts, other_id, None)
        other = await get_record(self.tx, other_id)
        if other is None:
            return facts, facts
        label = detail.get("label")
        link = Associated(record=other.facts(), label=str(label) if label else None, since=change.occurred_at)
        return facts, with_association(facts, link)

    async def _facts(self, subject_id: str, where: Condition) -> Facts | None:
        return await read_facts(
            self.tx,
            await load_account(self.tx),
            self.definition,
            subject_id,
            objects=objects_read(where, self.subject_object),
            now=self.now,
        )


def changed_as_wanted(trigger: ChangedTrigger, change: Change) -> bool:
    """Whether a committed update changed the property from and to the wanted values."""
    if change.kind != "updated":
        return False
    before = (change.before or {}).get(trigger.property)
    after = (change.after or {}).get(trigger.property)
    if before == after:
        return False
    return (trigger.from_ is None or before in trigger.from_) and (trigger.to is None or after in trigger.to)
