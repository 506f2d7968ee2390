"""Lists of what workflows produced."""

from __future__ import annotations

from store.database import Database
from store.effects import insert_notifications
from store.outputs import OutputFilters, list_messages, list_notifications
from tests.fixtures.clock import START


async def test_notifications_are_listed_by_reader(database: Database) -> None:
    async with database.transaction() as tx:
        values = {
            "title": "T", "body": "", "record_id": "r", "enrollment_id": None, "workflow_id": None, "step": None,
        }  # fmt: skip
        await insert_notifications(tx, ["kim", "ola"], values, now=START)
        rows = await list_notifications(tx, OutputFilters(user="ola"), after=None, limit=10)
        assert [row["user_id"] for row in rows] == ["ola"]
        assert await list_messages(tx, OutputFilters(record="r"), after=None, limit=10) == []
