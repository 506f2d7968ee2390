"""The times a scheduled workflow happened or did not, and what travels between its run and the activities."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, TypeAlias

from domain.base import Instant, Wire

LATE = timedelta(hours=1)
"""An occurrence that could not be opened for longer is missed: who is reminded of something is so in time, or asked."""

OccurrenceState: TypeAlias = Literal["opened", "missed"]
MissReason: TypeAlias = Literal["late", "paused", "turned_off", "not_possible"]

MISSED: Mapping[MissReason, str] = {
    "late": "it could not be opened for more than an hour",
    "paused": "the workflow was paused",
    "turned_off": "the workflow was turned off before it was opened",
    "not_possible": "nobody can say who matches",
}


class OccurrenceAhead(Wire):
    """What a recurrence run sleeps towards; ``at`` None: nothing, as the workflow is off.

    ``local`` is what the clock of the schedule shows then, ``schedule`` is in words with its zone.
    """

    at: Instant | None = None
    local: str = ""
    schedule: str = ""
    workflow: str = ""
    is_paused: bool = False


class OccurrenceCall(Wire):
    """Asks that an occurrence, which has come, is opened; who asks for one that is none any more opens nothing."""

    workflow_id: str
    local: str
    at: Instant


class OccurrenceAnswer(Wire):
    """What became of it; ``state`` None: nothing, it was dealt with before or belongs to an older schedule."""

    state: OccurrenceState | None = None
    reason: MissReason | None = None
    job_id: str | None = None


NOT_ALL = {
    "failed": "but its job failed, so that not everybody entered; it may be run again",
    "cancelled": "but its job was cancelled, so that not everybody entered; it may be run again",
}


def tell_occurrence(state: str, reason: str | None, detail: str | None = None, *, job: str | None = None) -> str:
    """What became of an occurrence: ``missed: the workflow was paused``. ``job``: the status of its job."""
    if state == "opened" and job in NOT_ALL:
        return f"opened, {NOT_ALL[job]}"
    why = next((words for known, words in MISSED.items() if known == reason), reason)
    said = state if why is None else f"{state}: {why}"
    return f"{said} ({detail})" if detail else said
