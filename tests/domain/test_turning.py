"""When a condition may turn by time alone: never later than it does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from domain.base import Json, utc_text
from domain.conditions import load_condition
from domain.facts import EventFacts, Facts
from domain.instants import parse_date, parse_instant
from domain.judging import judge
from domain.turning import next_turn
from tests.fixtures.clock import START
from tests.fixtures.kinds import condition, facts
from tests.fixtures.worlds import draw_condition, draw_world

YESTERDAY = utc_text(START - timedelta(days=1))


def _at(known: Facts, now: datetime) -> Facts:
    return known.model_copy(update={"now": now})


@pytest.mark.parametrize(
    ("raw", "document", "turn"),
    [
        ({"property": "datetime", "op": "more_than_ago", "value": {"days": 3}}, YESTERDAY, START + timedelta(days=2)),
        ({"property": "datetime", "op": "within_last", "value": {"days": 3}}, YESTERDAY, START + timedelta(days=2)),
        ({"property": "datetime", "op": "before", "value": {"now": {"hours": -36}}}, YESTERDAY,
         START + timedelta(hours=12)),
        ({"not": {"property": "datetime", "op": "after", "value": {"now": {"days": -2}}}}, YESTERDAY,
         START + timedelta(days=1)),
    ],
)  # fmt: skip
def test_it_turns_as_the_edge_passes_the_value(raw: Json, document: str, turn: datetime) -> None:
    known = facts({"datetime": document})
    found = next_turn(condition(raw), known)
    assert found is not None
    assert found - turn == timedelta(milliseconds=1)
    assert judge(condition(raw), _at(known, found)).holds != judge(condition(raw), known).holds
    assert next_turn(condition(raw), _at(known, found)) is None


@pytest.mark.parametrize(
    "raw",
    [
        {"property": "datetime", "op": "after", "value": "2027-01-01"},
        {"property": "string", "op": "is", "value": "a"},
        {"property": "date", "op": "more_than_ago", "value": {"days": 1}},
        {"event": "order.paid"},
    ],
)
def test_what_only_a_change_can_turn_never_turns_by_time(raw: Json) -> None:
    assert next_turn(condition(raw), facts({"datetime": YESTERDAY, "string": "a", "date": "2026-01-01"})) is None


def test_a_day_turns_at_midnight_of_the_zone() -> None:
    known = facts({"date": "2027-03-03"}, zone="America/New_York")
    found = next_turn(condition({"property": "date", "op": "is", "value": {"now": {}}}), known)
    assert found == datetime(2027, 3, 3, 5, 0, 0, 1000, tzinfo=UTC)


def test_an_event_leaves_the_time_frame() -> None:
    event = EventFacts(
        id="e", name="order.paid", record_id="c", properties={}, occurred_at=START - timedelta(hours=1), seq=1
    )
    known = facts({}).model_copy(update={"events": {"order.paid": (event,)}})
    known = known.model_copy(update={"record": known.record.model_copy(update={"id": "c"})})
    raw = {"event": "order.paid", "count": {"at_most": 0}, "within": {"hours": 3}}
    found = next_turn(condition(raw), known)
    assert found is not None
    assert not judge(condition(raw), known).holds
    assert judge(condition(raw), _at(known, found)).holds


@pytest.mark.parametrize("seed", range(40))
def test_no_answer_turns_before_it_says_so(seed: int) -> None:
    random = Random(seed)
    world = draw_world(random)
    for n in range(len(world.contacts)):
        known = _sensible(world.facts(n, inside=random.random() < 0.5))
        for _ in range(8):
            asked = load_condition(draw_condition(random))
            turn = next_turn(asked, known)
            assert turn is None or turn > known.now
            held = judge(asked, known).holds
            span = (turn - known.now) if turn is not None else timedelta(days=30)
            for _ in range(6):
                between = known.now + random.random() * (span - timedelta(milliseconds=1))
                assert judge(asked, _at(known, between)).holds == held, (asked, turn, between)


def _sensible(known: Facts) -> Facts:
    """Without stored times that no calendar knows: writing refuses them."""

    def kept(document: dict[str, Json]) -> dict[str, Json]:
        times = {name: value for name, value in document.items() if name.startswith("date") or name.endswith("_at")}
        bad = {n for n, v in times.items() if isinstance(v, str) and not (parse_date(v) or parse_instant(v))}
        return {name: value for name, value in document.items() if name not in bad}

    return known.model_copy(
        update={
            "record": known.record.model_copy(update={"properties": kept(known.record.properties)}),
            "associated": {
                name: tuple(
                    one.model_copy(
                        update={"record": one.record.model_copy(update={"properties": kept(one.record.properties)})}
                    )
                    for one in them
                )
                for name, them in known.associated.items()
            },
        }
    )
