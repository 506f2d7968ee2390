"""Migrations lead from nothing to the tables of this release."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from pydantic import TypeAdapter
from sqlalchemy import Connection, column, insert, select, table, text
from sqlalchemy.exc import IntegrityError

from domain.conditions import Condition
from domain.names import goal_key
from domain.reading import keys_read
from store import tables
from store.database import Database, driver_url, writer_engine
from store.migrate import SCRIPTS, check, is_current, upgrade
from store.people import list_keys
from store.schema import load_schema, seed_builtin
from store.tables import entry_decisions, interests, versions, workflows
from store.tasks import TaskFilters, list_tasks
from tests.fixtures.clock import START
from tests.fixtures.databases import on_a_thread


def test_migrations_and_tables_describe_the_same_schema(empty_database_url: str) -> None:
    on_a_thread(lambda: upgrade(empty_database_url))
    on_a_thread(lambda: check(empty_database_url))


def test_a_database_is_current_only_after_its_migration(empty_database_url: str) -> None:
    seen: list[bool] = []
    on_a_thread(lambda: seen.append(is_current(empty_database_url)))
    on_a_thread(lambda: upgrade(empty_database_url))
    on_a_thread(lambda: upgrade(empty_database_url))
    on_a_thread(lambda: seen.append(is_current(empty_database_url)))
    assert seen == [False, True]


def test_several_processes_may_migrate_at_once(empty_database_url: str) -> None:
    errors: list[BaseException] = []

    def migrate() -> None:
        try:
            upgrade(empty_database_url)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


async def test_seeding_again_keeps_what_was_added(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.run(text("UPDATE object_types SET label = 'Person' WHERE name = 'contact'"))
        await seed_builtin(tx, START)
    async with database.read() as read:
        schema = await load_schema(read)
    assert schema.objects["contact"].label == "Person"


async def test_documents_are_binary_json_on_postgresql(postgres_url: str) -> None:
    db = Database.open(postgres_url)
    async with db.read() as read:
        kind = await read.scalar(
            text(
                "SELECT format_type(atttypid, NULL) FROM pg_attribute "
                "WHERE attname = 'after' AND attrelid = 'changes'::regclass"
            )
        )
    await db.close()
    assert kind == "jsonb"


@pytest.mark.parametrize("bound_id", [None, "b"])
@pytest.mark.parametrize("trigger", [None, "t"])
async def test_a_change_is_decided_once_for_a_record_with_or_without_a_bound_one_and_a_trigger(
    database: Database, bound_id: str | None, trigger: str | None
) -> None:
    async with database.transaction() as tx:
        await tx.run(insert(workflows).values(WORKFLOW))
        await tx.run(insert(entry_decisions).values(_decision("1", 7, bound_id, trigger)))
        await tx.run(insert(entry_decisions).values(_decision("2", 8, bound_id, trigger)))
    with pytest.raises(IntegrityError):
        async with database.transaction() as tx:
            await tx.run(insert(entry_decisions).values(_decision("3", 7, bound_id, trigger)))


async def test_decisions_that_no_change_caused_may_be_many(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.run(insert(workflows).values(WORKFLOW))
        await tx.run(insert(entry_decisions).values(_decision("1", None, None, None)))
        await tx.run(insert(entry_decisions).values(_decision("2", None, None, None)))


def _to(url: str, revision: str) -> None:
    """Lead a database up or down to a migration."""

    def lead(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = connection
        is_there = MigrationContext.configure(connection).get_current_revision()
        (command.downgrade if is_there else command.upgrade)(config, revision)

    async def work() -> None:
        engine = writer_engine(driver_url(url), foreign_keys=False)
        async with engine.begin() as connection:
            await connection.run_sync(lead)
        await engine.dispose()

    asyncio.run(work())


@pytest.mark.parametrize("way", [("20261122_second",), ("head", "20261122_second")], ids=["up", "down and up"])
async def test_versions_published_before_are_found_by_the_time_they_read(
    empty_database_url: str, way: tuple[str, ...]
) -> None:
    for revision in way:
        await asyncio.to_thread(_to, empty_database_url, revision)
    quiet = {"property": "last_touched_at", "op": "more_than_ago", "value": {"days": 3}}
    plain = {"property": "city", "op": "known"}
    soon = {"any": [plain, {"property": "birthday", "op": "before", "value": {"now": {"days": 7}}}]}
    triggers = [
        {"id": "t1", "on": "filter", "where": quiet},
        {"id": "t2", "on": "filter", "where": plain},
        {"id": "t3", "on": "event", "event": "form.submitted", "where": quiet},
        {"id": "t4", "on": "filter", "where": {"not": {"event": "form.submitted", "within": {"days": 2}}}},
    ]
    definitions: list[dict[str, Any]] = [
        {"entry": {"triggers": triggers}},
        {"entry": {"triggers": triggers}, "exit": {"when_entry_no_longer_holds": True}},
        {"entry": {"suppress": soon}},
        {"exit": {"goals": [{"id": "g1", "where": plain}, {"id": "g2", "where": soon}]}},
        {"exit": {"when": plain}, "entry": {"triggers": triggers}},
    ]
    db = Database.open(empty_database_url)
    async with db.transaction() as tx:
        await tx.run(insert(workflows).values(**{**WORKFLOW, "version": 5}))
        rows = [
            {"workflow_id": "w", "version": n, "definition": found, "plan": {}, "engine_rev": 1, "published_at": START}
            for n, found in enumerate(definitions, start=1)
        ]
        await tx.run(insert(versions), rows)
    await asyncio.to_thread(upgrade, empty_database_url)
    async with db.read() as read:
        found = await read.all(select(interests).where(interests.c.key == "time").order_by(interests.c.id))
    await db.close()
    assert [(row["version"], row["trigger"]) for row in found] == [
        (2, None), (3, None), (4, None), (5, "t1"), (5, "t4")
    ]  # fmt: skip


@pytest.mark.parametrize("way", [("20261122_second",), ("head", "20261122_third")], ids=["up", "down and up"])
async def test_versions_published_before_are_found_by_what_their_goals_read(
    empty_database_url: str, way: tuple[str, ...]
) -> None:
    for revision in way:
        await asyncio.to_thread(_to, empty_database_url, revision)
    oslo: dict[str, Any] = {"property": "city", "op": "is", "value": "Oslo"}
    wheres: list[dict[str, Any]] = [
        oslo,
        {"all": [oslo, {"any": [{"list": "vip", "op": "member"}, {"not": {"workflow": "w", "status": "active"}}]}]},
        {"subscription": "news", "op": "is", "value": "subscribed"},
        {"event": "deal.won", "of": {"object": "opportunity"}, "where": {"event_property": "a", "op": "known"}},
        {"related": {"object": "opportunity"}, "where": {"property": "stage", "op": "is", "value": "Won"}},
        {"property": "amount", "op": "is", "value": {"property": "budget"}, "of": {"object": "opportunity"}},
        {"property": "city", "op": "is", "value": {"property": "town", "of": {"object": "company", "match": "any"}}},
        {"property": "city", "op": "in", "value": ["a", "b"]},
    ]
    async with _opened(empty_database_url) as db, db.transaction() as tx:
        await tx.run(insert(workflows).values(**{**WORKFLOW, "version": 1}))
        goals = [{"id": f"g{n}", "where": where} for n, where in enumerate(wheres)]
        rows = [
            {"version": 1, "definition": {"object": "contact", "exit": {"goals": goals}}},
            {"version": 2, "definition": {"object": "contact", "exit": {"when": oslo}}},
        ]
        same = {"workflow_id": "w", "plan": {}, "engine_rev": 1, "published_at": START}
        await tx.run(insert(versions), [{**same, **row} for row in rows])
        # What publishing wrote then.
        await tx.run(insert(interests), [{"key": "contact.city", "workflow_id": "w", "version": 1}])
    await asyncio.to_thread(upgrade, empty_database_url)
    async with _opened(empty_database_url) as db, db.read() as read:
        found = await read.all(select(interests).where(interests.c.key.startswith("goal:")))
    await asyncio.to_thread(_to, empty_database_url, "20261122_third")
    async with _opened(empty_database_url) as db, db.read() as read:
        assert [row["key"] for row in await read.all(select(interests))] == ["contact.city"]
    about = TypeAdapter[Condition](Condition)
    read_by = {goal_key(key) for where in wheres for key in keys_read(about.validate_python(where), "contact")}
    assert len(read_by) == 11
    assert sorted((row["version"], row["trigger"], row["key"]) for row in found) == [
        (1, None, key) for key in sorted(read_by)
    ]


async def test_what_tasks_are_about_is_kept_up_and_down(empty_database_url: str) -> None:
    await asyncio.to_thread(_to, empty_database_url, "20261123_fifth")
    plain = {"title": "Call", "body": "", "status": "open", "record_id": "r", "created_at": START}
    about = {"1": ["r", "deal"], "2": [], "3": ["deal"]}
    async with _opened(empty_database_url) as db, db.transaction() as tx:
        for id, record_ids in about.items():
            await tx.run(insert(OLD_TASKS).values(id=id, record_ids=record_ids, **plain))
    await asyncio.to_thread(upgrade, empty_database_url)
    async with _opened(empty_database_url) as db, db.read() as read:
        found = await list_tasks(read, TaskFilters(), after=None, limit=10)
    assert {task.id: [*task.record_ids] for task in found} == about
    assert {task.type for task in found} == {"to_do"}
    await asyncio.to_thread(_to, empty_database_url, "20261123_fifth")
    async with _opened(empty_database_url) as db, db.read() as read:
        rows = await read.all(select(OLD_TASKS.c.id, OLD_TASKS.c.record_ids))
    assert {row["id"]: row["record_ids"] for row in rows} == about


async def test_keys_can_do_after_the_release_what_they_could_before(empty_database_url: str) -> None:
    await asyncio.to_thread(_to, empty_database_url, "20261124_sixth")
    before = {"1": ["workflows:write"], "2": ["enrollments:read", "admin"], "3": ["records:read"]}
    async with _opened(empty_database_url) as db, db.transaction() as tx:
        for id, scopes in before.items():
            row = {"id": id, "name": id, "hash": id, "prefix": id, "scopes": scopes, "created_at": START}
            await tx.run(insert(OLD_KEYS).values(**row))
    await asyncio.to_thread(upgrade, empty_database_url)
    async with _opened(empty_database_url) as db, db.read() as read:
        after = {key.id: set(key.scopes) for key in await list_keys(read, limit=10)}
    assert after == {
        "1": {"workflows:write", "messages:send"}, "2": {"enrollments:read", "admin", "export"}, "3": {"records:read"},
    }  # fmt: skip
    await asyncio.to_thread(_to, empty_database_url, "20261124_sixth")
    async with _opened(empty_database_url) as db, db.read() as read:
        assert {row["id"]: row["scopes"] for row in await read.all(select(OLD_KEYS))} == before


OLD_KEYS = table(
    "api_keys", *(column(name) for name in ("id", "name", "hash", "prefix")),
    column("scopes", tables.api_keys.c.scopes.type), column("created_at", tables.api_keys.c.created_at.type),
)  # fmt: skip

OLD_TASKS = table(
    "tasks", *(column(name) for name in ("id", "title", "body", "status", "record_id")),
    column("created_at", tables.tasks.c.created_at.type), column("record_ids", tables.changes.c.after.type),
)  # fmt: skip


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    db = Database.open(url)
    try:
        yield db
    finally:
        await db.close()


WORKFLOW: dict[str, Any] = {
    "id": "w", "slug": "w", "name": "W", "folder": "", "object": "contact", "type": "automation", "draft": {},
    "draft_revision": 1, "is_on": True, "is_paused": False, "created_at": START, "updated_at": START,
}  # fmt: skip


def _decision(id: str, change_seq: int | None, bound_id: str | None, trigger: str | None) -> dict[str, Any]:
    return {
        "id": id, "workflow_id": "w", "record_id": "r", "bound_id": bound_id, "decision": "enrolled", "seen": [],
        "trigger": trigger, "cause_kind": "user", "change_seq": change_seq, "decided_at": START,
    }  # fmt: skip
