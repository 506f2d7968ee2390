"""What a condition is judged on: the record and what is around it, what happened to it, the instant and the zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Literal, TypeAlias

from domain.base import Frozen, Instant, Json, Properties
from domain.schema import Schema


class RecordFacts(Frozen):
    """One record as it is, or as it was at an instant."""

    id: str
    object: str
    properties: Properties


class Associated(Frozen):
    """A record associated with the subject: its label and since when."""

    record: RecordFacts
    label: str | None
    since: Instant


EVENTS_PER_NAME = 1000
"""So many of the newest events of a name are looked at; validation refuses a count that reaches it."""


class EventFacts(Frozen):
    """One event of a record. ``seq`` is the place of its change in the order of commits.

    ``enrollment_id`` and ``step`` say which message or task of which run it answers, if any.
    """

    id: str
    name: str
    record_id: str
    properties: Properties
    occurred_at: Instant
    seq: int
    step: str | None = None
    enrollment_id: str | None = None


WorkflowStatus: TypeAlias = Literal["active", "enrolled", "completed", "met_goal"]
"""What a record did in a workflow: is in it now, ever entered, went through to an end, reached a goal."""


SubscriptionState: TypeAlias = Literal["subscribed", "unsubscribed", "not_specified"]
"""Whether a contact takes messages of a subscription type; not specified: nobody ever asked."""

NOT_SPECIFIED: SubscriptionState = "not_specified"


class Facts(Frozen):
    """Everything a condition may read; what was not asked for (``domain.reading.Needs``) is missing.

    ``associated`` maps object type -> associated records (youngest association first, then highest id); an object
    that was not asked for is missing and reads as empty. ``bound`` stands in for the set of its object when a
    condition names neither ``match`` nor ``label``. ``events`` maps event name -> events, newest first, of the record
    and of others where a condition looks at theirs. ``lists`` maps record id -> slugs of the lists it is a member of.
    ``subscriptions`` maps record id -> slug of a subscription type -> state; what is missing is not specified.
    ``outputs`` maps step id -> what its last visit gave, of whoever is inside.
    ``workflows`` maps slug -> what the record did there. ``enrollment_id`` and ``entered_seq`` are set once somebody
    entered: scope ``enrollment`` counts events of a higher sequence. ``entry_event`` caused the entry. ``zone`` is the
    IANA name of the workflow's zone.
    """

    schema_: Schema
    record: RecordFacts
    associated: dict[str, tuple[Associated, ...]] = {}
    bound: RecordFacts | None = None
    parameters: dict[str, Json] = {}
    outputs: dict[str, dict[str, Json]] = {}
    events: dict[str, tuple[EventFacts, ...]] = {}
    lists: dict[str, frozenset[str]] = {}
    subscriptions: dict[str, dict[str, SubscriptionState]] = {}
    workflows: dict[str, frozenset[WorkflowStatus]] = {}
    entry_event: EventFacts | None = None
    enrollment_id: str | None = None
    earlier: tuple[str, ...] = ()
    entered_seq: int | None = None
    now: Instant
    zone: str


class Seen(Frozen):
    """One comparison that was made: in words, the value found, and whether it held."""

    what: str
    value: Json
    holds: bool


class Verdict(Frozen):
    """The answer of a condition and the values it saw, for the timeline and the entry decision."""

    holds: bool
    seen: tuple[Seen, ...] = ()


def with_properties(facts: Facts, record_id: str, properties: Properties | None) -> Facts:
    """The facts as they would be if a record had ``properties``; None: if it did not exist.

    Only meaningful for an associated or bound record when None: without it, it is not associated.
    """

    def changed(record: RecordFacts) -> RecordFacts:
        if record.id != record_id or properties is None:
            return record
        instants = {name: record.properties[name] for name in ("created_at", "updated_at") if name in record.properties}
        return record.model_copy(update={"properties": {**properties, **instants}})

    associated = {
        name: tuple(
            a.model_copy(update={"record": changed(a.record)})
            for a in group
            if properties is not None or a.record.id != record_id
        )
        for name, group in facts.associated.items()
    }
    bound = facts.bound
    if bound is not None:
        bound = None if bound.id == record_id and properties is None else changed(bound)
    return facts.model_copy(update={"record": changed(facts.record), "associated": associated, "bound": bound})


def with_association(facts: Facts, other: Associated) -> Facts:
    """The facts as they would be if ``other`` were associated too."""
    group = facts.associated.get(other.record.object, ())
    return facts.model_copy(update={"associated": {**facts.associated, other.record.object: (other, *group)}})


def without_association(facts: Facts, other_id: str) -> Facts:
    """The facts as they would be if another record were not associated; what is bound stays."""
    kept = {name: tuple(a for a in group if a.record.id != other_id) for name, group in facts.associated.items()}
    return facts.model_copy(update={"associated": kept})


def with_label(facts: Facts, other_id: str, label: str | None) -> Facts:
    """The facts as they would be if another record were associated under this label."""

    def labelled(other: Associated) -> Associated:
        return other.model_copy(update={"label": label}) if other.record.id == other_id else other

    groups = {name: tuple(map(labelled, group)) for name, group in facts.associated.items()}
    return facts.model_copy(update={"associated": groups})


def with_event(facts: Facts, event: EventFacts) -> Facts:
    """The facts with an event among those of its name, in its place."""
    kept = [one for one in facts.events.get(event.name, ()) if one.id != event.id]
    group = sorted([*kept, event], key=lambda one: one.seq, reverse=True)
    return facts.model_copy(update={"events": {**facts.events, event.name: tuple(group)}})


def without_event(facts: Facts, event_id: str) -> Facts:
    """The facts as they would be if an event had not happened."""
    return without_events(facts, {event_id})


def without_events(facts: Facts, event_ids: Set[str]) -> Facts:
    """The facts as they would be if none of these events had happened."""
    events = {name: tuple(one for one in group if one.id not in event_ids) for name, group in facts.events.items()}
    return facts.model_copy(update={"events": events})


def with_membership(facts: Facts, record_id: str, slug: str, *, member: bool) -> Facts:
    """The facts as they would be if a record were, or were not, a member of a list."""
    now = facts.lists.get(record_id, frozenset())
    slugs = now | {slug} if member else now - {slug}
    return facts.model_copy(update={"lists": {**facts.lists, record_id: slugs}})


def with_subscriptions(facts: Facts, record_id: str, states: Mapping[str, SubscriptionState]) -> Facts:
    """The facts as they would be if these were states of a record; those of other types stay."""
    now = facts.subscriptions.get(record_id, {})
    return facts.model_copy(update={"subscriptions": {**facts.subscriptions, record_id: {**now, **states}}})


def with_statuses(facts: Facts, slug: str, statuses: Iterable[WorkflowStatus]) -> Facts:
    """The facts as they would be if this were what the record did in a workflow."""
    return facts.model_copy(update={"workflows": {**facts.workflows, slug: frozenset(statuses)}})
