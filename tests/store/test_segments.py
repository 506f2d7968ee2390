"""One condition, three engines: memory, SQLite and PostgreSQL give the same answer on anything a document can hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import exists, select

from domain.base import Json
from domain.conditions import Condition
from domain.judging import judge
from domain.operators import ConditionNotAvailable
from domain.records import StoredRecord
from store import segments
from store.comparisons import NotCompilable
from store.database import Database
from store.tables import enrollments, records
from tests.fixtures.clock import START
from tests.fixtures.comparisons import ROWS
from tests.fixtures.kinds import SCHEMA, condition
from tests.fixtures.world_rows import store_world
from tests.fixtures.worlds import PARAMETERS, World, draw_condition, draw_world

CONDITIONS = 12
"""Asked of each world."""


async def _agree(database: Database, random: Random) -> None:
    world = draw_world(random)
    wanted = [condition(draw_condition(random)) for _ in range(CONDITIONS)]
    pairs = [
        (one, inside, clause)
        for one in wanted
        if (clause := _clause(one, world, inside=(inside := random.random() < 0.3))) is not None
    ]
    answers = await _in_database(database, world, [clause for _, _, clause in pairs])
    for (one, inside, _), found in zip(pairs, answers, strict=True):
        facts = [world.facts(n, inside=inside) for n in range(len(world.contacts))]
        expected = {each.record.id for each in facts if judge(one, each).holds}
        assert found == expected, (one, inside, world)


def _clause(wanted: Condition, world: World, *, inside: bool = False) -> Any:
    """The condition about any contact, or about those inside the workflow ``own``."""
    own = enrollments.alias()
    try:
        clause = segments.compile(
            wanted, schema=SCHEMA, object="contact", now=world.now, zone=world.zone, parameters=PARAMETERS,
            inside=own if inside else None,
        )  # fmt: skip
        return exists().where(own.c.record_id == records.c.id, own.c.workflow_id == "own", clause) if inside else clause
    except NotCompilable:
        return None


async def _in_database(database: Database, world: World, clauses: Sequence[Any]) -> list[set[str]]:
    """Who matches each clause; nothing stays in the database."""
    answers: list[set[str]] = []
    try:
        async with database.transaction() as tx:
            await store_world(tx, world)
            for clause in clauses:
                found = await tx.all(select(records.c.id).where(records.c.object == "contact", clause))
                answers.append({row["id"] for row in found})
            raise _Done
    except _Done:
        return answers


class _Done(Exception):
    pass


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=True))
async def test_memory_and_database_agree_on_every_condition(database: Database, random: Random) -> None:
    await _agree(database, random)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=True))
async def test_memory_and_database_agree_on_very_many_conditions(database: Database, random: Random) -> None:
    await _agree(database, random)


def _world(*documents: dict[str, Json]) -> World:
    contacts = [
        StoredRecord(id=f"contact-{n}", object="contact", properties=one, version=1, created_at=START, updated_at=START)
        for n, one in enumerate(documents)
    ]
    return World(contacts=contacts, opportunities=[], links=[], now=START, zone="UTC")


async def _matching(database: Database, world: World, raw: Json) -> set[int]:
    (found,) = await _in_database(database, world, [_clause(condition(raw), world)])
    return {int(one.removeprefix("contact-")) for one in found}


async def test_every_operator_of_every_type_answers_as_in_memory(database: Database) -> None:
    world = _world(*({name: left} for name, _, left, _, _ in ROWS))
    clauses = [
        _clause(condition({"property": name, "op": op, "value": right}), world) for name, op, _, right, _ in ROWS
    ]
    answers = await _in_database(database, world, clauses)
    wrong = [row for n, row in enumerate(ROWS) if (f"contact-{n}" in answers[n]) is not row[-1]]
    assert not wrong


async def test_a_number_that_is_a_text_neither_counts_nor_kills_the_query(database: Database) -> None:
    world = _world({"number": 72}, {"number": "abc"}, {}, {"number": "80"}, {"number": 72.5}, {"number": None})
    assert await _matching(database, world, {"property": "number", "op": "gt", "value": 50}) == {0, 4}
    assert await _matching(database, world, {"property": "number", "op": "is_not", "value": 72}) == {4}
    assert await _matching(database, world, {"not": {"property": "number", "op": "is", "value": 72}}) == {1, 2, 3, 4, 5}


async def test_characters_that_mean_something_to_like_are_plain(database: Database) -> None:
    world = _world({"string": "100%"}, {"string": "100 per cent"}, {"string": "a_b"}, {"string": "axb"})
    assert await _matching(database, world, {"property": "string", "op": "contains", "value": "0%"}) == {0}
    assert await _matching(database, world, {"property": "string", "op": "starts_with", "value": "A_"}) == {2}
    assert await _matching(database, world, {"property": "string", "op": "ends_with", "value": "_B"}) == {2}


async def test_the_same_statement_serves_other_values(database: Database) -> None:
    world = _world({"string": "a", "text": "b"}, {"string": "b", "text": "a"})
    for name, value, expected in (("string", "a", {0}), ("string", "b", {1}), ("text", "a", {1}), ("text", "b", {0})):
        assert await _matching(database, world, {"property": name, "op": "is", "value": value}) == expected


async def test_a_day_is_the_day_of_the_zone(database: Database) -> None:
    late = {"datetime": "2027-03-01T23:30:00.000000Z"}
    world = _world(late)
    on = {"property": "datetime", "op": "on", "value": "2027-03-02"}
    assert await _matching(database, world, on) == set()
    assert await _matching(database, replace(world, zone="Europe/Oslo"), on) == {0}


@pytest.mark.parametrize(
    "raw",
    [
        {"property": "date", "op": "is", "value": {"property": "datetime"}},
        {"property": "datetime", "op": "on", "value": {"property": "datetime_two"}},
        {"property": "multi_enum", "op": "contains_any", "value": {"property": "multi_enum_two"}},
        {"parameter": "offer", "op": "is", "value": {"property": "string"}},
    ],
)
def test_what_no_database_can_answer_is_refused(raw: Json) -> None:
    with pytest.raises(NotCompilable):
        segments.compile(condition(raw), schema=SCHEMA, object="contact", now=START, zone="UTC")


@pytest.mark.parametrize(
    "raw",
    [
        {"output": "status", "step": "call", "op": "known"},
        {"property": "string", "op": "is", "value": {"output": "status", "step": "call"}},
    ],
)
def test_what_is_not_available_is_refused(raw: Json) -> None:
    with pytest.raises(ConditionNotAvailable):
        segments.compile(condition(raw), schema=SCHEMA, object="contact", now=START, zone="UTC")
