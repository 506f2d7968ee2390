"""The answer to why a record would or would not enter."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.paging import Page
from api.schemas.enrollments import EntryDecisionView
from domain.base import Instant
from services.telling.explanations import Case, Pointer


class ExplanationView(Case):
    """A record and a workflow, now: what an entry by hand would come to, and each trigger if it fired.

    ``about``: the same for each associated record that may be bound. ``decisions``: the last real ones about the
    record, newest first; ``decisions_link`` leads to all of them. ``zone`` is that of every clock time in words.
    ``unknown``: what nobody can know before somebody enters, such as parameters that are yet to be given.
    """

    workflow: str
    version: int | None
    state: Annotated[str, Field(examples=["on until 2026-12-01 10:00 (Europe/Oslo)"])]
    zone: str
    at: Instant
    record: Pointer
    unknown: Annotated[
        list[str], Field(examples=[["an event that let the record in before lets it in no second time"]])
    ]
    about: Page[Case]
    decisions: list[EntryDecisionView]
    decisions_link: str
