"""Jobs and their rows."""

from __future__ import annotations

from datetime import timedelta

from store.database import Database
from store.jobs import (
    JobRow,
    get_job,
    insert_job,
    insert_job_rows,
    list_job_rows,
    list_jobs,
    next_job_rows,
    update_job,
)
from tests.fixtures.clock import START


async def test_a_job_keeps_its_progress(database: Database) -> None:
    async with database.transaction() as tx:
        job = await insert_job(tx, kind="import", scope="records:read", input={"key": "email"}, now=START)
        later = START + timedelta(minutes=1)
        await update_job(tx, job.id, now=later, status="running", counts={"created": 2}, total=5, cursor=2)
    async with database.read() as read:
        found = await get_job(read, job.id)
        assert await list_jobs(read, kind="import", status="running", limit=5) == [found]
        assert await list_jobs(read, scopes=["admin"], limit=5) == []
    assert found is not None
    assert (found.counts, found.total, found.cursor, found.updated_at) == ({"created": 2}, 5, 2, later)


async def test_rows_are_gone_through_in_order_and_listed_by_outcome(database: Database) -> None:
    async with database.transaction() as tx:
        job = await insert_job(tx, kind="import", scope="records:read", input={}, now=START)
        rows = [JobRow(job_id=job.id, n=n, line=n + 1, cells=[str(n)]) for n in range(1, 1001)]
        rows[4] = rows[4].model_copy(update={"outcome": "rejected", "code": "wrong_value", "reason": "no"})
        await insert_job_rows(tx, rows)
        assert await next_job_rows(tx, job.id, after=998, limit=10) == rows[998:]
        assert await list_job_rows(tx, job.id, outcome="rejected", limit=10) == [rows[4]]
        assert await list_job_rows(tx, job.id, after=5, limit=1) == [rows[5]]
