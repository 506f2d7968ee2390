"""Judging a change page by page: first whoever it ends or concerns, then whoever it lets in.

One page is one transaction. Departures share the locks of records, arrivals write them; as both in one transaction
would share first and write later, a change that concerned somebody lets others in from its next page on.
"""

from __future__ import annotations

from datetime import datetime

from domain.records import Change
from services.arrivals import judge_arrivals
from services.departures import judge_departures
from store.database import Tx

PAGE = 100
"""Records or enrollments looked at in one transaction; on SQLite nobody else writes meanwhile."""

DEPARTURES, ARRIVALS = "departures/", "arrivals/"


async def judge_page(tx: Tx, change: Change, *, now: datetime) -> str | None:
    """Judge the next page of a change; answers the cursor of the one after it, or None when all is judged."""
    cursor = change.cursor or DEPARTURES
    if cursor.startswith(DEPARTURES):
        after = cursor.removeprefix(DEPARTURES)
        looked_at = await judge_departures(tx, change, after=after, limit=PAGE, now=now)
        if len(looked_at) == PAGE:
            return f"{DEPARTURES}{looked_at[-1]}"
        if looked_at:
            return ARRIVALS
        cursor = ARRIVALS
    place = await judge_arrivals(tx, change, after=cursor.removeprefix(ARRIVALS), limit=PAGE, now=now)
    return f"{ARRIVALS}{place}" if place is not None else None
