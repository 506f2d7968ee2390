from __future__ import annotations

from store.database import Database
from store.schema import load_account, load_schema


async def test_a_seeded_database_knows_the_builtin_objects(database: Database) -> None:
    async with database.read() as read:
        assert (await load_account(read)).timezone == "UTC"
        assert set((await load_schema(read)).objects) == {"contact", "company", "opportunity", "ticket"}
