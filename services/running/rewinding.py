"""Facts as they were at an instant that has passed: what was committed since is undone, newest first.

Undone are properties, creations and deletions, associations and their labels, lists, subscriptions, passages and events
of the records the facts hold. Of a merge its properties and associations are; events it brought count since they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.base import Json, Properties
from domain.facts import (
    Associated,
    Facts,
    RecordFacts,
    with_association,
    with_label,
    with_properties,
    without_association,
    without_events,
)
from domain.records import Change
from domain.standing import without_standing
from store.associations import find_association
from store.changes import changes_since
from store.database import Read
from store.happenings import events_since
from store.records import get_record_ever


async def facts_at(read: Read, facts: Facts, at: datetime) -> Facts:
    """The facts as of ``at``, with what was committed at that very instant.

    Records keep their ``updated_at``; an association that was dropped since reads as the youngest.
    """
    around = [one.record for group in facts.associated.values() for one in group]
    around += [facts.bound] if facts.bound is not None else []
    who, whose = facts.record.id, {facts.record.id, *(other.id for other in around)}
    later = await changes_since(read, whose, near=who if facts.associated else None, since=at)
    if left := {str((each.detail or {})["other_id"]) for each in later if _unlinks(each, who)} - whose:
        both = {each.seq: each for each in [*later, *await changes_since(read, left, since=at)]}
        later = [both[seq] for seq in sorted(both, reverse=True)]
    for change in later:
        facts = await _without(read, facts, change)
    for record_id, before in _documents(later).items():
        facts = with_properties(facts, record_id, before)
    events = await events_since(read, whose | left, facts.events, since=at)
    return without_events(facts, events).model_copy(update={"now": at})


def _unlinks(change: Change, who: str) -> bool:
    return change.kind == "dissociated" and change.record_id == who


def _documents(later: Sequence[Change]) -> dict[str, Properties | None]:
    """What each record was before the first change of its properties; None: it was not there."""
    return {each.record_id: each.before for each in later if each.kind in ("created", "updated")}


async def _without(read: Read, facts: Facts, change: Change) -> Facts:
    """The facts without what one change did, apart from properties."""
    detail, is_own = change.detail or {}, change.record_id == facts.record.id
    if is_own and change.kind == "associated":
        other_id = str(detail["other_id"])
        if detail.get("relabelled"):
            return with_label(facts, other_id, _label(detail.get("previous_label")))
        return without_association(facts, other_id)
    if is_own and change.kind == "dissociated":
        other = await get_record_ever(read, str(detail["other_id"]))
        if other is None or other.object not in facts.associated:
            return facts
        link = Associated(record=other.facts(), label=_label(detail.get("label")), since=change.occurred_at)
        return with_association(facts, link)
    if change.kind == "deleted" and change.object in facts.associated:
        known = await find_association(read, facts.record.id, change.record_id)
        if known is None:
            return facts
        record = RecordFacts(id=change.record_id, object=change.object, properties=change.before or {})
        return with_association(facts, Associated(record=record, label=known.label, since=known.created_at))
    return without_standing(facts, change)


def _label(said: Json) -> str | None:
    return str(said) if said else None
