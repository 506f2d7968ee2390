"""No error of a database says a value."""

from __future__ import annotations

import traceback

import pytest
from sqlalchemy import bindparam, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from store.database import Database
from store.people import insert_user
from store.tables import users
from store.transient import is_transient
from tests.fixtures.clock import START

KIM = "kim@example.com"


def everything(error: BaseException) -> str:
    """What the log of a process would hold of it."""
    return "".join(traceback.format_exception(error)) + repr(error)


async def test_a_row_that_clashes_is_not_told(database: Database) -> None:
    async with database.transaction() as tx:
        kim = await insert_user(tx, name="Kim", email="kim@example.com", now=START)
    assert kim is not None
    with pytest.raises(IntegrityError) as clash:
        async with database.transaction() as tx:
            await tx.run(insert(users).values(**{**kim.model_dump(), "id": "another"}))
    told = everything(clash.value)
    assert "email" in told
    assert "kim@example.com" not in told.lower()
    assert "Kim" not in told


@pytest.mark.parametrize("statement", ["SELECT CAST(:value AS text)::integer", "SELECT CAST(:value AS integer)"])
async def test_a_value_that_does_not_fit_is_not_told(postgres_url: str, statement: str) -> None:
    db = Database.open(postgres_url)
    with pytest.raises(DBAPIError) as misfit:
        async with db.transaction() as tx:
            await tx.run(text(statement).bindparams(bindparam("value")), value=KIM)
    assert "kim@example.com" not in everything(misfit.value)
    assert "is not shown" in str(misfit.value)
    assert not is_transient(misfit.value), "the same value fits no better later"
    await db.close()
