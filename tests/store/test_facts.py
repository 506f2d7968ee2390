"""What a condition reads."""

from __future__ import annotations

from datetime import timedelta

from domain.base import utc_text
from domain.facts import Facts
from domain.reading import needs_objects
from domain.records import StoredRecord
from services.records.records import associate, delete_record
from store.database import Database, Tx
from store.facts import load_facts
from store.schema import load_schema
from tests.fixtures.clock import START
from tests.fixtures.records import make_record, writing


async def test_facts_hold_the_record_with_its_instants(database: Database) -> None:
    async with database.transaction() as tx:
        contact = await make_record(tx, "contact", email="ana@example.com", score=3)
        facts = await _facts(tx, contact)
    assert facts is not None
    assert facts.record.properties == {
        "email": "ana@example.com",
        "score": 3,
        "created_at": utc_text(START),
        "updated_at": utc_text(START),
    }
    assert (facts.now, facts.zone, facts.bound, facts.associated) == (START, "UTC", None, {})


async def test_associated_records_come_youngest_association_first_then_highest_id(database: Database) -> None:
    async with database.transaction() as tx:
        contact = await make_record(tx, "contact")
        first, second, third = [await make_record(tx, "opportunity", name=name) for name in "abc"]
        later = await writing(tx, now=START + timedelta(minutes=1))
        await associate(tx, later, contact.id, first.id, "primary")
        for other in (third, second):
            await associate(tx, await writing(tx), contact.id, other.id)
        facts = await _facts(tx, contact, objects=["opportunity", "company"])
    assert facts is not None
    assert [each.record.id for each in facts.associated["opportunity"]] == [first.id, third.id, second.id]
    assert facts.associated["opportunity"][0].label == "primary"
    assert facts.associated["opportunity"][0].since == START + timedelta(minutes=1)
    assert facts.associated["company"] == ()


async def test_only_objects_that_were_asked_for_are_loaded(database: Database) -> None:
    async with database.transaction() as tx:
        company = await make_record(tx, "company", name="Acme")
        contact = await make_record(tx, "contact", to=[company])
        facts = await _facts(tx, contact, objects=["opportunity"])
    assert facts is not None
    assert facts.associated == {"opportunity": ()}


async def test_a_deleted_record_is_left_out_wherever_it_stands(database: Database) -> None:
    async with database.transaction() as tx:
        opportunity = await make_record(tx, "opportunity", name="Gone")
        contact = await make_record(tx, "contact", to=[opportunity])
        await delete_record(tx, await writing(tx), opportunity.id)
        facts = await _facts(tx, contact, objects=["opportunity"], bound_id=opportunity.id)
        assert facts is not None
        assert facts.associated == {"opportunity": ()}
        assert facts.bound is None
        assert await _facts(tx, opportunity) is None


async def test_the_bound_record_is_loaded_beside_the_others(database: Database) -> None:
    async with database.transaction() as tx:
        opportunity = await make_record(tx, "opportunity", name="Deal")
        contact = await make_record(tx, "contact", to=[opportunity])
        facts = await _facts(tx, contact, objects=["opportunity"], bound_id=opportunity.id)
    assert facts is not None
    assert facts.bound == facts.associated["opportunity"][0].record


async def _facts(
    tx: Tx, record: StoredRecord, *, objects: list[str] | None = None, bound_id: str | None = None
) -> Facts | None:
    return await load_facts(
        tx,
        await load_schema(tx),
        record.id,
        needs=needs_objects(objects or []),
        bound_id=bound_id,
        parameters={},
        now=START,
        zone="UTC",
    )
