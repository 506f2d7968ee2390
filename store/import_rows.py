"""The rows of an import in its job: which come next, which key came first, what became of a page."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, delete, func, select, update

from store.database import Read, Tx
from store.jobs import JobRow
from store.tables import job_rows, jobs

SETTLED = ("outcome", "code", "reason", "record_id")
_SETTLE = (
    update(job_rows)
    .where(job_rows.c.job_id == bindparam("of_job"), job_rows.c.n == bindparam("row_n"))
    .values({name: bindparam(f"new_{name}") for name in SETTLED})
)


async def first_lines(read: Read, job_id: str, keys: Collection[str]) -> dict[str, tuple[int, int]]:
    """For each key the number and physical line of the first row that has it."""
    if not keys:
        return {}
    first = select(job_rows.c.key, func.min(job_rows.c.n).label("n"), func.min(job_rows.c.line).label("line"))
    mine = (job_rows.c.job_id == job_id, job_rows.c.key.in_(sorted(keys)))
    return {row["key"]: (row["n"], row["line"]) for row in await read.all(first.where(*mine).group_by(job_rows.c.key))}


async def settle_rows(tx: Tx, rows: Sequence[JobRow]) -> None:
    """Write what became of rows: outcome, code, reason, record."""
    values = [
        {"of_job": row.job_id, "row_n": row.n, **{f"new_{name}": getattr(row, name) for name in SETTLED}}
        for row in rows
    ]
    await tx.run(_SETTLE, values)


async def delete_job(tx: Tx, job_id: str) -> None:
    """Remove a job with its rows, as if it had never been."""
    await tx.run(delete(job_rows).where(job_rows.c.job_id == job_id))
    await tx.run(delete(jobs).where(jobs.c.id == job_id))
