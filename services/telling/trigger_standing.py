"""Whether a trigger of a workflow holds for a record now, and the values seen; for whoever asks why nobody entered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.conditions import Condition
from domain.definition import ChangedTrigger, CreatedTrigger, Definition, EventTrigger, FilterTrigger, Trigger
from domain.facts import EventFacts, Facts, Seen, Verdict
from domain.judging import judge
from domain.reading import Needs, needs_of
from domain.records import Cause, Change, StoredRecord
from domain.schema import Schema
from domain.value_words import SeenValue, instant_words, is_of_user, value_words, with_people
from services.entering.firing import judge_at, whose_standing, without_later
from services.facts import read_facts
from services.telling.seen_words import SeenWords
from store.associations import associated_ids
from store.changes import changes_at, standing_since
from store.database import Read
from store.happenings import newest_events
from store.records import get_records
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
    """One look at the triggers of a version; ``known`` is what it read already, about whom and for what."""

    read: Read
    definition: Definition
    account: Account
    words: SeenWords
    now: datetime
    known: dict[tuple[str, Needs], Facts | None] = field(default_factory=dict)

    @property
    def schema(self) -> Schema:
        """The object types of the installation."""
        return self.words.schema

    @property
    def zone(self) -> str:
        """The zone of clock times in words."""
        return self.words.zone

    async def standing(self, trigger: Trigger, subject: StoredRecord) -> Standing:
        """How a trigger stands to the record it is about."""
        match trigger:
            case FilterTrigger():
                return await self._filter(trigger, subject)
            case CreatedTrigger():
                held = await self._holds(trigger.where, subject)
                says = f"it fires once, when the record is created: {instant_words(subject.created_at, self.zone)}"
                return Standing(held.holds, says, await self._shown(held.seen, trigger.where, subject))
            case ChangedTrigger():
                return await self._changed(trigger, subject)
            case EventTrigger():
                return await self._event(trigger, subject)
        return Standing(None, "a signed call of its hook lets in whoever the call names")

    async def _filter(self, trigger: FilterTrigger, subject: StoredRecord) -> Standing:
        facts = await self._facts(trigger.where, subject)
        if facts is None:
            return Standing(None, "the record is gone")
        verdict = judge(trigger.where, facts)
        says = "it does not hold now"
        if verdict.holds and self.definition.type == "scheduled":
            says = "it holds now; it lets in when the schedule happens next, if it holds then"
        elif verdict.holds:
            says = "it holds now; it fires when a change makes it hold, so not again before it stopped to hold"
        return Standing(verdict.holds, says, await self._shown(verdict.seen, trigger.where, subject))

    async def _changed(self, trigger: ChangedTrigger, subject: StoredRecord) -> Standing:
        value = subject.facts().properties.get(trigger.property)
        definition = self.schema.property(subject.object, trigger.property)
        fits = trigger.to is None or value in trigger.to
        held = await self._holds(trigger.where, subject)
        label = definition.label if definition else trigger.property
        if is_of_user(definition) and isinstance(value, str):
            await self.words.meet([value])
            definition = with_people(self.schema, self.words.people).property(subject.object, trigger.property)
        shown = value_words(value, definition, self.zone)
        own = SeenValue(what=f"{label} is what it changes to", value=value, holds=fits, shown=shown)
        says = "it fires when the property is changed"
        return Standing(fits and held.holds, says, (own, *await self._shown(held.seen, trigger.where, subject)))

    async def _event(self, trigger: EventTrigger, subject: StoredRecord) -> Standing:
        """The newest event it means, else the newest one of its name, each as of when it happened."""
        whose, left_out = await self._whose(trigger, subject)
        found = await newest_events(self.read, whose, trigger.event, limit=EVENTS_LOOKED_AT + 1)
        if len(found) > EVENTS_LOOKED_AT:
            left_out = [*left_out, f"only the newest {EVENTS_LOOKED_AT} were looked at"]
        newest: Standing | None = None
        for event, verdict in await self._judged(trigger, subject, found[:EVENTS_LOOKED_AT]):
            at = instant_words(event.occurred_at, self.zone)
            seen = await self._shown(verdict.seen, trigger.where, subject)
            if verdict.holds:
                return Standing(True, f"{event.name} happened {at}, as it asks for; it fires by the next", seen, event)
            no = "; ".join([f"{event.name} happened {at}, but not as it asks for", *left_out])
            newest = newest or Standing(False, no, seen, event)
        return newest or Standing(False, "; ".join([f"{trigger.event} never happened", *left_out]))

    async def _whose(self, trigger: EventTrigger, subject: StoredRecord) -> tuple[list[str], list[str]]:
        """The records whose events it means, and what is left out of them in words."""
        of = trigger.of
        if of is None:
            return [subject.id], []
        most = WHOSE_LOOKED_AT + 1
        whose = await associated_ids(self.read, subject.id, of.object, label=of.label, limit=most)
        if len(whose) < most:
            return whose, []
        return whose[:WHOSE_LOOKED_AT], [f"only {WHOSE_LOOKED_AT:,} of the associated {of.object} records were asked"]

    async def _judged(
        self, trigger: EventTrigger, subject: StoredRecord, found: Sequence[EventFacts]
    ) -> list[tuple[EventFacts, Verdict]]:
        """Each event with whether it is one that the trigger asks for."""
        where = trigger.where
        if where is None:
            return [(event, Verdict(holds=True)) for event in found[:1]]
        facts = await self._facts(where, subject)
        if facts is None or not found:
            return []
        changed = await self._changes_of(found)
        since = min(event.seq for event in found)
        later = await standing_since(self.read, whose, since) if (whose := whose_standing(facts)) else []
        return [
            (event, judge_at(where, event, without_later(facts, later, event.seq), changed[event.id]))
            for event in found
            if event.id in changed
        ]

    async def _changes_of(self, found: Sequence[EventFacts]) -> dict[str, Change]:
        """The change each event was; one that is no longer kept as it would be of the record as it is."""
        kept = await changes_at(self.read, [event.seq for event in found])
        changed = {event.id: kept[event.seq] for event in found if event.seq in kept}
        lost = [event for event in found if event.seq not in kept]
        records = {each.id: each for each in await get_records(self.read, {event.record_id for event in lost})}
        for event in lost:
            if (record := records.get(event.record_id)) is not None:
                changed[event.id] = _change(event, record)
        return changed

    async def _holds(self, where: Condition | None, subject: StoredRecord) -> Verdict:
        if where is None:
            return Verdict(holds=True)
        facts = await self._facts(where, subject)
        return judge(where, facts) if facts is not None else Verdict(holds=False)

    async def _facts(self, where: Condition, subject: StoredRecord) -> Facts | None:
        """What a condition reads around a record, read once."""
        key = (subject.id, needs_of(where, subject.object))
        if key not in self.known:
            self.known[key] = await read_facts(
                self.read, self.account, self.definition, subject.id, needs=key[1], now=self.now,
                known={subject.id: subject},
            )  # fmt: skip
        return self.known[key]

    async def _shown(
        self, seen: tuple[Seen, ...], where: Condition | None, subject: StoredRecord
    ) -> tuple[SeenValue, ...]:
        return tuple(await self.words.shown(seen, [(where, subject.object)] if where is not None else []))


def _change(event: EventFacts, record: StoredRecord) -> Change:
    return Change(
        seq=event.seq, id=event.id, object=record.object, record_id=record.id, record_version=record.version,
        kind="event", after=record.properties, event_id=event.id, cause=Cause(kind="system"),
        occurred_at=event.occurred_at,
    )  # fmt: skip
