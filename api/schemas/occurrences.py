"""Answers about the times scheduled workflows happen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.answers import Shown
from api.schemas.outputs import JobView
from domain.base import Instant
from domain.occurrences import tell_occurrence
from store.occurrences import KnownOccurrence


class NextOccurrence(Shown):
    """When a scheduled workflow happens next; ``local`` is what the clock of its schedule shows then."""

    local: Annotated[str, Field(examples=["2027-03-04T09:00"])]
    at: Instant
    schedule: Annotated[str, Field(examples=["Every Thursday 09:00 · Europe/Oslo"])]


class OccurrenceView(Shown):
    """A time a scheduled workflow happened (`opened`) or did not (`missed`), and the job that let in who matched.

    `reason` and `detail` say why it was missed; they stay when it is run by hand.
    """

    local: Annotated[str, Field(examples=["2027-03-04T09:00"])]
    at: Instant
    state: Literal["opened", "missed"]
    reason: Literal["late", "paused", "turned_off", "not_possible"] | None
    detail: str | None
    words: str
    opened_at: Instant | None
    job: JobView | None


def occurrence_view(known: KnownOccurrence, job: JobView | None) -> OccurrenceView:
    """An occurrence as answered."""
    same = {name: getattr(known, name) for name in ("local", "at", "state", "reason", "detail", "opened_at")}
    words = tell_occurrence(known.state, known.reason, known.detail, job=job.status if job is not None else None)
    return OccurrenceView(**same, words=words, job=job)
