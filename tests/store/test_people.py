"""Users and API keys."""

from __future__ import annotations

from sqlalchemy import select

from store.database import Database
from store.people import (
    active_user_ids,
    find_key,
    get_user,
    insert_key,
    insert_user,
    known_user_ids,
    list_users,
    revoke_key,
)
from store.tables import api_keys
from tests.fixtures.clock import START


async def test_an_address_belongs_to_one_user_in_any_case(database: Database) -> None:
    async with database.transaction() as tx:
        kim = await insert_user(tx, name="Kim", email="Kim@example.com", now=START)
        assert kim is not None
        assert await insert_user(tx, name="Other", email="kim@EXAMPLE.com", now=START) is None
        assert await list_users(tx, limit=10) == [kim]


async def test_a_user_who_left_is_known_but_not_offered(database: Database) -> None:
    async with database.transaction() as tx:
        kim = await insert_user(tx, name="Kim", email="kim@example.com", active=False, now=START)
        assert kim is not None
        assert not kim.active
        assert await active_user_ids(tx) == frozenset()
        assert await known_user_ids(tx, [kim.id, "nobody"]) == {kim.id}
        assert await get_user(tx, kim.id) == kim


async def test_users_are_paged_in_order_of_creation(database: Database) -> None:
    async with database.transaction() as tx:
        made = [await insert_user(tx, name=f"N{n}", email=f"n{n}@example.com", now=START) for n in range(3)]
        first = await list_users(tx, limit=2)
        assert [*first, *await list_users(tx, after=first[-1].id, limit=2)] == made


async def test_a_key_opens_until_it_is_revoked_and_is_never_stored(database: Database) -> None:
    async with database.transaction() as tx:
        key, secret = await insert_key(tx, name="local", scopes=("admin",), now=START)
        assert secret.startswith("ft_")
        assert await find_key(tx, secret) == key
        assert await find_key(tx, secret + "x") is None
        stored = await tx.one(select(api_keys))
        assert stored is not None
        assert secret not in str(dict(stored))
        assert await revoke_key(tx, key.id, START)
        assert not await revoke_key(tx, key.id, START)
        assert await find_key(tx, secret) is None


async def test_a_given_secret_makes_one_key_however_often(database: Database) -> None:
    async with database.transaction() as tx:
        first, _ = await insert_key(tx, name="boot", scopes=("admin",), now=START, secret="ft_given")
        again, _ = await insert_key(tx, name="boot", scopes=("admin",), now=START, secret="ft_given")
    assert first == again


async def test_a_given_secret_that_was_revoked_stays_revoked(database: Database) -> None:
    async with database.transaction() as tx:
        first, _ = await insert_key(tx, name="boot", scopes=("admin",), now=START, secret="ft_given")
        await revoke_key(tx, first.id, START)
        again, _ = await insert_key(tx, name="boot", scopes=("admin",), now=START, secret="ft_given")
        assert again == first.model_copy(update={"revoked_at": START})
        assert await find_key(tx, "ft_given") is None
