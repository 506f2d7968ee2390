"""Judging a change page by page: first whoever it ends or concerns, then who went through before, then the lists, then
whoever it lets in.

One page is one transaction. Departures share the locks of records, lists and arrivals write them; as two of them in one
transaction would lock out of order, a change that concerned somebody goes on from its next page. Lists come before
arrivals, so that whoever a change puts on a list is suppressed by it at once.
"""

from __future__ import annotations

from datetime import datetime

from domain.records import Change
from services.entering.arrivals import judge_arrivals
from services.leaving.departures import judge_departures
from services.leaving.late_goals import judge_late_goals
from services.lists.list_keeping import fill_page, keep_lists
from services.relaying.retiming import retime_page
from store.database import Tx

PAGE = 100
"""Records or enrollments looked at in one transaction; on SQLite nobody else writes meanwhile."""

FILLED_AT_ONCE = 500
"""Members of a list written in one transaction, as one statement finds them all."""

DEPARTURES, LATE_GOALS, LISTS, ARRIVALS = "departures/", "late/", "lists/", "arrivals/"


async def judge_page(tx: Tx, change: Change, *, now: datetime) -> str | None:
    """Judge the next page of a change; answers the cursor of the one after it, or None when all is judged."""
    if change.kind == "list_changed":
        return await fill_page(tx, change, after=change.cursor or "", limit=FILLED_AT_ONCE, now=now)
    if change.kind == "settings":
        return await retime_page(tx, change, after=change.cursor or "", limit=PAGE, now=now)
    cursor = change.cursor or DEPARTURES
    if cursor.startswith(DEPARTURES):
        after = cursor.removeprefix(DEPARTURES)
        looked_at = await judge_departures(tx, change, after=after, limit=PAGE, now=now)
        if len(looked_at) == PAGE:
            return f"{DEPARTURES}{looked_at[-1]}"
        if looked_at:
            return LATE_GOALS
        cursor = LATE_GOALS
    if cursor.startswith(LATE_GOALS):
        after = cursor.removeprefix(LATE_GOALS)
        looked_at = await judge_late_goals(tx, change, after=after, limit=PAGE, now=now)
        if len(looked_at) == PAGE:
            return f"{LATE_GOALS}{looked_at[-1]}"
        cursor = LISTS
    if cursor.startswith(LISTS):
        kept = await keep_lists(tx, change, after=cursor.removeprefix(LISTS), limit=PAGE, now=now)
        if kept is not None:
            return f"{LISTS}{kept}"
        cursor = ARRIVALS
    place = await judge_arrivals(tx, change, after=cursor.removeprefix(ARRIVALS), limit=PAGE, now=now)
    return f"{ARRIVALS}{place}" if place is not None else None
