"""Why an enrollment has to leave now, as far as its records say: one judgement for gate and relay (rules L1 to L3)."""

from __future__ import annotations

from datetime import datetime

from domain.definition import FilterTrigger
from domain.enrollments import Enrollment
from domain.facts import Facts, with_properties
from domain.leaving import Departure, departure, no_longer_matches, staying_trigger
from domain.reading import needs_of
from domain.records import Change
from domain.standing import with_standing
from services.facts import read_facts
from services.versions import Content
from store.database import Read
from store.goals import reached_goals
from store.schema import Account


async def find_reason(
    read: Read,
    account: Account,
    content: Content,
    enrollment: Enrollment,
    facts: Facts,
    *,
    change: Change | None = None,
) -> Departure | None:
    """The reason that counts, or None. ``facts`` are those of the enrolled record, as of ``change`` if there is one."""
    jumps = any(goal.go_to is not None for goal in content.definition.exit.goals)
    reached = await reached_goals(read, enrollment.id) if jumps else ()
    found = departure(content.definition, facts, reached)
    trigger = staying_trigger(content.definition, enrollment.trigger)
    if found is not None or trigger is None:
        return found
    if enrollment.bound_id is None or trigger.object in (None, enrollment.object):
        return no_longer_matches(trigger, facts)
    bound = await _bound_facts(read, account, content, enrollment.bound_id, trigger, now=facts.now)
    if bound is None:
        return None
    return no_longer_matches(trigger, as_of(bound, change))


def as_of(facts: Facts, change: Change | None) -> Facts:
    """The facts with what a change left; what it does not touch is read as it is now."""
    if change is None:
        return facts
    if change.kind not in ("created", "updated"):
        return with_standing(facts, change)
    return with_properties(facts, change.record_id, change.after or {})


async def _bound_facts(
    read: Read, account: Account, content: Content, bound_id: str, trigger: FilterTrigger, *, now: datetime
) -> Facts | None:
    """What a trigger that binds is judged on: the bound record as the subject."""
    object = trigger.object or content.definition.object
    return await read_facts(read, account, content.definition, bound_id, needs=needs_of(trigger.where, object), now=now)
