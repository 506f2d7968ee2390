from __future__ import annotations

from typing import Any

import pytest

from domain.base import Json
from domain.judging import SEEN_TEXT, judge
from domain.operators import OPERATORS
from domain.schema import PropertyType
from tests.fixtures.comparisons import NOW, ROWS
from tests.fixtures.kinds import condition, facts

PRESENCE_ONLY = {"known", "unknown"}


def _holds(raw: Json, *arguments: Any, **named: Any) -> bool:
    return judge(condition(raw), facts(*arguments, **named)).holds


@pytest.mark.parametrize(("name", "op", "left", "right", "expected"), ROWS)
def test_an_operator_compares_as_its_type_says(name: str, op: str, left: Json, right: Json, expected: bool) -> None:
    assert _holds({"property": name, "op": op, "value": right}, {name: left}) is expected


def test_the_table_has_every_operator_of_every_type() -> None:
    tried = {(name, op) for name, op, _, _, _ in ROWS}
    wanted = {(type_.value, op) for type_, ops in OPERATORS.items() for op in ops - PRESENCE_ONLY}
    assert tried == wanted


@pytest.mark.parametrize("name", [type_.value for type_ in PropertyType])
def test_null_and_missing_are_the_same(name: str) -> None:
    for document in ({}, {name: None}):
        assert not _holds({"property": name, "op": "known"}, document)
        assert _holds({"property": name, "op": "unknown"}, document)
    assert _holds({"property": name, "op": "known"}, {name: 0})


NEGATIVES = [
    ("string", "is_not", "a"), ("string", "not_in", ["a"]), ("string", "not_contains", "a"), ("number", "is_not", 1),
    ("bool", "is_not", True), ("date", "is_not", "2027-03-01"), ("enum", "not_in", ["red"]),
    ("multi_enum", "contains_none", ["red"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "op", "value"), NEGATIVES)
def test_a_negative_operator_leaves_blanks_out_unless_they_are_included(name: str, op: str, value: Json) -> None:
    raw = {"property": name, "op": op, "value": value}
    assert not _holds(raw, {})
    assert _holds({**raw, "include_blank": True}, {})
    assert _holds({"not": raw}, {})


def test_including_blanks_means_nothing_to_a_positive_operator() -> None:
    assert not _holds({"property": "string", "op": "is", "value": "a", "include_blank": True}, {})


def test_an_operator_the_type_has_not_is_false() -> None:
    assert not _holds({"property": "string", "op": "gt", "value": "a"}, {"string": "b"})
    assert not _holds({"property": "number", "op": "contains", "value": 1}, {"number": 1})


def test_a_property_the_schema_does_not_know_is_blank() -> None:
    assert _holds({"property": "unheard_of", "op": "unknown"}, {"unheard_of": "x"})


def test_all_any_and_not_are_what_they_are_called() -> None:
    yes, no = {"property": "string", "op": "known"}, {"property": "number", "op": "known"}
    document = {"string": "a"}
    assert _holds({"all": [yes, {"any": [no, yes]}, {"not": no}]}, document)
    assert not _holds({"all": [yes, no]}, document)
    assert not _holds({"any": [no]}, document)
    assert _holds({"all": []}, document)
    assert not _holds({"any": []}, document)


def test_a_day_is_the_day_of_the_zone() -> None:
    late = {"datetime": "2027-03-01T23:30:00.000000Z"}
    raw = {"property": "datetime", "op": "on", "value": "2027-03-02"}
    assert not _holds(raw, late)
    assert _holds(raw, late, zone="Europe/Oslo")
    assert _holds({**raw, "op": "before"}, late)
    assert not _holds({**raw, "op": "before"}, late, zone="Europe/Oslo")


def test_today_is_the_day_of_the_zone() -> None:
    tomorrow = {"property": "date", "op": "is", "value": {"now": {}}}
    assert _holds(tomorrow, {"date": "2027-03-01"})
    assert _holds(tomorrow, {"date": "2027-03-02"}, zone="Pacific/Kiritimati") is False
    assert _holds({**tomorrow, "value": {"now": {"hours": 2}}}, {"date": "2027-03-02"}, zone="Pacific/Kiritimati")


def test_days_of_a_length_keep_the_clock_time_over_a_change_of_clocks() -> None:
    # New York puts its clocks forward on 14 March 2027: 13 days ahead at 04:00 is an hour less away than 312 hours.
    edge = {"datetime": "2027-03-14T08:00:00.000000Z"}
    late = {"datetime": "2027-03-14T09:00:00.000000Z"}
    soon = {"property": "datetime", "op": "within_next", "value": {"days": 13}}
    assert _holds(soon, edge, zone="America/New_York")
    assert not _holds(soon, late, zone="America/New_York")
    assert _holds({**soon, "value": {"hours": 312}}, late, zone="America/New_York")


def test_another_property_is_read_from_the_same_record() -> None:
    raw = {"property": "string", "op": "is", "value": {"property": "string_two"}}
    assert _holds(raw, {"string": "A", "string_two": "a"})
    assert not _holds({**raw, "op": "is_not"}, {"string": "a"})
    of = {**raw, "of": {"object": "opportunity"}}
    assert _holds(of, {"string_two": "b"}, {"string": "a", "string_two": "a"})
    assert not _holds(of, {"string_two": "a"}, {"string": "a", "string_two": "b"})


def test_another_property_may_be_read_from_associated_records() -> None:
    raw = {"property": "string", "op": "is", "value": {"property": "string", "of": {"object": "opportunity"}}}
    assert _holds(raw, {"string": "a"}, {"string": "b"}, {"string": "a"})
    assert not _holds(raw, {"string": "a"}, {"string": "b"})


def test_properties_of_unlike_types_do_not_compare() -> None:
    assert not _holds({"property": "string", "op": "is", "value": {"property": "number"}}, {"string": "5", "number": 5})
    assert _holds(
        {"property": "datetime", "op": "on", "value": {"property": "date"}}, {"datetime": NOW, "date": "2027-03-01"}
    )
    assert not _holds(
        {"property": "date", "op": "is", "value": {"property": "date_two"}}, {"date": "2027-03-01", "date_two": NOW}
    )


MATCHES = [
    # match, values of the opportunities (youngest first), holds
    (None, ["a", "b"], True),
    (None, ["b"], False),
    (None, [], False),
    ("any", ["b", "a"], True),
    ("any", [], False),
    ("all", ["a", "a"], True),
    ("all", ["a", "b"], False),
    ("all", [], False),
    ("none", ["b"], True),
    ("none", ["b", "a"], False),
    ("none", [], True),
    ("latest", ["a", "b"], True),
    ("latest", ["b", "a"], False),
    ("latest", [], False),
]


@pytest.mark.parametrize(("match", "values", "expected"), MATCHES)
def test_a_set_of_associated_records_is_read_as_match_says(
    match: str | None, values: list[str], expected: bool
) -> None:
    opportunities = [{"string": value} for value in values]
    of = {"object": "opportunity", **({"match": match} if match else {})}
    comparison = {"property": "string", "op": "is", "value": "a"}
    assert _holds({**comparison, "of": of}, {}, *opportunities) is expected
    assert _holds({"related": of, "where": comparison}, {}, *opportunities) is expected


def test_a_label_narrows_the_set() -> None:
    raw = {"property": "string", "op": "is", "value": "a", "of": {"object": "opportunity", "label": "primary"}}
    assert _holds(raw, {}, {"string": "a"}, labels=("primary",))
    assert not _holds(raw, {}, {"string": "a"}, {"string": "b"}, labels=(None, "primary"))
    latest = {**raw, "of": {"object": "opportunity", "label": "primary", "match": "latest"}}
    assert _holds(latest, {}, {"string": "b"}, {"string": "a"}, labels=(None, "primary"))


def test_the_bound_record_stands_in_only_when_nothing_says_which() -> None:
    raw: dict[str, Any] = {"property": "string", "op": "is", "value": "a", "of": {"object": "opportunity"}}
    others = ({"string": "b"}, {"string": "b"})
    assert _holds(raw, {}, *others, bound={"string": "a"})
    assert not _holds({**raw, "of": {"object": "opportunity", "match": "any"}}, {}, *others, bound={"string": "a"})
    assert not _holds({**raw, "of": {"object": "opportunity", "label": "x"}}, {}, *others, bound={"string": "a"})
    where = {"property": "string", "op": "is", "value": "b"}
    assert not _holds({"related": {"object": "opportunity"}, "where": where}, {}, *others, bound={"string": "a"})
    counted = {"related": {"object": "opportunity"}, "where": where, "count": {"at_least": 2}}
    assert _holds(counted, {}, *others, bound={"string": "a"})


def test_related_wants_everything_on_the_same_record() -> None:
    where = {"all": [{"property": "string", "op": "is", "value": "a"}, {"property": "number", "op": "gt", "value": 5}]}
    raw = {"related": {"object": "opportunity"}, "where": where}
    assert not _holds(raw, {}, {"string": "a", "number": 1}, {"string": "b", "number": 9})
    assert _holds(raw, {}, {"string": "a", "number": 9})


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        ({"at_least": 2}, True),
        ({"at_least": 3}, False),
        ({"at_most": 2}, True),
        ({"at_most": 1}, False),
        ({"at_least": 1, "at_most": 2}, True),
        ({}, True),
    ],
)
def test_a_count_has_both_bounds_inside(count: dict[str, int], expected: bool) -> None:
    raw = {
        "related": {"object": "opportunity"},
        "where": {"property": "string", "op": "is", "value": "a"},
        "count": count,
    }
    assert _holds(raw, {}, {"string": "a"}, {"string": "a"}, {"string": "b"}) is expected


def test_associated_records_of_associated_records_are_out_of_reach() -> None:
    inner = {"property": "string", "op": "known", "of": {"object": "opportunity"}}
    assert not _holds({"related": {"object": "opportunity"}, "where": inner}, {}, {"string": "a"})


def test_parameters_are_compared_as_what_they_are() -> None:
    named: dict[str, Any] = {
        "parameters": {"offer": "Gold", "limit": 5, "tags": ["a"], "day": "2027-03-01", "on": True}
    }
    assert _holds({"parameter": "offer", "op": "is", "value": "gold"}, {}, **named)
    assert _holds({"parameter": "limit", "op": "gte", "value": 5}, {}, **named)
    assert _holds({"parameter": "tags", "op": "contains_any", "value": ["a"]}, {}, **named)
    assert _holds({"parameter": "day", "op": "before", "value": {"now": {"days": 1}}}, {}, **named)
    assert _holds({"parameter": "on", "op": "is", "value": True}, {}, **named)
    assert _holds({"parameter": "none", "op": "unknown"}, {}, **named)
    assert _holds({"property": "number", "op": "lt", "value": {"parameter": "limit"}}, {"number": 4}, **named)


def test_the_verdict_keeps_what_was_looked_at_and_stops_when_the_answer_is_known() -> None:
    parts = [{"property": name, "op": "known"} for name in ("string", "number", "date")]
    verdict = judge(condition({"all": parts}), facts({"string": "a"}))
    assert [(seen.what, seen.value, seen.holds) for seen in verdict.seen] == [
        ("String is known", "a", True),
        ("Number is known", None, False),
    ]


def test_the_verdict_keeps_the_values_of_a_set() -> None:
    raw = {"property": "string", "op": "is", "value": "b", "of": {"object": "opportunity", "match": "any"}}
    verdict = judge(condition(raw), facts({}, {"string": "a"}, {"string": "b"}))
    assert [seen.value for seen in verdict.seen] == [["a", "b"]]


def test_the_verdict_of_a_count_keeps_the_number_found() -> None:
    raw = {
        "related": {"object": "opportunity"},
        "where": {"property": "string", "op": "known"},
        "count": {"at_least": 3},
    }
    verdict = judge(condition(raw), facts({}, {"string": "a"}, {"string": "b"}, {}))
    assert [(seen.value, seen.holds) for seen in verdict.seen] == [(2, False)]


def test_the_verdict_cuts_long_texts() -> None:
    verdict = judge(condition({"property": "text", "op": "known"}), facts({"text": "x" * 5000}))
    assert verdict.seen[0].value == "x" * SEEN_TEXT + "…"


@pytest.mark.parametrize(
    ("raw", "held"),
    [
        ({"output": "status", "step": "call", "op": "is", "value": 200}, True),
        ({"output": "status", "step": "call", "op": "gte", "value": 300}, False),
        ({"output": "status", "step": "call", "op": "is", "value": "200"}, False),
        ({"output": "ok", "step": "call", "op": "is", "value": True}, True),
        ({"output": "text", "step": "call", "op": "contains", "value": "b"}, True),
        ({"output": "gone", "step": "call", "op": "known"}, False),
        ({"output": "status", "step": "other", "op": "unknown"}, True),
        ({"property": "string", "op": "is", "value": {"output": "text", "step": "call"}}, True),
        ({"property": "string", "op": "is", "value": {"output": "gone", "step": "call"}}, False),
    ],
)
def test_outputs_of_steps_are_compared_by_their_json_type(raw: Json, held: bool) -> None:
    given = facts({"string": "abc"}).model_copy(
        update={"outputs": {"call": {"status": 200, "ok": True, "text": "abc", "gone": None}}}
    )
    assert judge(condition(raw), given).holds is held


def test_a_length_out_of_reach_reaches_everything() -> None:
    old = {"datetime": "1999-01-01T00:00:00.000000Z"}
    assert _holds({"property": "datetime", "op": "within_last", "value": {"weeks": 10**12}}, old)
    assert _holds({"property": "datetime", "op": "before", "value": {"now": {"hours": 10**15}}}, old)
