"""Telling whoever waits that live values changed (rules R8 and R12), so that their run asks anew how long."""

from __future__ import annotations

from datetime import datetime

from domain.base import Json
from domain.definition import Definition
from domain.records import Change
from services.versions import load_live
from store.database import Tx
from store.enrollments import inside_after
from store.intake import add_delivery
from store.live import ACCOUNT


async def retime_page(tx: Tx, change: Change, *, after: str, limit: int, now: datetime) -> str | None:
    """Tell up to ``limit`` of those inside, behind an id; answers the last id looked at, or None when that was all.

    A run that stands in nothing that lasts asks for what holds at its next step anyway; the message does not hurt it.
    """
    workflow_id = None if change.record_id == ACCOUNT else change.record_id
    page = await inside_after(tx, workflow_id, after, limit)
    payload: dict[str, Json] = {"record_id": change.record_id, "version": change.record_version, "retime": True}
    for enrollment in page:
        definition = (await load_live(tx, enrollment.workflow_id, enrollment.version)).definition
        if workflow_id is not None or _goes_by_account(definition):
            await add_delivery(tx, enrollment.id, "record_changed", payload, now=now)
    return page[-1].id if len(page) == limit else None


def _goes_by_account(definition: Definition) -> bool:
    """Whether a default of the account holds for those inside."""
    settings = definition.settings
    by_zone = settings.timezone in ("account", "record")
    return by_zone or settings.window is None or not settings.pause_dates or settings.holidays is None
