"""Whom a filter trigger lets in because time passed (rule E3): who matches now and did not at the last sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime

from domain.definition import Definition, FilterTrigger
from domain.facts import Seen
from domain.judging import judge
from domain.names import entry_key, trigger_sweep
from domain.reading import needs_of
from domain.records import Cause, StoredRecord
from domain.zones import zone_of
from services.entering.enrolling import EnrollRequest, enroll
from services.facts import read_facts
from services.jobs.bulk_audiences import Candidate, Sought
from services.versions import load_live
from store.audiences import all_of
from store.candidates import TriggerRef
from store.database import Read, Tx
from store.locks import lock_records
from store.schema import load_account, load_schema
from store.sweeps import Sweep, taken_up_since
from store.turns import Span


@dataclass
class TriggerTurns:
    """Those for whom one trigger turns; ``page`` is what was found last."""

    ref: TriggerRef
    page: tuple[Candidate, ...] = field(default=())

    @property
    def name(self) -> str:
        """The name of the sweep."""
        return trigger_sweep(self.ref.workflow_id, self.ref.trigger)

    @property
    def items(self) -> tuple[str, ...]:
        """Who was found, each the record and behind a colon what is bound to it."""
        return tuple(entry_key(each.record_id, each.bound_id) for each in self.page)

    async def find(self, read: Read, sweep: Sweep, *, until: datetime, limit: int) -> str | None:
        """Ask for the next page; answers the place behind it, None when it is the last."""
        definition, trigger = await self._trigger(read)
        account = await load_account(read)
        object = trigger.object or definition.object
        span = Span(
            schema=await load_schema(read, account),
            object=object,
            zone=zone_of(definition, account.timezone),
            then=sweep.swept_at,
            now=until,
        )
        sought = Sought(all_of(object, span.came_true(trigger.where)), definition.object, (trigger,))
        found = await sought.page_behind(read, sweep.place, until=until, limit=limit)
        self.page = tuple(found.candidates)
        return None if found.is_last else found.place

    async def name_one(self, read: Read, item: str) -> None:
        """Let the page be one who was found before; whether there is such a record is judged with it."""
        record_id, _, bound_id = item.partition(":")
        self.page = (Candidate(record_id, bound_id or record_id),)

    async def decide(
        self,
        tx: Tx,
        sweep: Sweep,
        *,
        until: datetime,
        now: datetime,
        part: Callable[[str], AbstractAsyncContextManager[None]],
    ) -> None:
        """Let in whom of the page the trigger fires for, everybody locked at once, ascending."""
        locked = await lock_records(tx, {id for c in self.page for id in (c.record_id, c.subject_id)}, write=True)
        fired: dict[str, tuple[Seen, ...] | None] = {}
        # Whom the trigger let in a moment ago, by a change or when it was published, it does not let in by time too.
        ids = {c.record_id for c in self.page}
        ref, since = self.ref, sweep.swept_at
        taken_up = await taken_up_since(tx, ref.workflow_id, ref.trigger, ids, since=since)
        for item, each in zip(self.items, self.page, strict=True):
            async with part(item):
                if each.subject_id not in fired:
                    fired[each.subject_id] = await self._fires(tx, each.subject_id, since, until, locked)
                seen = fired[each.subject_id]
                if seen is None or (each.record_id, each.bound_id) in taken_up:
                    continue
                request = EnrollRequest(
                    workflow_id=ref.workflow_id,
                    record_id=each.record_id,
                    bound_id=each.bound_id,
                    trigger=ref.trigger,
                    cause=Cause(kind="schedule"),
                    seen=seen,
                )
                await enroll(tx, request, now=now)

    async def _fires(
        self, tx: Tx, subject_id: str, then: datetime, now: datetime, locked: Mapping[str, StoredRecord]
    ) -> tuple[Seen, ...] | None:
        """What was seen if it holds now and did not then; asked anew, as anybody may have changed until the lock."""
        definition, trigger = await self._trigger(tx)
        needs = needs_of(trigger.where, trigger.object or definition.object)
        account = await load_account(tx)
        facts = await read_facts(tx, account, definition, subject_id, needs=needs, now=now, known=locked)
        if facts is None or judge(trigger.where, facts.model_copy(update={"now": then})).holds:
            return None
        verdict = judge(trigger.where, facts)
        return verdict.seen if verdict.holds else None

    async def _trigger(self, read: Read) -> tuple[Definition, FilterTrigger]:
        definition = (await load_live(read, self.ref.workflow_id, self.ref.version)).definition
        trigger = next(t for t in definition.entry.triggers if t.id == self.ref.trigger)
        assert isinstance(trigger, FilterTrigger), "only filters are indexed as reading time"
        return definition, trigger
