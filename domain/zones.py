"""Which time zone clock times and dates are meant in: the workflow's, the account's or the record's own."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.definition import Definition
from domain.facts import RecordFacts

ZONE_PROPERTY = "timezone"
"""The property that holds the zone of a record."""


def zone_of(definition: Definition, account_zone: str) -> str:
    """The IANA name of the zone in which conditions compare days; one for all, so where records have theirs, the
    account's.
    """
    zone = definition.settings.timezone
    return account_zone if zone in ("account", "record") else zone


def clock_zone(definition: Definition, account_zone: str, record: RecordFacts) -> str:
    """The IANA name of the zone in which delays, windows and anchors of one enrollment are meant (rule R8)."""
    if definition.settings.timezone != "record":
        return zone_of(definition, account_zone)
    own = record.properties.get(ZONE_PROPERTY)
    return own if isinstance(own, str) and is_zone(own) else account_zone


def is_zone(name: str) -> bool:
    """Whether the name is a time zone of the IANA database."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
