"""For whom a condition came true by time: the database finds those whom memory finds, on anything there may be."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import exists, select

from domain.conditions import Condition
from domain.judging import judge
from store import segments
from store.comparisons import NotCompilable
from store.database import Database
from store.segment_scope import Clause
from store.tables import enrollments, records
from store.turns import Span
from tests.fixtures.kinds import SCHEMA, condition
from tests.fixtures.world_rows import store_world
from tests.fixtures.worlds import World, draw_condition, draw_world

CONDITIONS = 12
"""Asked of each world."""

LENGTHS = (timedelta(minutes=1), timedelta(hours=7), timedelta(days=1), timedelta(days=40), timedelta(days=900))

UNASKABLE = {"property": "date", "op": "is", "value": {"property": "datetime"}}
"""What no database can answer, beside which only what turned can be found."""


def _draw(random: Random) -> dict[str, Any]:
    """A condition without parameters, which are of one enrollment each."""
    while '"parameter"' in json.dumps(raw := draw_condition(random)):
        pass
    return raw if random.random() < 0.7 else {random.choice(("any", "all")): [raw, UNASKABLE]}


def _turned(world: World, length: timedelta, wanted: Condition, *, inside: bool) -> tuple[set[str], set[str]]:
    """Those for whom it holds now, and those of them for whom it did not hold then."""
    before = replace(world, now=world.now - length)
    numbers = range(len(world.contacts))
    holds = {n for n in numbers if judge(wanted, world.facts(n, inside=inside)).holds}
    held = {n for n in numbers if judge(wanted, before.facts(n, inside=inside)).holds}
    name = [contact.id for contact in world.contacts]
    return {name[n] for n in holds}, {name[n] for n in holds - held}


def _clause(world: World, length: timedelta, wanted: Condition, *, inside: bool) -> Clause:
    own = enrollments.alias()
    span = Span(
        schema=SCHEMA, object="contact", zone=world.zone, then=world.now - length, now=world.now,
        inside=own if inside else None,
    )  # fmt: skip
    clause = span.came_true(wanted)
    return exists().where(own.c.record_id == records.c.id, own.c.workflow_id == "own", clause) if inside else clause


def _is_answered(wanted: Condition, world: World) -> bool:
    """Whether the database answers the whole condition."""
    try:
        segments.compile(wanted, schema=SCHEMA, object="contact", now=world.now, zone=world.zone)
    except NotCompilable:
        return False
    return True


class _Done(Exception):
    pass


async def _agree(database: Database, random: Random) -> None:
    world = draw_world(random)
    try:
        async with database.transaction() as tx:
            await store_world(tx, world)
            for _ in range(CONDITIONS):
                raw, length, inside = _draw(random), random.choice(LENGTHS), random.random() < 0.3
                wanted = condition(raw)
                clause = _clause(world, length, wanted, inside=inside)
                rows = await tx.all(select(records.c.id).where(records.c.object == "contact", clause))
                found = {row["id"] for row in rows}
                holds, turned = _turned(world, length, wanted, inside=inside)
                assert turned <= found, (raw, length, inside, world)
                if _is_answered(wanted, world):
                    # Nobody is found then who need not be judged.
                    assert found <= holds if inside else found == turned, (raw, length, inside, world)
            raise _Done
    except _Done:
        pass


@settings(max_examples=30, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=True))
async def test_the_database_finds_whom_memory_finds(database: Database, random: Random) -> None:
    await _agree(database, random)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=True))
async def test_the_database_finds_whom_memory_finds_very_often(database: Database, random: Random) -> None:
    await _agree(database, random)
