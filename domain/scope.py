"""Where one judgement of a condition stands: what it reads from there, and the list it writes down what it saw in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from domain.base import Json
from domain.conditions import CountScope, EventCondition, Of, Related
from domain.facts import EventFacts, Facts, RecordFacts, Seen
from domain.instants import Moment, shifted
from domain.schema import PropertyType, Schema


@dataclass(frozen=True, slots=True)
class Scope:
    """The record a part of a condition is about; ``event`` is the one whose ``where`` is looked at, if any.

    ``counts``: which events count where a condition does not say.
    """

    facts: Facts
    record: RecordFacts
    moment: Moment
    counts: CountScope
    event: EventFacts | None = None
    is_associated: bool = False
    seen: list[Seen] = field(default_factory=list)

    @property
    def schema(self) -> Schema:
        """The object types of the installation."""
        return self.facts.schema_

    def read(self, record: RecordFacts, name: str) -> tuple[PropertyType, Json]:
        """Type and value of a property; one the schema does not know reads as a missing text."""
        found = self.schema.property(record.object, name)
        return (found.type, record.properties.get(name)) if found else (PropertyType.STRING, None)

    def set_of(self, of: Of | Related, *, counted: bool = False) -> tuple[RecordFacts, ...]:
        """The associated records meant; the bound record stands in when neither match, label nor count says which."""
        if self.is_associated:
            return ()
        bound = self.facts.bound
        if of.match is None and of.label is None and not counted and bound is not None and bound.object == of.object:
            return (bound,)
        found = self.facts.associated.get(of.object, ())
        records = tuple(one.record for one in found if of.label is None or one.label == of.label)
        return records[:1] if of.match == "latest" and not counted else records

    def events_of(self, record: RecordFacts, wanted: EventCondition) -> Iterator[EventFacts]:
        """The events of a record that a condition means, newest first, before its ``where`` is looked at."""
        counts = wanted.scope or self.counts
        since = shifted(self.moment.now, wanted.within, self.moment.zone, back=True) if wanted.within else None
        entered = self.facts.entered_seq
        for event in self.facts.events.get(wanted.event, ()):
            if event.record_id != record.id or (since is not None and event.occurred_at < since):
                continue
            if counts == "enrollment" and (entered is None or event.seq <= entered):
                continue
            if wanted.step is None or self._answers(event, wanted.step):
                yield event

    def within(self, record: RecordFacts) -> Scope:
        """The scope of an associated record: its own associated records are out of reach."""
        return replace(self, record=record, is_associated=True, event=None, seen=[])

    @classmethod
    def of(cls, facts: Facts, counts: CountScope | None) -> Scope:
        """The scope a judgement begins in; ``counts`` None: since the entry of whoever is inside, else all events."""
        default: CountScope = "enrollment" if facts.enrollment_id is not None else "ever"
        moment = Moment(now=facts.now, zone=facts.zone)
        return cls(facts=facts, record=facts.record, moment=moment, counts=counts or default)

    def at_event(self, event: EventFacts) -> Scope:
        """The scope of an event's ``where``: about the same record, and the event."""
        return replace(self, event=event, seen=[])

    def _answers(self, event: EventFacts, step: str) -> bool:
        """Whether an event answers what a step of this very enrollment did."""
        mine = (self.facts.enrollment_id, *self.facts.earlier)
        return event.enrollment_id is not None and event.step == step and event.enrollment_id in mine
