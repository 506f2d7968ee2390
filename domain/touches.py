"""What a change touches: the interest keys by which triggers and running enrollments that may care are found."""

from __future__ import annotations

from domain.names import association_key, event_key, object_key, property_key
from domain.records import Change


def changed_properties(change: Change) -> frozenset[str]:
    """Names of properties whose value differs before and after."""
    before, after = change.before or {}, change.after or {}
    return frozenset(name for name in {*before, *after} if before.get(name) != after.get(name))


def keys_touched(change: Change) -> frozenset[str]:
    """Interest keys of a change; a creation touches every filter on its object, as blank may be what it asks for."""
    if change.kind in ("associated", "dissociated"):
        other = str((change.detail or {}).get("other_object"))
        return frozenset({association_key(change.object, other)})
    if change.kind == "event":
        return frozenset({event_key(str((change.detail or {}).get("event")))})
    keys = {property_key(change.object, name) for name in changed_properties(change)}
    if change.kind == "deleted":
        others = (change.detail or {}).get("other_objects")
        keys |= {association_key(str(other), change.object) for other in (others if isinstance(others, list) else [])}
    if change.kind == "created":
        keys.add(object_key(change.object))
    if keys and change.kind == "updated":
        keys.add(property_key(change.object, "updated_at"))
    return frozenset(keys)
