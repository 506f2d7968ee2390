"""Two who retry the same enrollment at once, on both databases: one passage takes it up, and both are told which."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import insert, update

from domain.base import Json
from domain.records import Cause
from services.entering.retrying import Retried, retry
from services.installation import Installation
from store import tables
from tests.activities.calls import act
from tests.builders import make_record, stand_at_action

BROKEN: dict[str, Json] = {"email": "gone", "transactional": True}


async def test_two_retries_at_once_are_one_passage(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"email": "ana@example.com"})
    standing = await stand_at_action(installation, contact, "send_email", BROKEN)
    answer = await act(standing, "send_email")
    assert (answer.outcome, answer.reason) == ("failed", "broken_reference")
    later = standing.now + timedelta(hours=1)
    ended = {"status": "ended", "end_reason": "failed", "ended_at": standing.now}
    async with installation.db.transaction() as tx:
        await tx.run(update(tables.enrollments).values(**ended))
        old = standing.enrollment
        mine = {"workflow_id": old.workflow_id, "key": old.key, "record_id": old.record_id, "entries": 1}
        await tx.run(insert(tables.entry_keys).values(**mine))

    async def again() -> Retried:
        async with installation.db.transaction() as tx:
            return await retry(tx, standing.enrollment.id, None, cause=Cause(kind="api", id="key"), now=later)

    made = await asyncio.gather(*(again() for _ in range(4)))
    assert len({each.enrollment_id for each in made}) == 1
    assert [each.decision for each in made] == ["enrolled"] * 4
    assert sum(each.is_new for each in made) == 1
    rows = sorted(await standing.rows(tables.enrollments), key=lambda row: row["n"])
    assert [(row["n"], row["retried_from"], row["retried_as"]) for row in rows] == [
        (1, None, rows[1]["id"]), (2, rows[0]["id"], None),
    ]  # fmt: skip
    (start,) = [row for row in await standing.rows(tables.deliveries) if row["kind"] == "start"
                and row["enrollment_id"] == rows[1]["id"]]  # fmt: skip
    assert start["payload"]["state"] == {"step": rows[1]["retried_step"], "takes_up": True}
