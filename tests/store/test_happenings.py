"""Facts hold of what happened exactly what was asked for, as a database returns it."""

from __future__ import annotations

from random import Random

from domain.facts import Facts
from domain.reading import Needs
from store.database import Database, Tx
from store.facts import load_facts
from store.schema import load_schema
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


async def test_nothing_is_loaded_that_is_not_asked_for(database: Database) -> None:
    world = draw_world(Random(7))
    async with database.transaction() as tx:
        await store_world(tx, world)
        found = await _load(tx, world, 0, Needs(objects=EVERYTHING.objects, events=frozenset({"order.paid"})))
        assert set(found.events) == {"order.paid"}
        assert {e.record_id for e in found.events["order.paid"]} <= {world.contacts[0].id}
        assert (found.lists, found.subscriptions, found.workflows, found.entry_event) == ({}, {}, {}, None)
