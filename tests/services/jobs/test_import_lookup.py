"""What rows name is looked up while others write the same; on PostgreSQL, where two can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import func, select

from domain.base import Json
from domain.importing import ImportOptions, OwnerColumn, RowRead
from services.installation import Installation
from services.jobs.import_lookup import Named, PageFound, look_up
from services.records.records import update_record
from store import tables
from store.database import Database, Tx
from store.records import find_by_unique
from store.schema import load_schema
from tests.fixtures.clock import START, FixedClock
from tests.fixtures.databases import until_somebody_waits
from tests.fixtures.installations import assemble
from tests.fixtures.records import make_record, writing
from tests.fixtures.runs import RecordingRuns
from tests.services.jobs.test_imports import rows_of, staged, worked


@pytest.fixture
async def inst(
    postgres_url: str, clock: FixedClock, runs: RecordingRuns, tmp_path: Path
) -> AsyncIterator[Installation]:
    db = Database.open(postgres_url)
    yield assemble(db, clock, runs, tmp_path)
    await db.close()


async def test_a_row_does_not_follow_a_record_that_gave_its_value_up(inst: Installation) -> None:
    mapping: dict[str, Json] = {
        "columns": {
            "mail": {"property": "email"},
            "account": {"associate": {"object": "company", "by": "external_id", "if_missing": "reject"}},
        },
        "constants": {"first_name": "Ana"},
    }
    async with inst.db.transaction() as tx:
        person = await make_record(tx, "contact", email="a@example.com")
        company = await make_record(tx, "company", external_id="acme")
    job = await staged(inst, "mail,account\na@example.com,\nb@example.com,acme\n", key="email", mapping=mapping)

    async with inst.db.transaction() as tx:
        write = await writing(tx)
        await update_record(tx, write, person.id, {"email": "c@example.com"})
        await update_record(tx, write, company.id, {"external_id": "other"})
        working = asyncio.create_task(worked(inst, job))
        await until_somebody_waits(inst.db)
    assert (await working).counts == {"created": 1, "rejected": 1}

    async with inst.db.read() as read:
        kept = await find_by_unique(read, "contact", "email", "c@example.com")
    assert kept is not None
    assert kept.properties == {"email": "c@example.com"}
    [rejected] = await rows_of(inst, job, "rejected")
    assert rejected.code == "unknown_record"


async def test_a_row_follows_a_value_to_the_record_that_took_it(inst: Installation) -> None:
    mapping: dict[str, Json] = {"columns": {"mail": {"property": "email"}}, "constants": {"first_name": "Ana"}}
    async with inst.db.transaction() as tx:
        before = await make_record(tx, "contact", email="a@example.com")
    job = await staged(inst, "mail\na@example.com\n", key="email", mapping=mapping)

    async with inst.db.transaction() as tx:
        await update_record(tx, await writing(tx), before.id, {"email": "c@example.com"})
        after = await make_record(tx, "contact", email="a@example.com")
        working = asyncio.create_task(worked(inst, job))
        await until_somebody_waits(inst.db)
    assert (await working).counts == {"updated": 1}
    assert [row.record_id for row in await rows_of(inst, job)] == [after.id]


@pytest.mark.parametrize(("by", "text"), [("name", "Zoe"), ("name", "王"), ("email", "zoe@example.com")])
async def test_imports_at_the_same_time_make_one_user_of_one_text(
    inst: Installation, by: Literal["name", "email"], text: str
) -> None:
    options = ImportOptions(object="contact", key="email", mapping={})
    owner = OwnerColumn(owner_by=by, if_missing="create")
    row = Named(key="a@example.com", read=RowRead(properties={}, named=(), owner=(owner, text), bad=()))

    async def look(tx: Tx) -> PageFound:
        return await look_up(tx, options, [row], schema=await load_schema(tx), now=START)

    async def look_alone() -> PageFound:
        async with inst.db.transaction() as tx:
            return await look(tx)

    async with inst.db.transaction() as tx:
        first = await look(tx)
        looking = asyncio.create_task(look_alone())
        await until_somebody_waits(inst.db)
    second = await looking
    assert first.rows == second.rows
    assert first.rows[0].patch["owner"]
    async with inst.db.read() as read:
        assert await read.scalar(select(func.count()).select_from(tables.users)) == 1
