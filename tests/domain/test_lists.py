"""Which lists a condition names, and when naming them leads in a circle."""

from __future__ import annotations

from domain.conditions import load_condition
from domain.lists import circle, lists_named


def test_every_list_is_found_with_its_place() -> None:
    condition = load_condition(
        {
            "all": [
                {"list": "a", "op": "member"},
                {"not": {"any": [{"list": "b", "op": "not_member"}]}},
                {"related": {"object": "company"}, "where": {"list": "c", "op": "member"}},
                {"property": "email", "op": "known"},
            ]
        }
    )
    assert list(lists_named(condition)) == [
        ("/all/0/list", "a"), ("/all/1/not/any/0/list", "b"), ("/all/2/where/list", "c"),
    ]  # fmt: skip


def test_a_circle_is_told_by_its_shortest_way() -> None:
    others = {"b": frozenset({"c", "d"}), "c": frozenset({"d"}), "d": frozenset({"a"})}
    assert circle("a", "a", others) == ["a", "a"]
    assert circle("a", "b", others) == ["a", "b", "d", "a"]
    assert circle("e", "b", others) is None
