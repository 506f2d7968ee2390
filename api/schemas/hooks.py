"""Answers about hooks."""

from __future__ import annotations

from typing import Literal

from api.answers import Shown
from domain.base import Instant
from domain.entry import Decision
from domain.telling import tell_decision
from services.intake.hooks import Delivered, HookView


class HookAddress(Shown):
    """Where the hook of a trigger is called, below the address of the API."""

    trigger: str
    path: str


class HookDetail(HookAddress):
    """A hook with what its callers sign with."""

    secret: str
    created_at: Instant


class HookList(Shown):
    """The hooks of a workflow."""

    items: list[HookDetail]


class HookAnswer(Shown):
    """What came of a call. ``decision`` is null where the trigger's condition does not hold."""

    status: Literal["accepted", "duplicate"]
    event_id: str
    decision: str | None
    words: str | None
    enrollment_id: str | None


def hook_detail(hook: HookView) -> HookDetail:
    """A hook as it is answered."""
    return HookDetail(**hook.model_dump())


def hook_answer(made: Delivered) -> HookAnswer:
    """What came of a call, as it is answered."""
    decided = made.decided
    decision: Decision | None = decided.decision if decided else None
    if not made.is_new:
        decision = "duplicate_event"
    return HookAnswer(
        status="accepted" if made.is_new else "duplicate",
        event_id=made.event.id,
        decision=decision,
        words=tell_decision(decision, decided.detail if decided else None) if decision else None,
        enrollment_id=decided.enrollment_id if decided else None,
    )
