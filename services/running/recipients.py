"""Who a message goes to, and whether it may leave the house (engine.md, Consent for messages)."""

from __future__ import annotations

from collections.abc import Collection

from domain.errors import StepSkipped
from domain.facts import RecordFacts
from services.running.inside import Inside
from services.running.variables import record_of

SAMPLE_SOURCE = "sample"
"""What the property ``source`` of a record of the sample says."""


def contact_objects(object: str) -> Collection[str]:
    """Which associated objects the recipient of a workflow on ``object`` is found through."""
    return () if object == "contact" else ("contact",)


def contact_of(inside: Inside) -> RecordFacts:
    """The contact a message to the record goes to: the record itself, or its latest associated contact.

    Raises:
        StepSkipped: ``no_record``, when there is none.
    """
    contact = record_of(inside, "contact")
    if contact is None:
        raise StepSkipped("no_record", f"the {inside.record.object} has no contact")
    return contact


def keep_sample_inside(contact: RecordFacts, domain: str, *, allowed: Collection[str], stays_here: bool) -> None:
    """Refuse to send to somebody made up. ``stays_here``: the gateway is the local outbox, which reaches nobody.

    Raises:
        StepSkipped: ``no_consent``, for a sample record whose ``domain`` is not among the allowed ones.
    """
    if stays_here or contact.properties.get("source") != SAMPLE_SOURCE:
        return
    if domain.lower() not in {name.lower() for name in allowed}:
        raise StepSkipped("no_consent", "a sample record is not written to outside the outbox")
