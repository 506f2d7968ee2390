"""Whether a trigger of a workflow holds for a record now, and the values seen; for whoever asks why nobody entered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from domain.conditions import Condition
from domain.definition import ChangedTrigger, CreatedTrigger, Definition, EventTrigger, FilterTrigger, Trigger
from domain.facts import EventFacts, Seen, Verdict
from domain.judging import judge
from domain.reading import needs_of
from domain.records import Cause, Change, StoredRecord
from domain.schema import Schema
from domain.value_words import SeenValue, instant_words, shown_as_read, value_words
from services.facts import judge_now, read_facts
from services.firing import Firing
from store.associations import associated_ids
from store.changes import change_at
from store.database import Read
from store.happenings import load_events
from store.records import get_record
from store.schema import Account

EVENTS_LOOKED_AT = 20
"""So many of the newest events are asked whether they are one that an event trigger means."""

WHOSE_LOOKED_AT = 1000
"""So many associated records are asked for the events of a trigger that names them (``of``)."""


@dataclass(frozen=True)
class Standing:
    """``holds`` None: nobody can say from the record alone. ``says``: the same, in a sentence without values."""

    holds: bool | None
    says: str
    seen: tuple[SeenValue, ...] = ()
    event: EventFacts | None = None


@dataclass(frozen=True)
class Looking:
    """One look at the triggers of a version."""

    read: Read
    definition: Definition
    account: Account
    schema: Schema
    zone: str
    now: datetime

    async def standing(self, trigger: Trigger, subject: StoredRecord) -> Standing:
        """How a trigger stands to the record it is about."""
        match trigger:
            case FilterTrigger():
                return await self._filter(trigger, subject)
            case CreatedTrigger():
                held = await self._holds(trigger.where, subject)
                says = f"it fires once, when the record is created: {instant_words(subject.created_at, self.zone)}"
                return Standing(held.holds, says, self._shown(held.seen, trigger.where, subject))
            case ChangedTrigger():
                return await self._changed(trigger, subject)
            case EventTrigger():
                return await self._event(trigger, subject)
        return Standing(None, "a signed call of its hook lets in whoever the call names")

    async def _filter(self, trigger: FilterTrigger, subject: StoredRecord) -> Standing:
        verdict = await judge_now(self.read, self.account, self.definition, subject.id, trigger, now=self.now)
        if verdict is None:
            return Standing(None, "the record is gone")
        says = "it does not hold now"
        if verdict.holds and self.definition.type == "scheduled":
            says = "it holds now; it lets in when the schedule happens next, if it holds then"
        elif verdict.holds:
            says = "it holds now; it fires when a change makes it hold, so not again before it stopped to hold"
        return Standing(verdict.holds, says, self._shown(verdict.seen, trigger.where, subject))

    async def _changed(self, trigger: ChangedTrigger, subject: StoredRecord) -> Standing:
        value = subject.facts().properties.get(trigger.property)
        definition = self.schema.property(subject.object, trigger.property)
        fits = trigger.to is None or value in trigger.to
        held = await self._holds(trigger.where, subject)
        label = definition.label if definition else trigger.property
        shown = value_words(value, definition, self.zone)
        own = SeenValue(what=f"{label} is what it changes to", value=value, holds=fits, shown=shown)
        says = "it fires when the property is changed"
        return Standing(fits and held.holds, says, (own, *self._shown(held.seen, trigger.where, subject)))

    async def _event(self, trigger: EventTrigger, subject: StoredRecord) -> Standing:
        """The newest event it means, else the newest one of its name, each as of when it happened."""
        newest: Standing | None = None
        async for event, verdict in self._happened(trigger, subject):
            at = instant_words(event.occurred_at, self.zone)
            seen = self._shown(verdict.seen, trigger.where, subject)
            if verdict.holds:
                return Standing(True, f"{event.name} happened {at}, as it asks for; it fires by the next", seen, event)
            no = f"{event.name} happened {at}, but not as it asks for"
            newest = newest or Standing(False, no, seen, event)
        return newest or Standing(False, f"{trigger.event} never happened")

    async def _happened(
        self, trigger: EventTrigger, subject: StoredRecord
    ) -> AsyncIterator[tuple[EventFacts, Verdict]]:
        whose = [subject.id]
        if trigger.of is not None:
            of = trigger.of
            whose = await associated_ids(self.read, subject.id, of.object, label=of.label, limit=WHOSE_LOOKED_AT)
        found = (await load_events(self.read, whose, [trigger.event]))[trigger.event]
        for event in found[:EVENTS_LOOKED_AT]:
            change = await self._change_of(event)
            if change is None:
                continue
            firing = Firing(
                self.read, change, self.definition, trigger, account=self.account, schema=self.schema, now=self.now
            )
            verdict = await firing.at_event(subject.id)
            if verdict is not None:
                yield event, verdict

    async def _change_of(self, event: EventFacts) -> Change | None:
        """The change an event was; one that is no longer kept as it would be of the record as it is."""
        change = await change_at(self.read, event.seq)
        record = await get_record(self.read, event.record_id) if change is None else None
        if record is None:
            return change
        return Change(
            seq=event.seq, id=event.id, object=record.object, record_id=record.id, record_version=record.version,
            kind="event", after=record.properties, event_id=event.id, cause=Cause(kind="system"),
            occurred_at=event.occurred_at,
        )  # fmt: skip

    async def _holds(self, where: Condition | None, subject: StoredRecord) -> Verdict:
        if where is None:
            return Verdict(holds=True)
        needs = needs_of(where, subject.object)
        facts = await read_facts(self.read, self.account, self.definition, subject.id, needs=needs, now=self.now)
        return judge(where, facts) if facts is not None else Verdict(holds=False)

    def _shown(self, seen: tuple[Seen, ...], where: Condition | None, subject: StoredRecord) -> tuple[SeenValue, ...]:
        about = [(where, subject.object)] if where is not None else []
        return tuple(shown_as_read(seen, about, self.schema, self.zone))
