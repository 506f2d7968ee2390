"""A change touches what differs before and after, and nothing else."""

from __future__ import annotations

from typing import Any

from domain.records import Cause, Change
from domain.touches import keys_touched
from tests.fixtures.clock import START


def change(**values: Any) -> Change:
    base: dict[str, Any] = {
        "seq": 1, "id": "x", "object": "contact", "record_id": "c", "record_version": 2, "kind": "updated",
        "cause": Cause(kind="api"), "occurred_at": START,
    }  # fmt: skip
    return Change(**{**base, **values})


def test_an_update_touches_the_properties_that_differ() -> None:
    made = change(before={"email": "a@example.com", "city": "Oslo"}, after={"email": "b@example.com", "city": "Oslo"})
    assert keys_touched(made) == {"contact.email", "contact.updated_at"}


def test_a_cleared_property_is_touched() -> None:
    assert "contact.city" in keys_touched(change(before={"city": "Oslo"}, after={}))


def test_a_creation_touches_every_filter_on_the_object() -> None:
    assert keys_touched(change(kind="created", after={"city": "Oslo"})) == {"contact.city", "contact.*"}


def test_an_association_touches_whoever_looks_from_this_side() -> None:
    made = change(kind="associated", detail={"other_id": "o", "other_object": "opportunity", "label": None})
    assert keys_touched(made) == {"contact~opportunity"}


def test_a_subscription_touches_whoever_asks_for_that_type() -> None:
    made = change(kind="subscription", detail={"subscriptions": ["newsletter", "offers"], "before": {}, "after": {}})
    assert keys_touched(made) == {"subscription:newsletter", "subscription:offers"}
