"""Which time zone clock times and dates are meant in: the workflow's, the account's or the record's own."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

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


def misspelt_zone(definition: Definition, record: RecordFacts) -> str | None:
    """What the record says of its zone where that is none, so that the account's counts; None: there is nothing to say.

    Nothing at all is no mistake.
    """
    own = record.properties.get(ZONE_PROPERTY)
    if definition.settings.timezone != "record" or own in (None, ""):
        return None
    return None if isinstance(own, str) and is_zone(own) else str(own)[:60]


def is_zone(name: str) -> bool:
    """Whether the name is a time zone of the IANA database."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    # What this machine calls its own, whatever that is today.
    return frozenset(available_timezones()) - {"localtime", "posixrules", "Factory"}
