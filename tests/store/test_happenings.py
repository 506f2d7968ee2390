"""Facts hold of what happened exactly what was asked for, as a database returns it."""

from __future__ import annotations

from random import Random

from domain.facts import Facts
from domain.reading import Needs
from store.database import Database, Tx
from store.facts import load_facts
from store.happenings import load_events, load_memberships
from store.schema import load_schema
from store.waits import unused_events
from tests.fixtures.clock import START
from tests.fixtures.happenings import EVENTS, WORKFLOWS
from tests.fixtures.world_rows import store_world
from tests.fixtures.worlds import World, draw_world

EVERYTHING = Needs(
    objects=frozenset({"opportunity"}),
    events=frozenset(EVENTS),
    events_of=frozenset({"opportunity"}),
    lists=True,
    subscriptions=True,
    workflows=frozenset(WORKFLOWS),
)


async def _load(tx: Tx, world: World, n: int, needs: Needs) -> Facts:
    found = await load_facts(tx, await load_schema(tx), world.contacts[n].id, needs=needs, now=START, zone="UTC")
    assert found is not None
    return found


async def test_facts_are_loaded_as_the_world_has_them(database: Database) -> None:
    world = draw_world(Random(7))
    async with database.transaction() as tx:
        await store_world(tx, world)
        for n in range(len(world.contacts)):
            found, expected = await _load(tx, world, n, EVERYTHING), world.facts(n)
            assert (found.events, found.lists, found.workflows) == (expected.events, expected.lists, expected.workflows)
            assert found.subscriptions == expected.subscriptions
            assert (found.enrollment_id, found.entered_seq) == (None, None)


async def test_what_happened_to_any_number_of_records_is_found(database: Database) -> None:
    """A company may have more contacts than one statement names."""
    world = draw_world(Random(7))
    ids = [f"nobody-{n}" for n in range(40_000)]
    async with database.transaction() as tx:
        await store_world(tx, world)
        paid = [c.id for c in world.contacts if (await load_events(tx, [c.id], EVENTS))["order.paid"]]
        everybody = [*ids, paid[0]]
        lists = await load_memberships(tx, everybody)
        assert lists[paid[0]] == (await load_memberships(tx, paid[:1]))[paid[0]]
        found = await load_events(tx, everybody, EVENTS)
        assert found == await load_events(tx, paid[:1], EVENTS)
        waited = unused_events(tx, "e", "order.paid", record_ids=everybody, after_seq=0, until=None, step=None)
        assert [event.id async for event in waited] == [event.id for event in found["order.paid"][::-1]]


async def test_nothing_is_loaded_that_is_not_asked_for(database: Database) -> None:
    world = draw_world(Random(7))
    async with database.transaction() as tx:
        await store_world(tx, world)
        found = await _load(tx, world, 0, Needs(objects=EVERYTHING.objects, events=frozenset({"order.paid"})))
        assert set(found.events) == {"order.paid"}
        assert {e.record_id for e in found.events["order.paid"]} <= {world.contacts[0].id}
        assert (found.lists, found.subscriptions, found.workflows, found.entry_event) == ({}, {}, {}, None)
