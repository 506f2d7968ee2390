"""The numbers of the steps of a workflow, counted in the database; ``store.behind`` lists the visits of each."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select

from domain.base import Frozen
from store.database import Read
from store.tables import changes, entry_decisions, messages, visits

SENT = ("sent", "delivered", "bounced", "complained")
"""Message states that mean: the other side took it."""

ARRIVED = ("delivered", "complained")
"""Those that mean: it reached a mailbox; who complains has it."""

REACTIONS = {
    "opened": "opened_at",
    "opened_by_machine": "machine_opened_at",
    "clicked": "clicked_at",
    "replied": "replied_at",
    "unsubscribed": "unsubscribed_at",
}
"""What people and programs do with messages, and the column that says when they first did."""

NO_REASON = "unknown"
"""The reason under which visits are counted that left none."""


class VisitCount(Frozen):
    """How many visits of a step have this outcome (None: still inside) and reason."""

    step: str
    outcome: str | None
    reason: str | None
    count: int


async def count_visits(read: Read, workflow_id: str) -> list[VisitCount]:
    """Visits by step, outcome and reason; every visit is counted, loops included."""
    rows = await read.all(
        select(visits.c.step, visits.c.outcome, visits.c.reason, func.count().label("total"))
        .where(visits.c.workflow_id == workflow_id, visits.c.turn == 0)
        .group_by(visits.c.step, visits.c.outcome, visits.c.reason)
    )
    return [VisitCount(step=r["step"], outcome=r["outcome"], reason=r["reason"], count=r["total"]) for r in rows]


async def count_messages(read: Read, workflow_id: str) -> dict[tuple[str, str], int]:
    """Messages by (step, status), and by (step, reaction) those that people did something with; in one statement."""
    reactions = [func.count(messages.c[column]).label(name) for name, column in REACTIONS.items()]
    rows = await read.all(
        select(messages.c.step, messages.c.status, func.count().label("total"), *reactions)
        .where(messages.c.workflow_id == workflow_id)
        .group_by(messages.c.step, messages.c.status)
    )
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        found[row["step"], row["status"]] += row["total"]
        for name in REACTIONS:
            found[row["step"], name] += row[name]
    return dict(found)


async def count_decisions(read: Read, workflow_id: str) -> dict[str, int]:
    """Entry decisions by what was decided."""
    rows = await read.all(
        select(entry_decisions.c.decision, func.count().label("total"))
        .where(entry_decisions.c.workflow_id == workflow_id)
        .group_by(entry_decisions.c.decision)
    )
    return {r["decision"]: r["total"] for r in rows}


async def count_failed_changes(read: Read) -> int:
    """How many changes were set aside."""
    failed = select(func.count()).select_from(changes).where(changes.c.failed_at.is_not(None))
    return int(await read.scalar(failed))
