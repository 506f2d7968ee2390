"""The live part of a workflow (rule R12): values that belong to the workflow, not to a version, and apply at once.

Publishing makes the draft's values the live ones; changing them alone changes the draft with them.
"""

from __future__ import annotations

from domain.base import Frozen, Json
from domain.definition import Anchor, Definition, WorkflowSettings
from domain.schema import PropertyType, Schema
from domain.steps import ClockTime, DateText

LIVE_ANCHOR = ("date", "time")
"""What of an anchor is live; which property it reads belongs to the version."""


class LiveAnchor(Frozen):
    """When the date of a dated workflow is; ``date`` is None where a property says it."""

    date: DateText | None = None
    time: ClockTime | None = None


class Live(Frozen):
    """Settings and anchor as they hold for everybody inside, whichever version they run."""

    settings: WorkflowSettings = WorkflowSettings()
    anchor: LiveAnchor = LiveAnchor()

    def document(self) -> dict[str, Json]:
        """As it is stored: what differs from the defaults."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def live_of(definition: Definition) -> Live:
    """The values a definition would make the live ones."""
    anchor = definition.anchor
    read = LiveAnchor(date=anchor.date, time=anchor.time) if anchor is not None else LiveAnchor()
    return Live(settings=definition.settings, anchor=read)


def with_live(definition: Definition, live: Live, schema: Schema) -> Definition:
    """The definition of a version with the live values in place of those of its publishing.

    A newer version whose steps all name a time of their own needs none of its anchor; one that counts hours from a
    whole day does. So where there is no live time, such a version keeps its own rather than count from midnight.
    """
    anchor = definition.anchor
    if anchor is not None:
        values = {name: getattr(live.anchor, name) for name in LIVE_ANCHOR}
        if live.anchor.time is None and not _has_time(anchor, definition.object, schema):
            values["time"] = anchor.time
        anchor = anchor.model_copy(update=values)
    return definition.model_copy(update={"settings": live.settings, "anchor": anchor})


def _has_time(anchor: Anchor, object: str, schema: Schema) -> bool:
    """Whether what an anchor is read from says the time of day itself."""
    if anchor.property is None:
        return False
    found = schema.property(anchor.of or object, anchor.property)
    return found is not None and found.type is PropertyType.DATETIME


def with_values(document: Json, changed: dict[str, Json]) -> dict[str, Json]:
    """A definition as it was written, with other live values.

    ``changed``: fields of the settings by name, and under ``anchor`` those of the anchor; None takes a field out, so
    that its default holds.
    """
    written = dict(document) if isinstance(document, dict) else {}
    values = dict(changed)
    anchor = values.pop("anchor", None)
    if values:
        written["settings"] = _merged(written.get("settings"), values)
    # Who has no anchor has no values of one, and needs none to say so.
    if isinstance(anchor, dict) and ("anchor" in written or any(value is not None for value in anchor.values())):
        written["anchor"] = _merged(written.get("anchor"), anchor)
    return written


def _merged(old: Json, new: dict[str, Json]) -> dict[str, Json]:
    merged = {**(old if isinstance(old, dict) else {}), **new}
    return {name: value for name, value in merged.items() if value is not None}
