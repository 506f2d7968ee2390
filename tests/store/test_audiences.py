"""Audiences of jobs as the database goes through them."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.dialects import sqlite

from store.audiences import any_by_object
from store.database import Database
from store.tables import records


async def test_a_page_of_many_clauses_is_one_walk_in_order(sqlite_url: str) -> None:
    """Looked up clause by clause, every page would read the whole object as often as there are clauses, and sort."""
    clauses = [records.c.version > n for n in range(10)]
    page = (
        select(records.c.id)
        .where(any_by_object({"contact": clauses}), records.c.id > "a")
        .order_by(records.c.id)
        .limit(9)
    )
    written = page.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    db = Database.open(sqlite_url)
    async with db.read() as read:
        plan = [row["detail"] for row in await read.all(text(f"EXPLAIN QUERY PLAN {written}"))]
    await db.close()
    assert len(plan) == 1, plan
    assert "OR" not in plan[0].split()
