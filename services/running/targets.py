"""Which records a step means that says ``of``."""

from __future__ import annotations

from domain.conditions import Of
from domain.facts import Facts, RecordFacts


def meant_records(facts: Facts, of: Of | None) -> list[RecordFacts]:
    """The enrolled record, the bound one, or the associated ones ``of`` means; empty when there are none."""
    if of is None or of.object == facts.record.object:
        return [facts.record]
    if of.label is None and of.match is None and facts.bound is not None and facts.bound.object == of.object:
        return [facts.bound]
    found = [a.record for a in facts.associated.get(of.object, ()) if of.label in (None, a.label)]
    # Two labels between the same two records are two associations of one record.
    found = list({record.id: record for record in found}.values())
    return found[:1] if of.match == "latest" else found
