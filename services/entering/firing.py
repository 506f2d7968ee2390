"""Whether one trigger fires on one change, and for whom (rule E3).

A filter trigger fires when it holds on the facts with the change and did not hold without it; what the change does not
touch is read as it is now. A creation is judged together with the associations that came with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.conditions import Condition
from domain.definition import ChangedTrigger, CreatedTrigger, Definition, EventTrigger, FilterTrigger, Trigger
from domain.facts import (
    Associated,
    EventFacts,
    Facts,
    RecordFacts,
    Seen,
    Verdict,
    with_association,
    with_event,
    with_properties,
    without_event,
)
from domain.judging import judge, judge_event
from domain.reading import needs_of
from domain.records import Change
from domain.schema import Schema
from domain.standing import with_standing, without_merge, without_standing
from domain.timing import reads_time
from domain.zones import zone_of
from store.associations import associated_ids, find_association
from store.changes import standing_since
from store.database import Read
from store.facts import load_facts
from store.happenings import load_event
from store.records import get_record, get_record_ever
from store.schema import Account

FELT_AROUND = ("created", "updated", "deleted", "event", "list_joined", "list_left", "subscription")
"""Kinds of change that a filter on a record looks at in those associated with it."""


@dataclass(frozen=True)
class Subject:
    """Who enters by one subject of a trigger, a page of them: ``record_ids``, each with ``bound_id`` bound if set.

    ``by_time``: the trigger lets in as time passes too, and may have done so already, seeing this change.
    ``by_edge``: it fired because a condition came true, which another change may have seen as well.
    """

    subject_id: str
    record_ids: tuple[str, ...]
    bound_id: str | None
    seen: tuple[Seen, ...]
    by_time: bool = False
    by_edge: bool = False


@dataclass(frozen=True)
class Firing:
    """One trigger and one change."""

    read: Read
    change: Change
    definition: Definition
    trigger: Trigger
    account: Account
    schema: Schema
    now: datetime

    @property
    def object(self) -> str:
        """The object ``where`` is about."""
        named: str | None = getattr(self.trigger, "object", None)
        return named or self.definition.object

    @property
    def binds(self) -> bool:
        """Whether what ``where`` is about is bound to whoever enters."""
        return self.object != self.definition.object

    @property
    def links(self) -> bool:
        """Whether the change is the association that brings a subject and whoever enters together."""
        other = (self.change.detail or {}).get("other_object")
        return self.binds and self.change.kind == "associated" and other == self.definition.object

    async def candidates(self, *, after: str, limit: int) -> list[str]:
        """Ids of records the trigger must be judged for, ascending, up to ``limit``."""
        change = self.change
        if isinstance(self.trigger, EventTrigger):
            return await self._of_event(self.trigger, after=after, limit=limit)
        if self._came_with_creation() or (self.links and self._is_relabelled()):
            return []
        if change.object == self.object:
            return [change.record_id] if change.record_id > after and change.kind != "deleted" else []
        if isinstance(self.trigger, FilterTrigger) and change.kind in FELT_AROUND:
            return await associated_ids(self.read, change.record_id, self.object, after=after, limit=limit)
        return []

    async def judge(self, subject_id: str, *, after: str, limit: int) -> Subject | None:
        """Who enters because of this subject, or None when the trigger does not fire for it.

        Where it binds, that is up to ``limit`` records after the id ``after``.
        """
        match self.trigger:
            case FilterTrigger():
                seen = await self._edge(subject_id, self.trigger.where)
            case CreatedTrigger():
                seen = await self._as_of_change(self.trigger.where) if self.change.kind == "created" else None
            case ChangedTrigger():
                wanted = changed_as_wanted(self.trigger, self.change)
                seen = await self._as_of_change(self.trigger.where) if wanted else None
            case EventTrigger():
                found = await self.at_event(subject_id)
                seen = found.seen if found is not None and found.holds else None
            case _:
                raise NotImplementedError(f"trigger {self.trigger.id} is not available and cannot be published")
        if seen is None:
            return None
        by_edge = isinstance(self.trigger, FilterTrigger)
        by_time = isinstance(self.trigger, FilterTrigger) and reads_time(self.trigger.where)
        if not self.binds:
            return Subject(subject_id, (subject_id,), None, seen, by_time, by_edge)
        return Subject(
            subject_id,
            tuple(await self._entering(subject_id, after=after, limit=limit)),
            subject_id,
            seen,
            by_time,
            by_edge,
        )

    def _came_with_creation(self) -> bool:
        """Whether the judgement of a creation has covered this association already: one fact fires once."""
        created_id = (self.change.detail or {}).get("created_id")
        if created_id is None:
            return False
        return not self.links or created_id == self.change.record_id

    async def _entering(self, subject_id: str, *, after: str, limit: int) -> list[str]:
        """Records that enter with this one bound: the associated ones in order, or the one just linked."""
        if self.links:
            linked = str((self.change.detail or {})["other_id"])
            return [linked] if linked > after else []
        return await associated_ids(self.read, subject_id, self.definition.object, after=after, limit=limit)

    async def _of_event(self, trigger: EventTrigger, *, after: str, limit: int) -> list[str]:
        """Whoever an event may let in: its own record, or those associated with it."""
        change, of = self.change, trigger.of
        if change.kind != "event" or change.object != (of.object if of else self.object):
            return []
        if of is None:
            return [change.record_id] if change.record_id > after else []
        return await associated_ids(self.read, change.record_id, self.object, label=of.label, after=after, limit=limit)

    async def at_event(self, subject_id: str) -> Verdict | None:
        """Whether the event is one an event trigger asks for, of a record as it was when it happened; None: gone."""
        where = self.trigger.where if isinstance(self.trigger, EventTrigger) else None
        if where is None:
            return Verdict(holds=True)
        facts, event = await self._facts(subject_id, where), await self._event()
        if facts is None or event is None:
            return None
        return judge_at(where, event, facts, self.change)

    async def _event(self) -> EventFacts | None:
        """The event the change is about."""
        return await load_event(self.read, self.change.event_id) if self.change.event_id is not None else None

    async def _as_of_change(self, where: Condition | None) -> tuple[Seen, ...] | None:
        if where is None:
            return ()
        facts = await self._facts(self.change.record_id, where)
        if facts is None:
            return None
        verdict = judge(where, with_properties(facts, self.change.record_id, self.change.after or {}))
        return verdict.seen if verdict.holds else None

    async def _edge(self, subject_id: str, where: Condition) -> tuple[Seen, ...] | None:
        """What was seen when ``where`` holds with the change and did not without it."""
        facts = await self._facts(subject_id, where)
        if facts is None:
            return None
        with_, without = await self._both(facts)
        verdict = judge(where, with_)
        if not verdict.holds or (without is not None and judge(where, without).holds):
            return None
        return verdict.seen

    async def _both(self, facts: Facts) -> tuple[Facts, Facts | None]:
        """The facts with the change and without it; None: without it there was nothing to judge."""
        change = self.change
        match change.kind:
            case "created" | "updated":
                with_ = with_properties(facts, change.record_id, change.after or {})
                if change.kind == "created" and facts.record.id == change.record_id:
                    return with_, None
                return with_, with_properties(facts, change.record_id, change.before)
            case "associated" if not self._is_relabelled():
                without = None if self.links else with_properties(facts, self._other_id(), None)
                return facts, without
            case "associated":
                bare = with_properties(facts, self._other_id(), None)
                return facts, await self._linked(bare, self._other_id(), "previous_label")
            case "dissociated":
                return facts, await self._linked(facts, self._other_id(), "label")
            case "deleted":
                return facts, await self._undeleted(facts)
            case "event":
                event = await self._event()
                return (with_event(facts, event), without_event(facts, event.id)) if event else (facts, facts)
            case "list_joined" | "list_left" | "subscription" | "enrollment":
                return with_standing(facts, change), without_standing(facts, change)
            case "merged":
                return facts, without_merge(facts, change)
        return facts, facts

    def _is_relabelled(self) -> bool:
        return bool((self.change.detail or {}).get("relabelled"))

    def _other_id(self) -> str:
        return str((self.change.detail or {}).get("other_id"))

    async def _linked(self, facts: Facts, other_id: str, label_from: str) -> Facts:
        """The facts with an association as it was before the change."""
        detail = self.change.detail or {}
        # Of a merge it is known what the record was that is gone.
        known = get_record_ever if "merged_into" in detail else get_record
        other = await known(self.read, other_id)
        if other is None:
            return facts
        label = detail.get(label_from)
        link = Associated(record=other.facts(), label=str(label) if label else None, since=self.change.occurred_at)
        return with_association(facts, link)

    async def _undeleted(self, facts: Facts) -> Facts:
        """The facts with a record that was deleted, as it was."""
        change = self.change
        known = await find_association(self.read, facts.record.id, change.record_id)
        if known is None:
            return facts
        record = RecordFacts(id=change.record_id, object=change.object, properties=change.before or {})
        return with_association(facts, Associated(record=record, label=known.label, since=known.created_at))

    async def _facts(self, subject_id: str, where: Condition) -> Facts | None:
        facts = await load_facts(
            self.read,
            self.schema,
            subject_id,
            needs=needs_of(where, self.object),
            now=self.now,
            zone=zone_of(self.definition, self.account.timezone),
        )
        if facts is None or not (whose := whose_standing(facts)):
            return facts
        # Members as of the change: what it put on a list itself is a change of its own, which fires by itself.
        return without_later(facts, await standing_since(self.read, whose, self.change.seq), self.change.seq)


def judge_at(where: Condition, event: EventFacts, facts: Facts, change: Change) -> Verdict:
    """Whether an event is one that ``where`` asks for, of a record as its change kept it."""
    return judge_event(where, event, with_properties(facts, change.record_id, change.after or {}))


def whose_standing(facts: Facts) -> set[str]:
    """The records whose lists or subscriptions the facts hold."""
    return set(facts.lists.keys() | facts.subscriptions.keys())


def without_later(facts: Facts, changes: Iterable[Change], seq: int) -> Facts:
    """The facts with everybody standing as of the change ``seq``; ``changes`` newest first."""
    for later in changes:
        if later.seq > seq:
            facts = without_standing(facts, later)
    return facts


def changed_as_wanted(trigger: ChangedTrigger, change: Change) -> bool:
    """Whether a committed update changed the property from and to the wanted values."""
    if change.kind != "updated":
        return False
    before = (change.before or {}).get(trigger.property)
    after = (change.after or {}).get(trigger.property)
    if before == after:
        return False
    return (trigger.from_ is None or before in trigger.from_) and (trigger.to is None or after in trigger.to)
