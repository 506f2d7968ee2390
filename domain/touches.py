"""What a change touches: the interest keys by which triggers and running enrollments that may care are found."""

from __future__ import annotations

from collections.abc import Callable

from domain.names import (
    association_key,
    event_key,
    list_key,
    object_key,
    property_key,
    subscription_key,
    workflow_key,
)
from domain.records import Change


def changed_properties(change: Change) -> frozenset[str]:
    """Names of properties whose value differs before and after."""
    before, after = change.before or {}, change.after or {}
    return frozenset(name for name in {*before, *after} if before.get(name) != after.get(name))


def keys_touched(change: Change) -> frozenset[str]:
    """Interest keys of a change; a creation touches every filter on its object, as blank may be what it asks for.

    ``detail`` names what happened: ``event``, ``list``, ``subscriptions`` or ``workflow``. A merge brings everything of
    another record, which ``events``, ``lists``, ``subscriptions``, ``workflows`` and ``other_objects`` list.
    """
    if change.kind in ("associated", "dissociated"):
        other = str((change.detail or {}).get("other_object"))
        return frozenset({association_key(change.object, other)})
    keys = {property_key(change.object, name) for name in changed_properties(change)}
    if change.kind in ("deleted", "merged"):
        keys |= {association_key(other, change.object) for other in _named(change, "other_objects")}
    if change.kind == "merged":
        keys |= {association_key(change.object, other) for other in _named(change, "other_objects")}
    for names, key_of in _HAPPENINGS:
        keys |= {key_of(name) for name in _named(change, names)}
    if change.kind == "created":
        keys.add(object_key(change.object))
    if keys and change.kind == "updated":
        keys.add(property_key(change.object, "updated_at"))
    return frozenset(keys)


_HAPPENINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("event", event_key),
    ("events", event_key),
    ("list", list_key),
    ("lists", list_key),
    ("subscriptions", subscription_key),
    ("workflow", workflow_key),
    ("workflows", workflow_key),
)
"""What the detail of a change may name, and the key each name is found by."""


def _named(change: Change, name: str) -> list[str]:
    """The names a detail gives, one or several."""
    found = (change.detail or {}).get(name)
    return [str(each) for each in found] if isinstance(found, list) else [str(found)] if found is not None else []
