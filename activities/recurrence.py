"""The activities of recurrence runs: what comes next, and opening what has come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio import activity

from activities.beating import beating
from activities.errors import translated
from domain import names
from domain.occurrences import OccurrenceAhead, OccurrenceAnswer, OccurrenceCall
from services.installation import Installation
from services.recurring.occurrences import look_ahead, open_occurrence


def recurrence_activities(inst: Installation) -> list[Callable[..., Awaitable[Any]]]:
    """What the bulk worker registers for them."""

    @activity.defn(name=names.NEXT_OCCURRENCE)
    async def next_occurrence(workflow_id: str) -> OccurrenceAhead:
        with translated():
            return await look_ahead(inst, workflow_id)

    @activity.defn(name=names.OPEN_OCCURRENCE)
    async def open_one(call: OccurrenceCall) -> OccurrenceAnswer:
        with translated():
            return await beating(open_occurrence(inst, call))

    return [next_occurrence, open_one]
