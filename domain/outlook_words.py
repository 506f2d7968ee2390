"""Decides how it reads what would happen to a record that came to a workflow now, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.conditions import EntryEventValue, ParameterCondition, ParameterValue
from domain.definition import Definition, EventTrigger, WebhookTrigger
from domain.enrollments import Enrollment
from domain.entry import Decision, Verdict, obstacles
from domain.entry_words import trigger_words
from domain.reading import parts_of
from domain.schema import Schema
from domain.telling import tell_end
from domain.value_words import instant_words
from domain.words import words

_WOULD: Mapping[Decision, str] = {
    "enrolled": "would enter",
    "no_record": "would not enter: the record is deleted, or the bound record is not associated with it",
    "loop_stopped": "would not enter: workflows are triggering each other in a circle",
    "duplicate_event": "would not enter: this event was counted before",
    "workflow_off": "would not enter: the workflow is turned off",
    "workflow_paused": "would not enter: the workflow is paused",
    "already_active": "would not enter: it is in the workflow already, about something else",
    "absorbed_update": "is in the workflow already: its run would be told to look again",
    "re_entry_off": "would not enter: it has been in the workflow before",
    "suppressed": "would not enter: the suppression condition holds",
    "goal_already_met": "would not enter: a goal is reached already",
    "exit_already_met": "would not enter: the exit condition holds already",
}


def would_words(decision: Decision) -> str:
    """What would become of the record, as half a sentence about it."""
    return _WOULD[decision]


def state_words(*, version: int | None, is_on: bool, is_paused: bool, turn_off_at: datetime | None, zone: str) -> str:
    """Whether a workflow lets records in, as half a sentence about it; ``is_on`` as of now, its time included."""
    if version is None:
        return "never published, so nobody enters"
    if not is_on:
        late = f": its time came on {instant_words(turn_off_at, zone)}" if turn_off_at is not None else ""
        return f"turned off{late}, so nobody enters"
    if is_paused:
        return "paused, so nobody enters"
    until = f" until {instant_words(turn_off_at, zone)}" if turn_off_at is not None else ""
    return f"on{until}"


def obstacle_words(verdict: Verdict, definition: Definition, schema: Schema) -> str | None:
    """Which condition keeps the record out; None where none does."""
    match verdict.decision:
        case "suppressed" if definition.entry.suppress is not None:
            return words(definition.entry.suppress, schema, definition.object)
        case "exit_already_met" if definition.exit.when is not None:
            return words(definition.exit.when, schema, definition.object)
        case "goal_already_met":
            goal = next(goal for goal in definition.exit.goals if goal.id == verdict.detail)
            return f"{goal.name or goal.id}: {words(goal.where, schema, definition.object)}"
    return None


def re_entry_words(definition: Definition, schema: Schema) -> str:
    """Who may enter again."""
    rule = definition.entry.re_entry
    if not rule.allowed:
        return "nobody enters it twice"
    by = [trigger_words(t, schema, definition.object) for t in definition.entry.triggers if t.id in rule.triggers]
    return f"it is entered again only {' or '.join([*(f'when {each}' for each in by), 'by hand'])}"


def unknown_words(definition: Definition) -> list[str]:
    """What an outlook cannot know, as it is asked without a cause: parameters, and the event that lets in."""
    triggers = definition.entry.triggers
    needed = [p for p in definition.parameters if p.required and p.default is None]
    found = [f"an entry by hand is refused unless it gives the parameter {p.name} (a {p.type})" for p in needed]
    parts = [part for each in obstacles(definition) for part, _ in parts_of(each.where, definition.object)]
    values = [getattr(part, "value", None) for part in parts]
    if any(isinstance(each, ParameterCondition | ParameterValue) for each in (*parts, *values)):
        found.append("conditions on parameters saw their defaults: what is given at entry may change the answer")
    if any(isinstance(value, EntryEventValue) for value in values):
        found.append("conditions on the event of entry saw none: the event may change the answer")
    if any(isinstance(trigger, EventTrigger | WebhookTrigger) for trigger in triggers):
        found.append("an event that let the record in before lets it in no second time")
    return found


def passage_words(passage: Enrollment, step: str | None, zone: str) -> str:
    """One passage through the workflow: since when, where it stands and until when, or how it ended."""
    entered = f"entered {instant_words(passage.started_at, zone)}"
    about = f" about {passage.bound_object} {passage.bound_id}" if passage.bound_id is not None else ""
    if passage.ended_at is not None:
        ended = tell_end(passage.end_reason, passage.end_detail)
        return f"{entered}{about}; {ended} {instant_words(passage.ended_at, zone)}"
    at = f", stands at {step}" if step is not None else ""
    until = f" until {instant_words(passage.wakes_at, zone)}" if passage.wakes_at is not None else ""
    return f"{entered}{about}{at}{until}"
