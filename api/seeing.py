"""What a caller may see where an answer gathers what other routes ask other scopes for."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping

from api.deps import Caller
from api.schemas.audit import AuditView
from api.schemas.enrollments import EnrollmentView, EntryDecisionView, decision_view
from domain.access import Scope
from services.telling.explanations import Case, Outlook, Pointer
from services.telling.seen_words import decisions_shown
from services.telling.timeline import EnrollmentTimeline, Visit
from store.database import Read

KIND_SCOPES: dict[str, Scope] = {
    "change": "records:read",
    "decision": "enrollments:read",
    "visit": "enrollments:read",
    "message": "messages:read",
    "mail": "messages:read",
    "task": "messages:read",
    "notification": "messages:read",
}
"""The scope that shows each kind of a record's timeline."""


def kinds_seen(caller: Caller) -> frozenset[str]:
    """The kinds of items this caller's key opens."""
    return frozenset(kind for kind, scope in KIND_SCOPES.items() if scope in caller.scopes)


def as_seen(caller: Caller, timeline: EnrollmentTimeline) -> EnrollmentTimeline:
    """The timeline without what the key does not open.

    Values of records and what an action made of them need ``records:read``, messages and tasks ``messages:read``.
    """
    if "records:read" not in caller.scopes:
        entry = timeline.entry and timeline.entry.model_copy(update={"seen": []})
        blind = [visit.model_copy(update={"seen": [], "result": None}) for visit in timeline.visits]
        timeline = timeline.model_copy(update={"entry": entry, "visits": blind, "end_seen": []})
    if "messages:read" not in caller.scopes:
        timeline = timeline.model_copy(update={"visits": [_without_outputs(visit) for visit in timeline.visits]})
    return timeline


def enrollment_as_seen(caller: Caller, view: EnrollmentView) -> EnrollmentView:
    """The enrollment without values of records for a key that does not open them."""
    return view if "records:read" in caller.scopes else view.model_copy(update={"end_seen": []})


async def decisions_as_seen(read: Read, caller: Caller, rows: Sequence[RowMapping]) -> list[EntryDecisionView]:
    """Entry decisions, without values of records for a key that does not open them."""
    if "records:read" not in caller.scopes:
        return [decision_view(row, []) for row in rows]
    return [decision_view(row, seen) for row, seen in zip(rows, await decisions_shown(read, rows), strict=True)]


def pointer_as_seen(caller: Caller, pointer: Pointer) -> Pointer:
    """The record without its name for a key that does not open it."""
    return pointer if "records:read" in caller.scopes else pointer.model_copy(update={"name": None})


def case_as_seen(caller: Caller, case: Case) -> Case:
    """The explanation without values of records for a key that does not open them."""
    if "records:read" in caller.scopes:
        return case
    triggers = [one.model_copy(update={"seen": [], "if_fired": _without_values(one.if_fired)}) for one in case.triggers]
    blind = {
        "bound": case.bound and pointer_as_seen(caller, case.bound),
        "by_hand": _without_values(case.by_hand),
        "triggers": triggers,
        "checks": [one.model_copy(update={"seen": []}) for one in case.checks],
    }
    return case.model_copy(update=blind)


def entry_as_seen(caller: Caller, entry: AuditView) -> AuditView:
    """A row of the audit log, without addresses and what colleagues are called for a key that does not open them."""
    if "records:read" in caller.scopes or entry.kind not in ("suppression", "user"):
        return entry
    hidden = {"subject": None} if entry.kind == "suppression" else {"before": None, "after": None}
    return entry.model_copy(update=hidden)


def _without_values(outlook: Outlook) -> Outlook:
    return outlook.model_copy(update={"seen": []})


def _without_outputs(visit: Visit) -> Visit:
    return visit.model_copy(update={"messages": [], "tasks": []})
