"""Facts with and without a change of where a record stands: in lists, in workflows, in what it agreed to."""

from __future__ import annotations

from collections.abc import Iterator

from domain.facts import (
    Facts,
    SubscriptionState,
    WorkflowStatus,
    with_membership,
    with_statuses,
    with_subscriptions,
    without_events,
)
from domain.records import Change

STATUSES: tuple[WorkflowStatus, ...] = ("active", "enrolled", "completed", "met_goal")

STATES: tuple[SubscriptionState, ...] = ("subscribed", "unsubscribed", "not_specified")


def with_standing(facts: Facts, change: Change) -> Facts:
    """The facts as the change left them; another kind of change leaves them as they are."""
    return _standing(facts, change, "after")


def without_standing(facts: Facts, change: Change) -> Facts:
    """The facts as they would be without the change."""
    return _standing(facts, change, "before")


def without_merge(facts: Facts, change: Change) -> Facts:
    """The facts of the record that stays as they would be without the merge: what has no change of its own.

    ``detail`` tells which events were the other record's, ``event_ids``, and in ``statuses`` what the one that stays
    did in workflows until then.
    """
    detail = change.detail or {}
    moved, statuses = detail.get("event_ids"), detail.get("statuses")
    if facts.record.id != change.record_id:
        return facts
    facts = without_events(facts, {str(id) for id in moved} if isinstance(moved, list) else frozenset())
    for slug, before in statuses.items() if isinstance(statuses, dict) else ():
        facts = with_statuses(facts, slug, _statuses(before))
    return facts


def _standing(facts: Facts, change: Change, side: str) -> Facts:
    detail = change.detail or {}
    match change.kind:
        case "list_joined" | "list_left":
            member = (change.kind == "list_joined") == (side == "after")
            return with_membership(facts, change.record_id, str(detail.get("list")), member=member)
        case "subscription":
            return with_subscriptions(facts, change.record_id, _states(detail.get(side)))
        case "enrollment" if "workflow" in detail and facts.record.id == change.record_id:
            return with_statuses(facts, str(detail["workflow"]), _statuses(detail.get(side)))
        case _:
            return facts


def _states(said: object) -> dict[str, SubscriptionState]:
    found = said if isinstance(said, dict) else {}
    return {slug: state for slug in found for state in STATES if state == found[slug]}


def _statuses(said: object) -> Iterator[WorkflowStatus]:
    return (status for status in STATUSES if isinstance(said, list) and status in said)
