"""What a condition is judged on: the record, its associated records, the bound record, the instant and the zone."""

from __future__ import annotations

from domain.base import Frozen, Instant, Json, Properties
from domain.schema import Schema


class RecordFacts(Frozen):
    """One record as it is, or as it was at an instant."""

    id: str
    object: str
    properties: Properties


class Associated(Frozen):
    """A record associated with the subject: its label and since when."""

    record: RecordFacts
    label: str | None
    since: Instant


class Facts(Frozen):
    """Everything a condition may read.

    ``associated`` maps object type -> associated records (youngest association first, then highest id); an object
    that was not asked for is missing and reads as empty. ``bound`` stands in for the set of its object when a
    condition names neither ``match`` nor ``label``. ``zone`` is the IANA name of the workflow's zone.
    """

    schema_: Schema
    record: RecordFacts
    associated: dict[str, tuple[Associated, ...]] = {}
    bound: RecordFacts | None = None
    parameters: dict[str, Json] = {}
    now: Instant
    zone: str


class Seen(Frozen):
    """One comparison that was made: in words, the value found, and whether it held."""

    what: str
    value: Json
    holds: bool


class Verdict(Frozen):
    """The answer of a condition and the values it saw, for the timeline and the entry decision."""

    holds: bool
    seen: tuple[Seen, ...] = ()


def with_properties(facts: Facts, record_id: str, properties: Properties | None) -> Facts:
    """The facts as they would be if a record had ``properties``; None: if it did not exist.

    Only meaningful for an associated or bound record when None: without it, it is not associated.
    """

    def changed(record: RecordFacts) -> RecordFacts:
        if record.id != record_id or properties is None:
            return record
        instants = {name: record.properties[name] for name in ("created_at", "updated_at") if name in record.properties}
        return record.model_copy(update={"properties": {**properties, **instants}})

    associated = {
        name: tuple(
            a.model_copy(update={"record": changed(a.record)})
            for a in group
            if properties is not None or a.record.id != record_id
        )
        for name, group in facts.associated.items()
    }
    bound = facts.bound
    if bound is not None:
        bound = None if bound.id == record_id and properties is None else changed(bound)
    return facts.model_copy(update={"record": changed(facts.record), "associated": associated, "bound": bound})


def with_association(facts: Facts, other: Associated) -> Facts:
    """The facts as they would be if ``other`` were associated too."""
    group = facts.associated.get(other.record.object, ())
    return facts.model_copy(update={"associated": {**facts.associated, other.record.object: (other, *group)}})
