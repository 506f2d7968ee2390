"""Conditions on what happened: which events count, what is asked of them, where a record stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.base import Json
from domain.facts import (
    EventFacts,
    Facts,
    with_event,
    with_membership,
    with_statuses,
    without_event,
)
from domain.judging import judge, judge_event
from tests.fixtures.clock import START
from tests.fixtures.kinds import condition, facts


def event(seq: int, *, days: int = 0, record: str = "c1", step: str | None = None, **properties: Json) -> EventFacts:
    return EventFacts(
        id=f"e{seq}", name="form.submitted", record_id=record, properties=properties, seq=seq, step=step,
        occurred_at=START - timedelta(days=days), enrollment_id="run" if step else None,
    )  # fmt: skip


def happened(*events: EventFacts, entered_seq: int | None = None, **changes: Any) -> Facts:
    found = facts({"string": "webinar"}, {"string": "deal"})
    for one in events:
        found = with_event(found, one)
    inside = {} if entered_seq is None else {"enrollment_id": "run", "entered_seq": entered_seq}
    return found.model_copy(update={**inside, **changes})


def holds(raw: dict[str, Any], known: Facts) -> bool:
    return judge(condition({"event": "form.submitted", **raw}), known).holds


@pytest.mark.parametrize(
    ("count", "expected"),
    [(None, True), ({"at_least": 2}, True), ({"at_least": 3}, False), ({"at_most": 1}, False), ({"at_most": 2}, True)],
)
def test_events_are_counted(count: dict[str, int] | None, expected: bool) -> None:
    assert holds({"count": count}, happened(event(1), event(2))) is expected


def test_no_event_is_none() -> None:
    assert not holds({}, happened())
    assert holds({"count": {"at_most": 0}}, happened())
    assert not holds({}, happened(event(1, record="somebody else")))


def test_a_time_counts_back_from_now_by_when_the_event_occurred() -> None:
    assert holds({"within": {"days": 3}}, happened(event(1, days=3)))
    assert not holds({"within": {"days": 3}}, happened(event(1, days=4)))


def test_inside_only_what_came_after_the_entry_counts_unless_ever_is_asked() -> None:
    known = happened(event(7), entered_seq=7)
    assert not holds({}, known)
    assert holds({"scope": "ever"}, known)
    assert holds({}, with_event(known, event(8)))
    assert judge(condition({"event": "form.submitted"}), known, counts="ever").holds


def test_before_the_entry_everything_counts_unless_the_enrollment_is_asked() -> None:
    assert holds({}, happened(event(7)))
    assert not holds({"scope": "enrollment"}, happened(event(7)))


def test_a_step_asks_for_answers_to_what_this_enrollment_did_there() -> None:
    known = happened(event(8, step="hello"), entered_seq=1)
    assert holds({"step": "hello"}, known)
    assert not holds({"step": "bye"}, known)
    assert not holds({"step": "hello"}, known.model_copy(update={"enrollment_id": "another"}))


def test_of_asks_for_events_of_associated_records() -> None:
    of = {"object": "opportunity"}
    known = happened(event(1, record="o0"))
    assert holds({"of": of}, known)
    assert not holds({}, known)
    assert not holds({"of": {**of, "match": "none"}}, known)
    assert holds({"of": {**of, "match": "all"}}, known)


WHERES: list[tuple[Json, Json, bool]] = [
    ("Webinar", {"op": "is", "value": "webinar"}, True),
    ("webinar", {"op": "is", "value": {"property": "string"}}, True),
    ("demo", {"op": "is", "value": {"property": "string"}}, False),
    ("demo", {"op": "is_not", "value": "webinar"}, True),
    (None, {"op": "is_not", "value": "webinar"}, False),
    (None, {"op": "is_not", "value": "webinar", "include_blank": True}, True),
    (5, {"op": "gt", "value": 4}, True),
    ("5", {"op": "gt", "value": 4}, False),
    (True, {"op": "is", "value": True}, True),
    (["a", "b"], {"op": "contains_any", "value": ["b"]}, True),
    ("2027-02-28T22:00:00-05:00", {"op": "after", "value": "2027-03-01T02:00:00Z"}, True),
    ("2027-03-05", {"op": "on", "value": "2027-03-05"}, True),
    ({"odd": 1}, {"op": "known"}, True),
]


@pytest.mark.parametrize(("value", "asked", "expected"), WHERES)
def test_a_property_of_the_event_is_read_as_what_it_is(value: Json, asked: dict[str, Any], expected: bool) -> None:
    known = happened(event(1, form=value))
    assert holds({"where": {"event_property": "form", **asked}}, known) is expected
    assert judge_event(condition({"event_property": "form", **asked}), event(1, form=value), known).holds is expected


def test_where_is_asked_of_one_event_and_of_the_record() -> None:
    both = {"all": [{"event_property": "form", "op": "is", "value": "a"},
                    {"event_property": "amount", "op": "gt", "value": 1}]}  # fmt: skip
    assert not holds({"where": both}, happened(event(1, form="a", amount=1), event(2, form="b", amount=2)))
    assert holds({"where": both}, happened(event(1, form="a", amount=2)))
    assert holds({"where": {"property": "string", "op": "is", "value": "webinar"}}, happened(event(1)))


def test_every_event_is_one_where_nothing_is_asked() -> None:
    assert judge_event(None, event(1), happened()).holds


def test_a_value_of_the_event_that_caused_entry_is_compared() -> None:
    raw = condition({"property": "string", "op": "is", "value": {"entry_event": "form"}})
    assert judge(raw, happened(entry_event=event(1, form="webinar"))).holds
    assert not judge(raw, happened(entry_event=event(1, form="demo"))).holds
    assert not judge(raw, happened()).holds


def test_membership_of_a_list_is_that_of_the_record_it_is_asked_of() -> None:
    member, stranger = ({"list": "vip", "op": op} for op in ("member", "not_member"))
    known = with_membership(facts({}, {}), "c1", "vip", member=True)
    assert judge(condition(member), known).holds
    assert not judge(condition(stranger), known).holds
    related = {"related": {"object": "opportunity"}, "where": member}
    assert not judge(condition(related), known).holds
    assert judge(condition(related), with_membership(known, "o0", "vip", member=True)).holds
    assert not judge(condition(member), with_membership(known, "c1", "vip", member=False)).holds


def test_what_a_record_did_in_a_workflow_is_asked_by_its_status() -> None:
    known = with_statuses(facts({}), "welcome", ["enrolled", "met_goal"])
    asked = {
        s: condition({"workflow": "welcome", "status": s}) for s in ("active", "enrolled", "completed", "met_goal")
    }
    assert [s for s, one in asked.items() if judge(one, known).holds] == ["enrolled", "met_goal"]
    assert not judge(condition({"workflow": "other", "status": "enrolled"}), known).holds


def test_the_number_of_events_is_what_was_seen() -> None:
    (seen,) = judge(condition({"event": "form.submitted", "count": {"at_least": 3}}), happened(event(1), event(2))).seen
    assert (seen.value, seen.holds) == (2, False)
    assert "form.submitted" in seen.what


def test_without_an_event_it_is_not_counted() -> None:
    assert not holds({}, without_event(happened(event(1)), "e1"))
