"""Writing records: what is refused, what is stored, and the change each write leaves."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from domain.base import Json
from domain.errors import Conflict, Invalid, NotFound, PreconditionFailed
from domain.records import Cause, Change, StoredRecord
from services.records.records import (
    Link,
    associate,
    create_record,
    delete_record,
    dissociate,
    hold_record,
    update_record,
    upsert_record,
)
from store.associations import list_associations
from store.changes import list_changes
from store.database import Database, Read, Tx
from store.people import insert_user
from store.records import get_record, page_records
from tests.fixtures.clock import START
from tests.fixtures.databases import until_somebody_waits
from tests.fixtures.records import make_record, writing

LATER = START + timedelta(hours=1)


async def test_a_new_record_is_stored_with_its_change(database: Database) -> None:
    async with database.transaction() as tx:
        write = await writing(tx, cause=Cause(kind="import", id="job", depth=2), wake=False)
        record = await create_record(tx, write, "contact", {"email": "Ana@example.com", "score": 1, "city": None})
    async with database.read() as read:
        assert await get_record(read, record.id) == record
        [change] = await list_changes(read, record.id, limit=10)
    assert record.properties == {"email": "Ana@example.com", "score": 1}
    assert (record.version, record.created_at, record.updated_at) == (1, START, START)
    assert (change.kind, change.before, change.after) == ("created", None, record.properties)
    assert (change.record_version, change.wake, change.occurred_at) == (1, False, START)
    assert change.cause == Cause(kind="import", id="job", depth=2)


async def test_every_mistake_of_a_record_is_told_at_once(database: Database) -> None:
    async with database.transaction() as tx:
        opportunity = await make_record(tx, "opportunity", name="Deal")
        wrong: dict[str, Json] = {
            "email": "not an address",
            "score": "12",
            "lifecycle_stage": "friend",
            "created_at": "2027-01-01T00:00:00Z",
            "nickname": "An",
            "owner": "nobody",
        }
        links = [Link(object="contact", id=opportunity.id), Link(object="opportunity", id="nothing")]
        with pytest.raises(Invalid) as refused:
            await create_record(tx, await writing(tx), "contact", wrong, links)
    assert {(error.path, error.code) for error in refused.value.errors} == {
        ("/properties/email", "wrong_value"),
        ("/properties/score", "wrong_type"),
        ("/properties/lifecycle_stage", "unknown_option"),
        ("/properties/created_at", "read_only"),
        ("/properties/nickname", "unknown_property"),
        ("/properties/owner", "unknown_user"),
        ("/associations/0", "unknown_record"),
        ("/associations/1", "unknown_record"),
    }


async def test_a_record_of_an_unknown_object_is_refused(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await create_record(tx, await writing(tx), "boat", {})


async def test_an_owner_is_a_user(database: Database) -> None:
    async with database.transaction() as tx:
        user = await insert_user(tx, name="Kim", email="kim@example.com", now=START)
        assert user is not None
        record = await make_record(tx, "contact", owner=user.id)
    assert record.properties == {"owner": user.id}


async def test_a_unique_value_held_by_another_record_is_a_conflict_that_names_the_property(database: Database) -> None:
    async with database.transaction() as tx:
        await make_record(tx, "contact", email="ana@example.com")
    with pytest.raises(Conflict) as refused:
        async with database.transaction() as tx:
            await make_record(tx, "contact", external_id="7", email="ANA@EXAMPLE.COM")
    assert [(error.path, error.code) for error in refused.value.errors] == [("/properties/email", "not_unique")]
    async with database.read() as read:
        assert len(await page_records(read, "contact", limit=10)) == 1


async def test_of_two_creations_with_the_same_unique_value_one_wins(database: Database) -> None:
    async def create() -> bool:
        try:
            async with database.transaction() as tx:
                await make_record(tx, "contact", email="ana@example.com")
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(create() for _ in range(5)))) == 1


async def test_a_patch_sets_clears_and_keeps_and_leaves_both_documents(database: Database) -> None:
    async with database.transaction() as tx:
        record = await make_record(tx, "contact", email="ana@example.com", city="Oslo", score=1)
        write = await writing(tx, now=LATER)
        after = await update_record(tx, write, record.id, {"city": None, "score": 2})
        changes = await list_changes(tx, record.id, limit=1)
    assert after.properties == {"email": "ana@example.com", "score": 2}
    assert (after.version, after.created_at, after.updated_at) == (2, START, LATER)
    assert [(c.kind, c.before, c.after) for c in changes] == [("updated", record.properties, after.properties)]


async def test_a_patch_that_changes_nothing_leaves_no_trace(database: Database) -> None:
    async with database.transaction() as tx:
        record = await make_record(tx, "contact", email="ana@example.com", score=1)
        same = await update_record(tx, await writing(tx, now=LATER), record.id, {"score": 1, "city": None})
        assert same == record
        assert len(await list_changes(tx, record.id, limit=10)) == 1


async def test_a_refused_patch_changes_nothing(database: Database) -> None:
    async with database.transaction() as tx:
        record = await make_record(tx, "contact", score=1)
        with pytest.raises(Invalid):
            await update_record(tx, await writing(tx), record.id, {"score": 2, "city": 3})
        assert await get_record(tx, record.id) == record


async def test_a_stale_version_is_refused(database: Database) -> None:
    async with database.transaction() as tx:
        record = await make_record(tx, "contact", score=1)
        write = await writing(tx)
        await update_record(tx, write, record.id, {"score": 2}, if_version=1)
        with pytest.raises(PreconditionFailed):
            await update_record(tx, write, record.id, {"score": 3}, if_version=1)


async def test_a_value_that_was_given_up_is_free_for_others(database: Database) -> None:
    async with database.transaction() as tx:
        record = await make_record(tx, "contact", email="ana@example.com")
        await update_record(tx, await writing(tx), record.id, {"email": "Ana@example.com"})
        await update_record(tx, await writing(tx), record.id, {"email": None})
        other = await make_record(tx, "contact", email="ana@example.com")
        assert await hold_record(tx, await writing(tx), "contact", "email", "ANA@example.com") == other


@pytest.mark.parametrize(
    ("object", "stage", "closed"),
    [("opportunity", "Engaging", False), ("opportunity", "Lost", True), ("ticket", "Closed", True)],
)
async def test_the_stage_decides_whether_the_matter_is_closed(
    database: Database, object: str, stage: str, closed: bool
) -> None:
    async with database.transaction() as tx:
        record = await make_record(tx, object, stage=stage)
        assert record.properties["is_closed"] is closed
        cleared = await update_record(tx, await writing(tx), record.id, {"stage": None})
        assert "is_closed" not in cleared.properties
        with pytest.raises(Invalid):
            await update_record(tx, await writing(tx), record.id, {"is_closed": True})


async def test_a_deleted_record_is_gone_and_its_unique_values_are_free(database: Database) -> None:
    async with database.transaction() as tx:
        record = await make_record(tx, "contact", email="ana@example.com")
        await delete_record(tx, await writing(tx, now=LATER), record.id)
        assert await get_record(tx, record.id) is None
        await make_record(tx, "contact", email="ana@example.com")
        change = (await list_changes(tx, record.id, limit=1))[0]
        assert (change.kind, change.before, change.after) == ("deleted", record.properties, None)
        for write in (delete_record(tx, await writing(tx), record.id), _patch(tx, record)):
            with pytest.raises(NotFound):
                await write


async def test_upsert_creates_once_and_updates_afterwards(database: Database) -> None:
    async with database.transaction() as tx:
        write = await writing(tx)
        made, created = await upsert_record(tx, write, "contact", "email", "ana@example.com", {"score": 1})
        same, again = await upsert_record(tx, write, "contact", "email", "ANA@example.com", {"score": 2})
    assert (created, again) == (True, False)
    assert same.id == made.id
    assert same.properties == {"email": "ana@example.com", "score": 2}


async def test_upserts_of_one_record_at_the_same_time_make_one_record(database: Database) -> None:
    async def upsert(n: int) -> bool:
        async with database.transaction() as tx:
            write = await writing(tx)
            return (await upsert_record(tx, write, "contact", "email", "ana@example.com", {"score": n}))[1]

    assert sum(await asyncio.gather(*(upsert(n) for n in range(8)))) == 1
    async with database.read() as read:
        assert len(await page_records(read, "contact", limit=10)) == 1


async def test_upsert_associates_new_and_known_records(database: Database) -> None:
    async with database.transaction() as tx:
        first, second = [await make_record(tx, "company", name=name) for name in "ab"]
        write = await writing(tx)
        for company in (first, second):
            link = Link(object="company", id=company.id, label="primary")
            made, _ = await upsert_record(tx, write, "contact", "email", "ana@example.com", {}, [link])
        assert await _others(tx, made) == {first.id: "primary", second.id: "primary"}


@pytest.mark.parametrize(("property", "value"), [("first_name", "Ana"), ("email", "nonsense"), ("email", "")])
async def test_upsert_needs_a_unique_property_and_one_of_its_values(
    database: Database, property: str, value: str
) -> None:
    async with database.transaction() as tx:
        with pytest.raises(Invalid):
            await upsert_record(tx, await writing(tx), "contact", property, value, {})


async def test_an_association_leaves_one_change_on_each_side(database: Database) -> None:
    async with database.transaction() as tx:
        contact, company = await make_record(tx, "contact"), await make_record(tx, "company")
        assert await associate(tx, await writing(tx), contact.id, company.id, "primary")
        assert not await associate(tx, await writing(tx), company.id, contact.id, "primary")
        assert await _told(tx, contact) == [
            ("associated", {"other_id": company.id, "other_object": "company", "label": "primary"}),
        ]
        assert await _told(tx, company) == [
            ("associated", {"other_id": contact.id, "other_object": "contact", "label": "primary"}),
        ]
        assert await _others(tx, company) == {contact.id: "primary"}


async def test_another_label_is_a_change_that_tells_the_one_before(database: Database) -> None:
    async with database.transaction() as tx:
        company = await make_record(tx, "company")
        contact = await make_record(tx, "contact", to=[company])
        assert await associate(tx, await writing(tx), company.id, contact.id, "primary")
        kind, detail = (await _told(tx, contact))[0]
        assert kind == "associated"
        assert detail is not None
        assert (detail["label"], detail["previous_label"], detail["relabelled"]) == ("primary", None, True)
        assert await _others(tx, contact) == {company.id: "primary"}


async def test_an_association_that_ends_is_told_to_both_sides_once(database: Database) -> None:
    async with database.transaction() as tx:
        company = await make_record(tx, "company")
        contact = await make_record(tx, "contact", to=[company])
        assert await dissociate(tx, await writing(tx), contact.id, company.id)
        assert not await dissociate(tx, await writing(tx), contact.id, company.id)
        for record in (contact, company):
            assert [kind for kind, _ in await _told(tx, record)] == ["dissociated", "associated"]
            assert await _others(tx, record) == {}


@pytest.mark.parametrize("other", ["contact", "itself"])
async def test_records_that_have_no_business_together_are_not_associated(database: Database, other: str) -> None:
    async with database.transaction() as tx:
        contact = await make_record(tx, "contact")
        other_id = contact.id if other == "itself" else (await make_record(tx, "contact")).id
        with pytest.raises(Invalid):
            await associate(tx, await writing(tx), contact.id, other_id)


async def test_nothing_is_associated_with_a_deleted_record(database: Database) -> None:
    async with database.transaction() as tx:
        contact, company = await make_record(tx, "contact"), await make_record(tx, "company")
        await delete_record(tx, await writing(tx), company.id)
        with pytest.raises(NotFound):
            await associate(tx, await writing(tx), contact.id, company.id)


async def test_changes_of_one_record_are_numbered_in_the_order_of_their_commits(database: Database) -> None:
    async with database.transaction() as tx:
        record = await make_record(tx, "contact", score=0)

    async def raise_score() -> None:
        async with database.transaction() as tx:
            write = await writing(tx)
            current = await get_record(tx, record.id)
            assert current is not None
            # The score read before the lock may be stale; the version written is not.
            await update_record(tx, write, record.id, {"city": f"{current.version} {id(tx)}"})

    await asyncio.gather(*(raise_score() for _ in range(10)))
    async with database.read() as read:
        changes = await list_changes(read, record.id, limit=20)
    assert [change.record_version for change in changes] == list(range(11, 0, -1))
    assert [change.before for change in changes[:-1]] == [change.after for change in changes[1:]]


async def _patch(tx: Tx, record: StoredRecord) -> StoredRecord:
    return await update_record(tx, await writing(tx), record.id, {"score": 1})


async def _told(read: Read, record: StoredRecord) -> list[tuple[str, dict[str, Json] | None]]:
    changes: list[Change] = await list_changes(read, record.id, limit=10)
    return [(change.kind, change.detail) for change in changes if change.detail is not None]


async def _others(read: Read, record: StoredRecord) -> dict[str, str | None]:
    found = (await list_associations(read, [record.id]))[record.id]
    return {association.other_id: association.label for association in found}


async def test_an_upsert_does_not_follow_a_record_that_gave_its_value_up(postgres_url: str) -> None:
    db = Database.open(postgres_url)
    async with db.transaction() as tx:
        moved = await make_record(tx, "contact", email="a@example.com")

    async def upsert() -> tuple[StoredRecord, bool]:
        async with db.transaction() as tx:
            return await upsert_record(tx, await writing(tx), "contact", "email", "a@example.com", {"score": 1})

    async with db.transaction() as tx:
        await update_record(tx, await writing(tx), moved.id, {"email": "b@example.com"})
        waiting = asyncio.create_task(upsert())
        await until_somebody_waits(db)
    made, created = await waiting
    assert created
    assert made.id != moved.id
    async with db.read() as read:
        kept = await get_record(read, moved.id)
    assert kept is not None
    assert kept.properties == {"email": "b@example.com"}
    await db.close()
